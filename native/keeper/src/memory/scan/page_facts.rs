//! Asking for every page by itself: `/proc/PID/pagemap`, a number for each.

use confine::Result;
use memory_format::PAGE_SIZE;

use super::Span;
use crate::memory::guest_memory::Mode;
use crate::memory::vmm_memory::VmmMemory;

/// See the kernel's Documentation/admin-guide/mm/pagemap.rst.
const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
const FILE_OR_SHARED: u64 = 1 << 61;
const WRITE_PROTECTED: u64 = 1 << 57;

/// How many pages are asked for at a time.
const STEP: u64 = 8192;

/// What has been changed from `from` on, and how far that is known; at most up to `end`.
pub fn look(vmm: &VmmMemory, mode: Mode, from: u64, end: u64) -> Result<(Vec<Span>, u64)> {
    let up_to = end.min(from + STEP * PAGE_SIZE);
    let mut facts = vec![0; ((up_to - from) / PAGE_SIZE) as usize];
    vmm.page_facts(from, &mut facts)?;
    let unchanged = match mode {
        Mode::Mapped => FILE_OR_SHARED,
        Mode::Paged => WRITE_PROTECTED,
    };
    let mut spans: Vec<Span> = Vec::new();
    for (start, facts) in (from..).step_by(PAGE_SIZE as usize).zip(facts) {
        if facts & (PRESENT | SWAPPED) == 0 || facts & unchanged != 0 {
            continue;
        }
        let end = start + PAGE_SIZE;
        match spans.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => spans.push(Span {
                start,
                end,
                zero: false,
            }),
        }
    }
    Ok((spans, up_to))
}
