//! A userfaultfd of this process: see ioctl_userfaultfd(2) and the kernel's `linux/userfaultfd.h`.

use core::ffi::c_void;

use rustix::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::fs::OFlags;
use rustix::io::Result;
use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, Updater, ioctl, opcode};

const KIND: u8 = 0xAA;
const API_VERSION: u64 = 0xAA;

const PAGEFAULT_FLAG_WP: u64 = 1 << 0;
const EVENT_REMOVE: u64 = 1 << 3;
const WP_UNPOPULATED: u64 = 1 << 13;
const WP_ASYNC: u64 = 1 << 15;

const MISSING: u64 = 1 << 0;
const WRITE_PROTECT: u64 = 1 << 1;

#[repr(C)]
struct Api {
    version: u64,
    features: u64,
    ioctls: u64,
}

#[repr(C)]
struct Register {
    start: u64,
    length: u64,
    mode: u64,
    ioctls: u64,
}

/// Open for as long as this process lives: when the last copy is closed, what is missing reads as
/// zero.
pub struct Userfaultfd(OwnedFd);

impl Userfaultfd {
    /// From `/dev/userfaultfd`. Needs Linux 6.7, the first that tracks writes by itself.
    pub fn open(device: impl AsFd) -> Result<Self> {
        // SAFETY: `New` describes the request as the kernel has it.
        let made = Self(unsafe { ioctl(device, New) }?);
        let mut api = Api {
            version: API_VERSION,
            features: WP_ASYNC | WP_UNPOPULATED | EVENT_REMOVE | PAGEFAULT_FLAG_WP,
            ioctls: 0,
        };
        // SAFETY: UFFDIO_API reads and writes a structure of this form.
        unsafe {
            ioctl(
                &made.0,
                Updater::<{ opcode::read_write::<Api>(KIND, 0x3F) }, _>::new(&mut api),
            )
        }?;
        Ok(made)
    }

    /// Writes to these pages can be told from then on.
    pub fn track_writes(&self, start: u64, length: u64) -> Result<()> {
        self.register(start, length, WRITE_PROTECT)
    }

    /// Also, whoever touches one of these pages waits until somebody has brought it.
    pub fn track_missing(&self, start: u64, length: u64) -> Result<()> {
        self.register(start, length, MISSING | WRITE_PROTECT)
    }

    fn register(&self, start: u64, length: u64, mode: u64) -> Result<()> {
        let mut register = Register {
            start,
            length,
            mode,
            ioctls: 0,
        };
        // SAFETY: UFFDIO_REGISTER reads and writes a structure of this form, and changes no content
        // of memory.
        unsafe {
            ioctl(
                &self.0,
                Updater::<{ opcode::read_write::<Register>(KIND, 0x00) }, _>::new(&mut register),
            )
        }
    }
}

impl AsFd for Userfaultfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// USERFAULTFD_IOC_NEW: takes flags by value and answers a new descriptor.
struct New;

// SAFETY: the request reads and writes no memory of ours, and its answer is a descriptor that
// nobody else knows.
unsafe impl Ioctl for New {
    type Output = OwnedFd;
    const IS_MUTATING: bool = false;

    fn opcode(&self) -> Opcode {
        opcode::none(KIND, 0x00)
    }

    fn as_ptr(&mut self) -> *mut c_void {
        let flags = OFlags::CLOEXEC | OFlags::NONBLOCK;
        core::ptr::without_provenance_mut(flags.bits() as usize)
    }

    unsafe fn output_from_ptr(answer: IoctlOutput, _: *mut c_void) -> Result<OwnedFd> {
        // SAFETY: the kernel's answer, as above.
        Ok(unsafe { OwnedFd::from_raw_fd(answer) })
    }
}
