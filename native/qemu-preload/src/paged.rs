//! Paged memory: empty, and the keeper brings each page when it is first used.

use core::ffi::{c_int, c_void};

use memory_plan::Plan;
use rustix::fd::{FromRawFd, OwnedFd};

use crate::give::must;
use crate::userfaultfd::Userfaultfd;

/// Puts the memory under a userfaultfd. What layers hold is missing, until the keeper copies it in;
/// the rest is zero without anybody's help. Writes are tracked everywhere.
///
/// # Safety
///
/// `memory` is empty private memory of the plan's size that nobody uses yet.
pub unsafe fn put_under(plan: &Plan<'_>, memory: *mut c_void, device: c_int) -> Userfaultfd {
    // SAFETY: left open by the keeper for this alone; closed when the userfaultfd is made, since
    // who holds it can make more.
    let device = unsafe { OwnedFd::from_raw_fd(device) };
    let faults = must("make a userfaultfd", Userfaultfd::open(&device));
    let base = memory.addr() as u64;
    must(
        "track writes",
        faults.track_writes(base, plan.header().size),
    );
    for range in plan.ranges() {
        must(
            "watch for faults",
            faults.track_missing(base + range.span.offset, range.span.length),
        );
    }
    faults
}
