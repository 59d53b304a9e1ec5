//! The plan that the keeper has left in a descriptor, and the file it is about.

use core::ptr::null_mut;
use core::slice;

use memory_plan::{HEADER, Header, Plan};
use rustix::fd::BorrowedFd;
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

use crate::c_library::{die, number_variable};

/// The plan, if there is one and `file` is the one in whose place the memory is to be given. Its
/// descriptor stays open, so that its number never comes to mean another file.
pub fn about(file: BorrowedFd<'_>) -> Option<Plan<'static>> {
    let descriptor = number_variable(c"ROOST_MEMORY_PLAN").filter(|&number| number >= 0)?;
    // SAFETY: left by the keeper, and never closed.
    let plan = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let mut header = [0; HEADER];
    if rustix::io::pread(plan, &mut header, 0) != Ok(HEADER) {
        die(format_args!("descriptor {descriptor} holds no plan"));
    }
    match Header::read(&header) {
        Ok(header) => is(file, header.sentinel).then(|| read(plan)),
        Err(broken) => die(format_args!("the plan is wrong: {}", broken.0)),
    }
}

/// A file that cannot be looked at is not it; `mmap` will say what is wrong with it.
fn is(file: BorrowedFd<'_>, (device, inode): (u64, u64)) -> bool {
    rustix::fs::fstat(file).is_ok_and(|facts| (facts.st_dev, facts.st_ino) == (device, inode))
}

fn read(file: BorrowedFd<'_>) -> Plan<'static> {
    let map = || -> Result<&'static [u8], Errno> {
        let length =
            usize::try_from(rustix::fs::fstat(file)?.st_size).map_err(|_| Errno::OVERFLOW)?;
        // SAFETY: a new mapping, which stays. The keeper has sealed the file: it neither shrinks
        // nor changes.
        unsafe {
            let start = rustix::mm::mmap(
                null_mut(),
                length,
                ProtFlags::READ,
                MapFlags::PRIVATE,
                file,
                0,
            )?;
            Ok(slice::from_raw_parts(start.cast(), length))
        }
    };
    let bytes = map().unwrap_or_else(|error| die(format_args!("cannot read the plan: {error}")));
    Plan::read(bytes).unwrap_or_else(|broken| die(format_args!("the plan is wrong: {}", broken.0)))
}
