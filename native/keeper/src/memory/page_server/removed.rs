//! Pages that the guest has given back: zero, whatever the map says.

use confine::{Failure, Result};
use memory_format::PAGE_SIZE;

use super::bring::{Outcome, PATIENCE, bring, give_way};
use super::userfaultfd::Userfaultfd;
use crate::memory::guest_memory::GuestMemory;
use crate::memory::page_set::PageSet;

/// By their numbers in guest memory. Most guests give nothing back.
pub struct Removed {
    any: bool,
    pages: PageSet,
}

impl Removed {
    /// None of a memory.
    pub fn new(memory_size: u64) -> Self {
        Self {
            any: false,
            pages: PageSet::new(memory_size / PAGE_SIZE),
        }
    }

    /// Whether any page has been given back at all.
    pub fn any(&self) -> bool {
        self.any
    }

    /// Whether this one has.
    pub fn contains(&self, page: u64) -> bool {
        self.pages.contains(page)
    }

    /// Adds what of the memory lies between two addresses of the VMM.
    pub fn add(&mut self, memory: &GuestMemory, start: u64, end: u64) {
        self.any = true;
        for region in memory.regions() {
            let from = start.max(region.address);
            let to = end.min(region.address + region.size);
            if from < to {
                let first = (region.offset + (from - region.address)) / PAGE_SIZE;
                self.pages.insert(first, (to - from).div_ceil(PAGE_SIZE));
            }
        }
    }

    /// Puts zeros where nothing has come since.
    pub fn settle(&self, faults: &Userfaultfd, memory: &GuestMemory) -> Result<()> {
        if !self.any {
            return Ok(());
        }
        for region in memory.regions() {
            let pages = region.offset / PAGE_SIZE..(region.offset + region.size) / PAGE_SIZE;
            for page in pages.filter(|page| self.contains(*page)) {
                let address = region.address + (page * PAGE_SIZE - region.offset);
                let mut tries = 0;
                while let Outcome::Again = bring(faults, address, PAGE_SIZE, |at, _, left| {
                    faults.zero(at, left)
                })? {
                    tries += 1;
                    if tries > 10 * PATIENCE {
                        return Err(Failure::new("the VMM is giving memory back without end"));
                    }
                    give_way(tries);
                }
            }
        }
        Ok(())
    }
}
