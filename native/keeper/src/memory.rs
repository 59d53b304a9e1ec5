//! The guest's memory, as the keeper sees it from outside: where it lies in the VMM, and how it is
//! frozen.

pub mod guest_memory;
