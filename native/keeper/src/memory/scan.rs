//! Which pages the guest has changed since its VMM was started.
//!
//! Mapped memory: the pages that are anonymous. A private mapping shows the layer's page until the
//! guest writes to it; from then on the page is the process's own, in memory or in swap. There is one
//! way back: `MADV_DONTNEED` drops such a page, and the layer's is seen again, for which the map
//! then rightly stands. QEMU does that for a balloon only, and a sandbox has none.
//!
//! Paged memory: the pages that have lost their write protection. Zero pages come without it, so
//! they count as changed.
//!
//! In both, what is found may be more than what was truly changed, never less.

mod page_facts;
mod pagemap_scan;

use std::time::{Duration, Instant};

use confine::{Failure, Result};

use super::guest_memory::{GuestMemory, Mode, Region};
use super::vmm_memory::VmmMemory;
use pagemap_scan::PagemapScan;

/// Pages, one after the other, that have been changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// In the VMM's address space.
    pub address: u64,
    /// Where they are in guest memory.
    pub offset: u64,
    /// How many bytes they are.
    pub length: u64,
    /// The kernel has only its one page of zeros there.
    pub zero: bool,
}

/// A walk over the whole memory, in its order. What it holds is the same for any size of memory.
pub struct Scan<'a> {
    vmm: &'a VmmMemory,
    mode: Mode,
    regions: std::slice::Iter<'a, Region>,
    /// The region it is in, and how far.
    current: Option<(Region, u64)>,
    kernel: Kernel,
    found: std::vec::IntoIter<Span>,
    took: Duration,
}

/// What is found in a region, by its place in the VMM.
struct Span {
    start: u64,
    end: u64,
    zero: bool,
}

/// How the kernel can be asked.
enum Kernel {
    /// By `PAGEMAP_SCAN`, from Linux 6.7 on.
    Scans(PagemapScan),
    /// Page by page.
    TellsFacts,
}

impl<'a> Scan<'a> {
    /// Begins it.
    pub fn new(memory: &'a GuestMemory, vmm: &'a VmmMemory) -> Self {
        Self {
            vmm,
            mode: memory.mode(),
            regions: memory.regions().iter(),
            current: None,
            kernel: Kernel::Scans(PagemapScan::new(memory.mode())),
            found: Vec::new().into_iter(),
            took: Duration::ZERO,
        }
    }

    /// The same for kernels of any age.
    #[cfg(test)]
    fn by_facts(memory: &'a GuestMemory, vmm: &'a VmmMemory) -> Self {
        Self {
            kernel: Kernel::TellsFacts,
            ..Self::new(memory, vmm)
        }
    }

    /// The next run of changed pages. After an error there is nothing more to be had.
    pub fn next(&mut self) -> Result<Option<Changed>> {
        loop {
            if let (Some(span), Some((region, _))) = (self.found.next(), self.current) {
                return Ok(Some(Changed {
                    address: span.start,
                    offset: region.offset + (span.start - region.address),
                    length: span.end - span.start,
                    zero: span.zero,
                }));
            }
            let begun = Instant::now();
            let more = self.look_further()?;
            self.took += begun.elapsed();
            if !more {
                return Ok(None);
            }
        }
    }

    /// How long the kernel took so far.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Looks at another piece of memory. Answers whether there was one.
    fn look_further(&mut self) -> Result<bool> {
        let (region, from) = match self.current {
            Some((region, from)) if from < region.address + region.size => (region, from),
            _ => match self.regions.next() {
                Some(region) => (*region, region.address),
                None => return Ok(false),
            },
        };
        let end = region.address + region.size;
        let looked = match &mut self.kernel {
            Kernel::Scans(scan) => scan.look(self.vmm, from, end)?,
            Kernel::TellsFacts => Some(page_facts::look(self.vmm, self.mode, from, end)?),
        };
        match looked {
            Some((found, up_to)) if is_in_order(&found, from, up_to) && up_to <= end => {
                self.found = found.into_iter();
                self.current = Some((region, up_to));
            }
            Some(_) => return Err(Failure::new("the scan of the VMM's memory is out of order")),
            None => {
                self.kernel = Kernel::TellsFacts;
                self.current = Some((region, from));
            }
        }
        Ok(true)
    }
}

/// One behind the other, and something is done.
fn is_in_order(found: &[Span], from: u64, up_to: u64) -> bool {
    let mut covered = from;
    let follows = |span: &Span| {
        let follows = covered <= span.start && span.start < span.end;
        covered = span.end;
        follows
    };
    found.iter().all(follows) && covered <= up_to && from < up_to
}

#[cfg(test)]
mod tests;
