//! The calls that are watched. What is not about the guest's memory goes to the kernel as it came.

use core::ffi::{c_int, c_void};
use core::ptr::without_provenance_mut;

use rustix::fd::BorrowedFd;
use rustix::io::{Errno, Result};
use rustix::mm::{MapFlags, ProtFlags};

use crate::c_library::set_errno;
use crate::give::give;
use crate::inherited_plan;
use crate::wish::Wish;

const FAILED: *mut c_void = without_provenance_mut(usize::MAX);

/// See mmap(2).
///
/// # Safety
///
/// As of mmap(2): with `MAP_FIXED` it replaces what was mapped there.
#[cfg_attr(feature = "preloaded", unsafe(no_mangle))]
pub unsafe extern "C" fn mmap(
    address: *mut c_void,
    length: usize,
    protection: c_int,
    flags: c_int,
    descriptor: c_int,
    offset: i64,
) -> *mut c_void {
    let wish = Wish {
        address,
        length,
        protection: ProtFlags::from_bits_retain(protection.cast_unsigned()),
        flags: MapFlags::from_bits_retain(flags.cast_unsigned()),
    };
    // SAFETY: the caller's promise is handed on.
    let answer = unsafe { answer(&wish, descriptor, offset) };
    answer.unwrap_or_else(|error| {
        set_errno(error);
        FAILED
    })
}

/// The same under the name by which programs with large files call it.
///
/// # Safety
///
/// As of [`mmap`].
#[cfg_attr(feature = "preloaded", unsafe(no_mangle))]
pub unsafe extern "C" fn mmap64(
    address: *mut c_void,
    length: usize,
    protection: c_int,
    flags: c_int,
    descriptor: c_int,
    offset: i64,
) -> *mut c_void {
    // SAFETY: the caller's promise is handed on.
    unsafe { mmap(address, length, protection, flags, descriptor, offset) }
}

unsafe fn answer(wish: &Wish, descriptor: c_int, offset: i64) -> Result<*mut c_void> {
    if wish.is_anonymous() {
        // SAFETY: the caller's promise is handed on.
        return unsafe { wish.map_anonymous() };
    }
    if descriptor < 0 {
        return Err(Errno::BADF);
    }
    // SAFETY: the caller's, who has it open, or the kernel will say that it is not.
    let file = unsafe { BorrowedFd::borrow_raw(descriptor) };
    if let Some(plan) = inherited_plan::about(file) {
        // SAFETY: the caller's promise is handed on.
        return Ok(unsafe { give(&plan, wish, offset) });
    }
    // SAFETY: the caller's promise is handed on.
    unsafe { wish.map(file, offset.cast_unsigned()) }
}
