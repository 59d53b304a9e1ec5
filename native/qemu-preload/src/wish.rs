//! What QEMU asked of `mmap`.

use core::ffi::c_void;

use rustix::fd::BorrowedFd;
use rustix::io::Result;
use rustix::mm::{MapFlags, ProtFlags};

/// As in mmap(2), which rustix takes to mean that it comes with a file.
const ANONYMOUS: MapFlags = MapFlags::from_bits_retain(0x20);

/// Where, how much, and with which rights.
pub struct Wish {
    pub address: *mut c_void,
    pub length: usize,
    pub protection: ProtFlags,
    pub flags: MapFlags,
}

impl Wish {
    /// Whether no file is meant.
    pub fn is_anonymous(&self) -> bool {
        self.flags.contains(ANONYMOUS)
    }

    /// The same place, but private memory: what is written there nobody else sees.
    pub fn in_private(&self) -> Self {
        let place = self.flags & (MapFlags::FIXED | MapFlags::FIXED_NOREPLACE);
        Self {
            flags: place | MapFlags::PRIVATE | MapFlags::NORESERVE,
            ..*self
        }
    }

    /// Fulfils it without a file.
    ///
    /// # Safety
    ///
    /// As of mmap(2): what was mapped at a fixed address must be nobody's any more.
    pub unsafe fn map_anonymous(&self) -> Result<*mut c_void> {
        // SAFETY: the caller's promise is handed on.
        unsafe {
            rustix::mm::mmap_anonymous(self.address, self.length, self.protection, self.flags)
        }
    }

    /// Fulfils it with a file.
    ///
    /// # Safety
    ///
    /// As of [`Self::map_anonymous`].
    pub unsafe fn map(&self, file: BorrowedFd<'_>, offset: u64) -> Result<*mut c_void> {
        // SAFETY: the caller's promise is handed on.
        unsafe {
            rustix::mm::mmap(
                self.address,
                self.length,
                self.protection,
                self.flags,
                file,
                offset,
            )
        }
    }
}
