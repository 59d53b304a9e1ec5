//! Where the guest's memory lies in the VMM, and what was in it when the VMM started.

use std::sync::Arc;

use confine::{Failure, Result};
use memory_format::{Map, PAGE_SIZE};
use serde::{Deserialize, Serialize};

/// How the VMM got its memory; so it is known how to find out what the guest has changed.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Private mappings of the layers, and anonymous memory where the map is zero: a page that was
    /// written is anonymous.
    Mapped,
    /// Anonymous memory under userfaultfd with asynchronous write protection: a page that was
    /// written has lost its protection.
    Paged,
}

/// A part of guest memory, in one piece in the VMM's address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Where it begins in the VMM's address space.
    pub address: u64,
    /// How long it is.
    pub size: u64,
    /// Where it begins in guest memory.
    pub offset: u64,
}

/// The whole of it.
#[derive(Clone, Debug)]
pub struct GuestMemory {
    mode: Mode,
    regions: Vec<Region>,
    parent: Arc<Map>,
}

impl GuestMemory {
    /// Takes the VMM's word for where its memory is, if that can be: `regions` must be whole pages,
    /// and together the memory that `parent`, what it started with, describes.
    pub fn new(mode: Mode, mut regions: Vec<Region>, parent: Arc<Map>) -> Result<Self> {
        regions.sort_by_key(|region| region.offset);
        let mut covered = 0;
        for region in &regions {
            let are_pages = [region.address, region.size, region.offset]
                .iter()
                .all(|number| number.is_multiple_of(PAGE_SIZE));
            let address_end = region.address.checked_add(region.size);
            if !are_pages || region.size == 0 || address_end.is_none() || region.offset != covered {
                return Err(Failure::new(
                    "the VMM's regions of guest memory are not whole pages, side by side",
                ));
            }
            covered = covered.saturating_add(region.size);
        }
        if covered != parent.memory_size() {
            return Err(Failure::new(format!(
                "the VMM has {covered} bytes of guest memory, not {}",
                parent.memory_size()
            )));
        }
        Ok(Self {
            mode,
            regions,
            parent,
        })
    }

    /// How the VMM got it.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Its parts, in the order of guest memory, without gaps.
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// What was in it when the VMM started.
    pub fn parent(&self) -> &Map {
        &self.parent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(regions: &[[u64; 3]]) -> Result<GuestMemory> {
        let regions = regions
            .iter()
            .map(|&[address, size, offset]| Region {
                address: address * PAGE_SIZE,
                size: size * PAGE_SIZE,
                offset: offset * PAGE_SIZE,
            })
            .collect();
        GuestMemory::new(Mode::Mapped, regions, Arc::new(Map::zero(10 * PAGE_SIZE)))
    }

    #[test]
    fn regions_that_are_the_whole_memory_are_taken_in_any_order() {
        assert!(memory(&[[7, 10, 0]]).is_ok());
        let two = memory(&[[7, 4, 6], [100, 6, 0]]).unwrap();
        assert_eq!(two.regions()[0].address, 100 * PAGE_SIZE);
    }

    #[test]
    fn regions_that_cannot_be_are_refused() {
        let page = PAGE_SIZE;
        for regions in [
            &[][..],
            &[[7, 9, 0]],
            &[[7, 11, 0]],
            &[[7, 5, 0], [20, 4, 6]],
            &[[7, 6, 0], [20, 5, 5]],
            &[[7, 5, 0], [20, 5, 0]],
            &[[7, 10, 0], [20, 0, 10]],
            &[[u64::MAX / page, 10, 0]],
        ] {
            assert!(memory(regions).is_err(), "{regions:?}");
        }
        let odd = Region {
            address: 1,
            size: page,
            offset: 0,
        };
        let parent = Arc::new(Map::zero(page));
        assert!(GuestMemory::new(Mode::Paged, vec![odd], parent).is_err());
    }
}
