//! Which open files a program inherits.

use std::os::fd::RawFd;

use crate::{Result, WhileDoing};

/// Closes every descriptor from 3 up: what whoever started this process has let slip through.
///
/// # Safety
///
/// It must be the first thing that a program does. Later it would close what some part of the
/// program still uses.
pub unsafe fn close_inherited() -> Result<()> {
    close_range(3, u32::MAX, 0).while_doing(|| "close inherited descriptors".into())
}

/// Marks every descriptor from 3 up close-on-exec, but for those in `kept`, which are left as they
/// are.
///
/// Marks rather than closes: what this process still needs on its way to `exec`, it keeps until
/// then.
pub fn close_on_exec_except(kept: &[RawFd]) -> Result<()> {
    let mut kept: Vec<u32> = kept
        .iter()
        .filter_map(|&fd| u32::try_from(fd).ok())
        .filter(|&fd| fd >= 3)
        .collect();
    kept.sort_unstable();
    let mut first = 3;
    for fd in kept {
        mark(first, fd - 1)?;
        first = fd + 1;
    }
    mark(first, u32::MAX)
}

fn mark(first: u32, last: u32) -> Result<()> {
    if first > last {
        return Ok(());
    }
    close_range(first, last, libc::CLOSE_RANGE_CLOEXEC.cast_signed())
        .while_doing(|| "mark the descriptors close-on-exec".into())
}

fn close_range(first: u32, last: u32, flags: libc::c_int) -> std::io::Result<()> {
    // SAFETY: touches no memory. Whose descriptors are closed is the callers' concern.
    let answer = unsafe { libc::close_range(first, last, flags) };
    if answer == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}
