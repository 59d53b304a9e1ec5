//! The layers, where the kernel can copy pages from: mapped into the keeper, and never looked at by
//! it. What cannot be read of them makes the copying fail, not the keeper.

use std::ptr::null_mut;

use confine::{Result, WhileDoing};
use memory_format::LayerId;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};

use crate::memory::source::Layer;

/// In the order of their ids.
pub struct Layers(Vec<Mapped>);

struct Mapped {
    id: LayerId,
    start: *mut u8,
    length: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread, and nobody writes to it.
unsafe impl Send for Mapped {}

impl Layers {
    /// Maps as much of each as is needed.
    pub fn map(layers: &[Layer]) -> Result<Self> {
        layers
            .iter()
            .map(Mapped::new)
            .collect::<Result<_>>()
            .map(Self)
    }

    /// Where a layer's bytes from `offset` on are; none if it is not one of them.
    pub fn at(&self, id: LayerId, offset: u64) -> Option<*const u8> {
        let found = self.0.binary_search_by_key(&id, |layer| layer.id).ok()?;
        let layer = &self.0[found];
        let offset = usize::try_from(offset)
            .ok()
            .filter(|&at| at < layer.length)?;
        Some(layer.start.wrapping_byte_add(offset))
    }

    /// Has a piece read, if it is not in memory, and made ready to be copied from. What cannot be
    /// read is found out when it is copied.
    pub fn make_present(&self, id: LayerId, offset: u64, length: u64) {
        let (Some(start), Ok(length)) = (self.at(id, offset), usize::try_from(length)) else {
            return;
        };
        // SAFETY: a piece of a mapping of ours; reading it changes nothing.
        let _ = unsafe { madvise(start.cast_mut().cast(), length, Advice::LinuxPopulateRead) };
    }
}

impl Mapped {
    fn new(layer: &Layer) -> Result<Self> {
        let what = || format!("map the layer {}", layer.id);
        let length = usize::try_from(layer.needed)
            .map_err(|_| rustix::io::Errno::OVERFLOW)
            .while_doing(what)?;
        // SAFETY: a new mapping where the kernel likes.
        let start = unsafe {
            mmap(
                null_mut(),
                length,
                ProtFlags::READ,
                MapFlags::SHARED | MapFlags::NORESERVE,
                &layer.file,
                0,
            )
        };
        Ok(Self {
            id: layer.id,
            start: start.while_doing(what)?.cast(),
            length,
        })
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: our own mapping, whose addresses nobody has who outlives it.
        let _ = unsafe { munmap(self.start.cast(), self.length) };
    }
}
