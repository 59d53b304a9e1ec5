//! Changed pages on their way into a layer.

use std::io::{self, Write};

use crate::pages::runs;
use crate::{LayerId, Map, Overlay, PAGE_SIZE};

/// Writes a layer and makes the map that goes with it. Pages come in the order of guest memory.
pub struct Packer<'a, W> {
    overlay: Overlay<'a>,
    layer: W,
}

/// What a [`Packer`] has made.
pub struct Packed<W> {
    /// The new map. Its own layer is none where no page was written.
    pub map: Map,
    /// Where the layer was written to.
    pub layer: W,
    /// How long the layer is.
    pub size: u64,
}

impl<'a, W: Write> Packer<'a, W> {
    /// Begins the layer `id` of `generation`, which comes after `parent`.
    ///
    /// # Panics
    ///
    /// If `generation` is 0.
    pub fn new(parent: &'a Map, generation: u64, id: LayerId, layer: W) -> Self {
        Self {
            overlay: Overlay::new(parent, generation, id),
            layer,
        }
    }

    /// What guest memory holds from `offset` on, in whole pages. Those that are zero are noted, not
    /// written.
    ///
    /// # Panics
    ///
    /// If they are not whole pages, behind those before, and within memory.
    pub fn pages(&mut self, offset: u64, pages: &[u8]) -> io::Result<()> {
        assert!(
            (pages.len() as u64).is_multiple_of(PAGE_SIZE),
            "whole pages"
        );
        for (run, zero) in runs(pages) {
            let start = offset + run.start as u64;
            let length = run.len() as u64;
            if zero {
                self.overlay.zero(start, length);
            } else {
                self.overlay.changed(start, length);
                self.layer.write_all(&pages[run])?;
            }
        }
        Ok(())
    }

    /// Guest memory holds zeros there.
    ///
    /// # Panics
    ///
    /// Like [`Packer::pages`].
    pub fn zeros(&mut self, offset: u64, length: u64) {
        self.overlay.zero(offset, length);
    }

    /// How long the layer is so far.
    pub fn size(&self) -> u64 {
        self.overlay.packed()
    }

    /// No more pages.
    pub fn finish(mut self) -> io::Result<Packed<W>> {
        self.layer.flush()?;
        Ok(Packed {
            size: self.overlay.packed(),
            map: self.overlay.finish(),
            layer: self.layer,
        })
    }
}
