//! The guest's memory, in the place of a file.

use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, Ordering};

use memory_plan::{Mode, Plan};
use rustix::io::Errno;

use crate::c_library::die;
use crate::hand_over::hand_over;
use crate::wish::Wish;
use crate::{mapped, paged};

/// The one memory that there is to give has been given.
static GIVEN: AtomicBool = AtomicBool::new(false);

/// Private memory with the plan's content, of which the keeper knows.
///
/// # Safety
///
/// As of mmap(2), which asked for it: what was mapped at a fixed address must be nobody's any more.
pub unsafe fn give(plan: &Plan<'_>, wish: &Wish, offset: i64) -> *mut c_void {
    let size = plan.header().size;
    if offset != 0 || wish.length as u64 != size {
        die(format_args!(
            "QEMU maps {} bytes from byte {offset} on, but its memory has {size} bytes",
            wish.length
        ));
    }
    if GIVEN.swap(true, Ordering::AcqRel) {
        die(format_args!("QEMU maps its memory a second time"));
    }
    // SAFETY: the caller's promise is handed on.
    let memory = must("map the memory", unsafe {
        wish.in_private().map_anonymous()
    });
    // SAFETY: it has just been mapped, of the plan's size, and nobody knows of it yet.
    unsafe {
        match plan.header().mode {
            Mode::Mapped => {
                mapped::fill(plan, memory, wish.protection);
                hand_over(memory, size, None);
            }
            Mode::Paged { userfaultfd } => {
                let faults = paged::put_under(plan, memory, userfaultfd);
                hand_over(memory, size, Some(faults));
            }
        }
    }
    memory
}

/// The value, or the end.
pub fn must<T>(what: &str, answer: Result<T, Errno>) -> T {
    answer.unwrap_or_else(|error| die(format_args!("cannot {what}: {error}")))
}
