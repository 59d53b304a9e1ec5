//! What happens between `fork` and `exec`: the steps that turn a root process into one that can
//! reach almost nothing.
//!
//! Each module is one step, a plain function over the kernel's calls, and says what holds after it.
//! None of them decides an order; the order that works, and why:
//!
//! 1. [`cgroups`] while the host's paths are still in sight, so that all that follows is already
//!    accounted for;
//! 2. [`namespaces`], then the mounts ([`mounts`], [`new_root`], [`devices`]): these need root;
//! 3. [`descriptors`], [`signals`], [`limits`]: what would otherwise be inherited;
//! 4. [`privileges`]: from here on there is no way back;
//! 5. [`parent_death`] last of all, because a change of user takes the death signal away;
//! 6. `exec`.
//!
//! All of it acts on the calling *thread*, where the kernel does: call it from a process that has
//! only one. Needed: Linux 5.12 (`mount_setattr`).

pub mod cgroups;
pub mod descriptors;
pub mod devices;
mod failure;
pub mod limits;
pub mod mounts;
pub mod namespaces;
pub mod new_root;
pub mod parent_death;
pub mod privileges;
pub mod signals;

pub use failure::{Failure, Result, WhileDoing};
