//! Mapped memory: the layers' ranges over zeros. The kernel's page cache brings the pages, and
//! shares them among all VMs that only read them.

use core::ffi::{c_int, c_void};

use memory_plan::{Plan, Span};
use rustix::fd::{BorrowedFd, FromRawFd, OwnedFd};
use rustix::mm::{Advice, MapFlags, ProtFlags};

use crate::give::must;
use crate::wish::Wish;

/// Puts the layers in their places, and makes present what is wanted. The layers' descriptors are
/// closed.
///
/// # Safety
///
/// `memory` is private memory of the plan's size that nobody uses yet.
pub unsafe fn fill(plan: &Plan<'_>, memory: *mut c_void, protection: ProtFlags) {
    let header = plan.header();
    let descriptor = |layer: u64| {
        header
            .first_layer
            .saturating_add(c_int::try_from(layer).unwrap_or(c_int::MAX))
    };
    for range in plan.ranges() {
        let place = Wish {
            // SAFETY: the plan has been checked: its ranges lie inside the memory.
            address: unsafe { at(memory, range.span) },
            length: length(range.span),
            protection,
            flags: MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED,
        };
        // SAFETY: left open by the keeper under this number.
        let layer = unsafe { BorrowedFd::borrow_raw(descriptor(range.layer)) };
        // SAFETY: it replaces a piece of `memory`, which nobody uses yet.
        must("map a layer", unsafe {
            place.map(layer, range.layer_offset)
        });
    }
    for layer in 0..header.layers {
        // SAFETY: left open by the keeper for this alone.
        drop(unsafe { OwnedFd::from_raw_fd(descriptor(layer.into())) });
    }
    for span in plan.wanted() {
        // SAFETY: inside the memory; reading changes nothing. An older kernel refuses, and what
        // cannot be read now is read, or fails, when it is used: a slower start at worst.
        let _ = unsafe {
            rustix::mm::madvise(at(memory, span), length(span), Advice::LinuxPopulateRead)
        };
    }
}

/// # Safety
///
/// `span` lies inside the memory.
unsafe fn at(memory: *mut c_void, span: Span) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { memory.byte_add(to_usize(span.offset)) }
}

fn length(span: Span) -> usize {
    to_usize(span.length)
}

/// Nothing in a memory that has been mapped is larger than an address.
fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
