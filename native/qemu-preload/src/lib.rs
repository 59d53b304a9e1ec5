//! `libroost_qemu_preload.so`, preloaded into QEMU (`LD_PRELOAD`).
//!
//! QEMU is told to map a file, `/vm/ram`, as the guest's memory, shared, because what is shared it
//! leaves out of its state stream. This library watches its calls of `mmap` for that file, and
//! gives it private memory instead: layers of a generation mapped over zeros (*mapped*), or empty
//! memory under userfaultfd (*paged*), as a plan says that the keeper has left in an inherited
//! descriptor. Then it tells the keeper where the memory is. Without a plan it does nothing.
//!
//! What holds: the memory has exactly the plan's content, or there is one line on standard error
//! and the process is gone.
//!
//! It runs in a QEMU that another distribution has built, with that one's C library. So it brings
//! nothing along: no standard library, system calls of its own, and of the C library only names
//! that every version has, without asking for a version.

#![cfg_attr(feature = "preloaded", no_std)]

mod c_library;
mod give;
mod hand_over;
mod inherited_plan;
mod interpose;
mod mapped;
mod paged;
mod userfaultfd;
mod wish;

pub use interpose::{mmap, mmap64};

/// Nothing here panics knowingly. If it does, the memory is in doubt.
#[cfg(feature = "preloaded")]
#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    c_library::die(format_args!("it has a defect"))
}
