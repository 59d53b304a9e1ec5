//! Scanning this process's own memory, laid out like a guest's.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::null_mut;
use std::sync::Arc;

use memory_format::{Map, PAGE_SIZE};
use rustix::fs::{MemfdFlags, Mode as FileMode, OFlags, memfd_create};

use super::*;

const PAGE: usize = PAGE_SIZE as usize;

/// Mapped memory: the pages of `layer` from a file, the others anonymous.
struct Memory {
    start: *mut u8,
    pages: usize,
}

impl Memory {
    fn new(pages: usize, layer: std::ops::Range<usize>) -> Self {
        let mut file = File::from(memfd_create("layer", MemfdFlags::CLOEXEC).unwrap());
        file.write_all(&vec![b'l'; layer.len() * PAGE]).unwrap();
        let read_write = libc::PROT_READ | libc::PROT_WRITE;
        let anonymous = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let fixed = libc::MAP_PRIVATE | libc::MAP_FIXED;
        // SAFETY: a new mapping of the kernel's choice, and one within it.
        unsafe {
            let start = libc::mmap(null_mut(), pages * PAGE, read_write, anonymous, -1, 0);
            assert_ne!(start, libc::MAP_FAILED);
            libc::madvise(start, pages * PAGE, libc::MADV_NOHUGEPAGE);
            let place = start.byte_add(layer.start * PAGE);
            let length = layer.len() * PAGE;
            if length > 0 {
                let made = libc::mmap(place, length, read_write, fixed, file.as_raw_fd(), 0);
                assert_eq!(made, place);
            }
            Self {
                start: start.cast(),
                pages,
            }
        }
    }

    fn write(&self, page: usize) {
        assert!(page < self.pages);
        // SAFETY: within the mapping, which nothing else refers to.
        unsafe { self.start.add(page * PAGE).write_volatile(1) };
    }

    fn read(&self, page: usize) {
        assert!(page < self.pages);
        // SAFETY: as above.
        unsafe { self.start.add(page * PAGE).read_volatile() };
    }

    /// What both ways of asking find, which must be the same.
    fn changed(&self) -> Vec<usize> {
        let size = (self.pages * PAGE) as u64;
        // In two regions that lie the other way round in guest memory, so that places are not mixed.
        let half = size / 2 / PAGE_SIZE * PAGE_SIZE;
        let region = |start, size, offset| Region {
            address: self.start as u64 + start,
            size,
            offset,
        };
        let regions = vec![region(half, size - half, 0), region(0, half, size - half)];
        let parent = Arc::new(Map::zero(size));
        let memory = GuestMemory::new(Mode::Mapped, regions, parent).unwrap();
        let vmm = own_memory();
        let found = |mut scan: Scan| {
            let mut found = Vec::new();
            while let Some(run) = scan.next().unwrap() {
                let address = run.address - self.start as u64;
                let offset = (address + size - half) % size;
                assert_eq!(run.offset, offset);
                if !run.zero {
                    let first = (address / PAGE_SIZE) as usize;
                    found.extend(first..first + (run.length / PAGE_SIZE) as usize);
                }
            }
            found.sort_unstable();
            found
        };
        let by_scan = found(Scan::new(&memory, &vmm));
        let by_facts = found(Scan::by_facts(&memory, &vmm));
        // Pages of zeros the old way counts as changed.
        assert!(
            by_scan
                .iter()
                .all(|page| by_facts.binary_search(page).is_ok())
        );
        by_scan
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and no longer referred to.
        unsafe { libc::munmap(self.start.cast(), self.pages * PAGE) };
    }
}

fn own_memory() -> VmmMemory {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open("/proc/self", flags, FileMode::empty()).unwrap();
    VmmMemory::open(folder.as_fd()).unwrap().unwrap()
}

#[test]
fn what_was_written_is_found_and_what_was_only_read_is_not() {
    let memory = Memory::new(1000, 200..600);
    (150..250).for_each(|page| memory.read(page));
    let written = [0, 1, 199, 200, 300, 301, 499, 500, 501, 599, 600, 999];
    written.into_iter().for_each(|page| memory.write(page));
    assert_eq!(memory.changed(), written);
}

#[test]
fn however_many_runs_there_are_none_is_missed_and_none_found_twice() {
    for count in [1, 511, 512, 513, 2047, 2048, 2049, 5000, 6000] {
        let memory = Memory::new(24_000, 3000..20_000);
        let written: Vec<usize> = (0..count).map(|number| number * 2 + 7001).collect();
        written.iter().for_each(|&page| memory.write(page));
        assert_eq!(memory.changed(), written, "{count} runs");
    }
}
