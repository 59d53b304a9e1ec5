//! Asking for runs of pages with some quality: the ioctl `PAGEMAP_SCAN`, from Linux 6.7 on.

use std::os::fd::AsRawFd;

use confine::{Result, WhileDoing};

use super::Span;
use crate::memory::guest_memory::Mode;
use crate::memory::vmm_memory::{self, VmmMemory};

/// How many runs are taken at a time.
const MOST_RUNS: usize = 2048;

/// What the kernel tells of a page. See linux/fs.h, as for all here.
const WRITTEN: u64 = 1 << 1;
const FILE: u64 = 1 << 2;
const PRESENT: u64 = 1 << 3;
const SWAPPED: u64 = 1 << 4;
const ZERO_PAGE: u64 = 1 << 5;

/// `struct pm_scan_arg`.
#[repr(C)]
#[derive(Default)]
struct Arguments {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    regions: u64,
    most_regions: u64,
    most_pages: u64,
    inverted: u64,
    all_of: u64,
    any_of: u64,
    told: u64,
}

/// `struct page_region`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

/// `_IOWR('f', 16, struct pm_scan_arg)`
const PAGEMAP_SCAN: libc::Ioctl =
    (3 << 30) | ((size_of::<Arguments>() as libc::Ioctl) << 16) | ((b'f' as libc::Ioctl) << 8) | 16;

/// A question, and room for the answer.
pub struct PagemapScan {
    all_of: u64,
    inverted: u64,
    regions: Box<[Region]>,
}

impl PagemapScan {
    /// Asks for what is changed in memory of that mode.
    pub fn new(mode: Mode) -> Self {
        let (all_of, inverted) = match mode {
            Mode::Mapped => (FILE, FILE),
            Mode::Paged => (WRITTEN, 0),
        };
        Self {
            all_of,
            inverted,
            regions: vec![Region::default(); MOST_RUNS].into(),
        }
    }

    /// What has been changed from `from` on, and how far that is known; at most up to `end`. None if
    /// this kernel cannot be asked so.
    pub fn look(
        &mut self,
        vmm: &VmmMemory,
        from: u64,
        end: u64,
    ) -> Result<Option<(Vec<Span>, u64)>> {
        let mut arguments = Arguments {
            size: size_of::<Arguments>() as u64,
            start: from,
            end,
            regions: self.regions.as_mut_ptr() as u64,
            most_regions: MOST_RUNS as u64,
            inverted: self.inverted,
            all_of: self.all_of,
            any_of: PRESENT | SWAPPED,
            told: ZERO_PAGE,
            ..Arguments::default()
        };
        // SAFETY: the arguments are as the kernel knows them, and `regions` has room for as many as
        // they say; both are ours alone during the call.
        let answer =
            unsafe { libc::ioctl(vmm.pagemap().as_raw_fd(), PAGEMAP_SCAN, &raw mut arguments) };
        let Ok(found) = usize::try_from(answer) else {
            let error = std::io::Error::last_os_error();
            return match error.raw_os_error() {
                Some(libc::ENOTTY | libc::EINVAL) => Ok(None),
                Some(libc::ESRCH) => Err(vmm_memory::ended()),
                _ => Err(error).while_doing(|| "scan the VMM's memory".into()),
            };
        };
        let spans = self.regions[..found].iter().map(|region| Span {
            start: region.start,
            end: region.end,
            zero: region.categories & ZERO_PAGE != 0,
        });
        // Not what the kernel tells of how far it came (`walk_end`): asked for more runs than fit on a
        // page, Linux 6.18 still tells of the page before the last.
        let up_to = match self.regions[..found].last() {
            Some(last) if found == MOST_RUNS => last.end,
            _ => end,
        };
        Ok(Some((spans.collect(), up_to)))
    }
}
