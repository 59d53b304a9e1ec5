//! A VMM without a guest: it maps its memory as QEMU does, with the preload library, and measures how the
//! pages come. `/vm/result` holds what it found.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::ptr::null_mut;
use std::time::{Duration, Instant};

use roost_qemu_preload::mmap;

use crate::Result;
use crate::arguments::Arguments;

const PAGE: usize = 4096;
/// What page servers bring for a fault.
const WINDOW: usize = 64 * 1024;
/// How often it is looked whether the last page is there.
const LOOK: Duration = Duration::from_micros(100);

/// `--what faults`: microseconds that a touch of a missing page took, the median. `--what push`: milliseconds until
/// all is there without a touch.
pub fn touch(arguments: &Arguments) -> Result<()> {
    let file = File::options().read(true).write(true).open("/vm/ram")?;
    let length = usize::try_from(file.metadata()?.len())?;
    let (protection, shared) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
    let began = Instant::now();
    // SAFETY: a new mapping where the kernel likes.
    let memory = unsafe { mmap(null_mut(), length, protection, shared, file.as_raw_fd(), 0) };
    if memory == libc::MAP_FAILED {
        return Err(std::io::Error::last_os_error().into());
    }
    let found = match arguments.text("what")? {
        "faults" => median_fault(memory.cast(), length),
        "push" => {
            while !is_present(memory.cast::<u8>().wrapping_add(length - PAGE)) {
                std::thread::sleep(LOOK);
            }
            began.elapsed().as_secs_f64() * 1e3
        }
        other => return Err(format!("no such thing to measure: {other}").into()),
    };
    std::fs::write("/vm/result", found.to_string())?;
    Ok(())
}

/// One page of every window, in an order in which no neighbour helps.
fn median_fault(memory: *const u8, length: usize) -> f64 {
    let windows = length / WINDOW;
    let stride = (windows * 5 / 8) | 1;
    let mut took: Vec<_> = (0..windows)
        .map(|number| number * stride % windows * WINDOW)
        .map(|offset| {
            let began = Instant::now();
            // SAFETY: within the mapping, which stays.
            unsafe { std::ptr::read_volatile(memory.add(offset)) };
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    took[took.len() / 2].as_secs_f64() * 1e6
}

fn is_present(page: *mut u8) -> bool {
    let mut present = 0_u8;
    // SAFETY: one page, of which one byte is told.
    unsafe { libc::mincore(page.cast(), PAGE, &raw mut present) == 0 && present & 1 == 1 }
}
