//! The VMM's userfaultfd, from the side that brings the pages: see ioctl_userfaultfd(2) and the
//! kernel's `linux/userfaultfd.h`.

use std::io::Error;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use confine::{Failure, Result, WhileDoing};
use memory_format::PAGE_SIZE;
use rustix::io::Errno;

/// Of `struct uffd_msg`.
const MESSAGE: usize = 32;
const AT_A_TIME: usize = 32;

const PAGE_FAULT: u8 = 0x12;
const REMOVE: u8 = 0x15;
const WRITE_PROTECTED: u64 = 1 << 1;

/// Whoever writes to a page that was copied so leaves a trace.
const COPY_PROTECTED: u64 = 1 << 1;

const WAKE: libc::Ioctl = request(2, 0x02, size_of::<RangeOf>());
const COPY: libc::Ioctl = request(3, 0x03, size_of::<Copy>());
const ZERO: libc::Ioctl = request(3, 0x04, size_of::<Zero>());

/// `_IOC` of a kind, a number and a size.
const fn request(kind: libc::Ioctl, number: libc::Ioctl, size: usize) -> libc::Ioctl {
    (kind << 30) | ((size as libc::Ioctl) << 16) | (0xAA << 8) | number
}

#[repr(C)]
struct RangeOf {
    start: u64,
    length: u64,
}

#[repr(C)]
struct Copy {
    to: u64,
    from: u64,
    length: u64,
    mode: u64,
    done: i64,
}

#[repr(C)]
struct Zero {
    to: u64,
    length: u64,
    mode: u64,
    done: i64,
}

/// What the kernel tells. Addresses are the VMM's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody waits for the page at this address.
    Fault(u64),
    /// These pages are about to be given back. They are zero from then on.
    Remove(Range<u64>),
}

/// Why pages could not be brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// The first is there already.
    Present,
    /// The memory is being changed: the kernel has events to tell first.
    Changing,
    /// The VMM is gone.
    Gone,
    /// Anything else.
    Error(Errno),
}

/// Brings pages into the VMM's memory.
pub struct Userfaultfd(OwnedFd);

impl Userfaultfd {
    /// Takes what the VMM says is one, for memory that it says begins at `address`. Whatever else
    /// it may have sent is found out here.
    pub fn new(descriptor: OwnedFd, address: u64) -> Result<Self> {
        // What is not non-blocking, the kernel does not let us wait for.
        rustix::io::ioctl_fionbio(&descriptor, true)
            .while_doing(|| "look at the VMM's userfaultfd".into())?;
        let faults = Self(descriptor);
        match faults.wake(address, PAGE_SIZE) {
            Ok(()) => Ok(faults),
            Err(Errno::NOTTY) => Err(Failure::new(
                "the descriptor that the VMM has sent is no userfaultfd",
            )),
            Err(errno) => Err(errno).while_doing(|| "try the VMM's userfaultfd".into()),
        }
    }

    /// What has been told since the last time, to `events`. Answers whether there may be more.
    pub fn read(&self, events: &mut Vec<Event>) -> Result<bool> {
        let mut bytes = [0; MESSAGE * AT_A_TIME];
        let read = match rustix::io::read(&self.0, &mut bytes) {
            Ok(read) => read,
            Err(Errno::AGAIN | Errno::INTR) => 0,
            Err(errno) => return Err(errno).while_doing(|| "read the VMM's page faults".into()),
        };
        for message in bytes[..read].as_chunks::<MESSAGE>().0 {
            events.push(understand(message)?);
        }
        Ok(read == bytes.len())
    }

    /// Copies to the missing pages from `to` on what is at `from` in our own memory, and wakes who
    /// waits for them. Answers how many bytes that were, or why none.
    pub fn copy(
        &self,
        to: u64,
        from: *const u8,
        length: u64,
    ) -> std::result::Result<u64, Hindrance> {
        let mut copy = Copy {
            to,
            from: from as u64,
            length,
            mode: COPY_PROTECTED,
            done: 0,
        };
        // SAFETY: the structure is as the kernel expects. It reads from our memory (and says so if
        // it cannot) and writes to the VMM's alone.
        let answer = unsafe { libc::ioctl(self.0.as_raw_fd(), COPY, &raw mut copy) };
        brought(answer, copy.done, length)
    }

    /// The same with zeros.
    pub fn zero(&self, to: u64, length: u64) -> std::result::Result<u64, Hindrance> {
        let mut zero = Zero {
            to,
            length,
            mode: 0,
            done: 0,
        };
        // SAFETY: the structure is as the kernel expects; it writes to the VMM's memory alone.
        let answer = unsafe { libc::ioctl(self.0.as_raw_fd(), ZERO, &raw mut zero) };
        brought(answer, zero.done, length)
    }

    /// Wakes who waits for these pages: to see that they are there, or to ask again.
    pub fn wake(&self, address: u64, length: u64) -> rustix::io::Result<()> {
        let range = RangeOf {
            start: address,
            length,
        };
        // SAFETY: the structure is as the kernel expects, which only reads it.
        let answer = unsafe { libc::ioctl(self.0.as_raw_fd(), WAKE, &raw const range) };
        if answer == 0 {
            Ok(())
        } else {
            Err(last_errno())
        }
    }
}

impl AsFd for Userfaultfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn understand(message: &[u8; MESSAGE]) -> Result<Event> {
    let number = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&message[at..at + 8]);
        u64::from_ne_bytes(bytes)
    };
    match message[0] {
        PAGE_FAULT if number(8) & WRITE_PROTECTED == 0 => {
            Ok(Event::Fault(number(16) / PAGE_SIZE * PAGE_SIZE))
        }
        REMOVE => Ok(Event::Remove(number(8)..number(16))),
        other => Err(Failure::new(format!(
            "the VMM's userfaultfd tells of events that were not asked for ({other:#x})"
        ))),
    }
}

/// `done` is how far the kernel came, if that was not nowhere.
fn brought(answer: libc::c_int, done: i64, length: u64) -> std::result::Result<u64, Hindrance> {
    if answer == 0 {
        return Ok(length);
    }
    let errno = last_errno();
    match u64::try_from(done) {
        Ok(done @ 1..) => Ok(done),
        _ => Err(match errno {
            Errno::EXIST => Hindrance::Present,
            Errno::AGAIN => Hindrance::Changing,
            Errno::SRCH => Hindrance::Gone,
            errno => Hindrance::Error(errno),
        }),
    }
}

fn last_errno() -> Errno {
    Errno::from_io_error(&Error::last_os_error()).unwrap_or(Errno::IO)
}
