//! Bringing the pages of one range, whatever of it may be there already.

use std::time::Duration;

use confine::{Result, WhileDoing};
use memory_format::PAGE_SIZE;

use super::userfaultfd::{Hindrance, Userfaultfd};

/// How often it is tried again at once when the kernel is about to change the memory.
pub const PATIENCE: u32 = 100;

/// What came of bringing pages.
pub enum Outcome {
    /// All of them are there.
    Brought,
    /// The memory is being changed; some may be there.
    Again,
    VmmGone,
}

/// Brings all pages of a range that are not there. `step` is told where to go on, how much has been
/// done, and how much is left.
pub fn bring(
    faults: &Userfaultfd,
    address: u64,
    length: u64,
    step: impl Fn(u64, u64, u64) -> std::result::Result<u64, Hindrance>,
) -> Result<Outcome> {
    let mut done = 0;
    while done < length {
        let at = address + done;
        done += match step(at, done, length - done) {
            Ok(brought) => brought,
            Err(Hindrance::Present) => {
                // Who waits for it may have come after whoever brought it had woken all.
                faults
                    .wake(at, PAGE_SIZE)
                    .while_doing(|| "wake who waits for a page".into())?;
                PAGE_SIZE
            }
            Err(Hindrance::Changing) => return Ok(Outcome::Again),
            Err(Hindrance::Gone) => return Ok(Outcome::VmmGone),
            Err(Hindrance::Error(errno)) => {
                return Err(errno).while_doing(|| format!("bring the page at {at:#x} of the VMM"));
            }
        };
    }
    Ok(Outcome::Brought)
}

/// The kernel is about to change the memory: it does so when whoever wants it gets to run.
pub fn give_way(times: u32) {
    if times < PATIENCE {
        std::thread::yield_now();
    } else {
        std::thread::sleep(Duration::from_millis(1));
    }
}
