//! Writing down which of the memory the guest has used, for the next resume of the same generation.

use std::fs::File;
use std::io::Write;
use std::os::fd::BorrowedFd;

use confine::{Result, WhileDoing};
use memory_format::{PAGE_SIZE, PageRun, WorkingSet};
use rustix::fs::{Mode, OFlags};

use super::guest_memory::GuestMemory;
use super::vmm_memory::VmmMemory;
use super::wanted::layer_pieces;

const NAME: &str = "working-set";
const NEW_NAME: &str = "working-set.new";

/// See the kernel's Documentation/admin-guide/mm/pagemap.rst.
const PRESENT: u64 = 1 << 63;
/// How many pages are asked for at a time.
const STEP: u64 = 8192;

/// Mapped memory: what of the layers is present now, in the order of the memory.
pub fn present(memory: &GuestMemory, vmm: &VmmMemory) -> Result<WorkingSet> {
    let mut set = WorkingSet::new();
    for region in memory.regions() {
        for piece in layer_pieces(memory.parent(), region.offset, region.offset + region.size) {
            for start in (piece.offset..piece.end()).step_by((STEP * PAGE_SIZE) as usize) {
                let pages = (piece.end().min(start + STEP * PAGE_SIZE) - start) / PAGE_SIZE;
                let mut facts = vec![0; pages as usize];
                vmm.page_facts(region.address + (start - region.offset), &mut facts)?;
                for (page, facts) in (start / PAGE_SIZE..).zip(facts) {
                    if facts & PRESENT != 0 {
                        set.push(PageRun {
                            first: page,
                            pages: 1,
                        });
                    }
                }
            }
        }
    }
    Ok(set)
}

/// Writes it into `folder`, in the place of one that is there, and answers how long the file is.
pub fn write(set: &WorkingSet, folder: BorrowedFd<'_>) -> Result<usize> {
    let what = || format!("write {NAME}");
    let bytes = set.to_bytes();
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, NEW_NAME, flags, Mode::RUSR | Mode::WUSR);
    let mut file = File::from(file.while_doing(what)?);
    file.write_all(&bytes).while_doing(what)?;
    rustix::fs::renameat(folder, NEW_NAME, folder, NAME).while_doing(what)?;
    Ok(bytes.len())
}
