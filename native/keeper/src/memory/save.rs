//! Freezing: what the guest has changed since its VMM was started, and the VMM's device state, go to
//! a new folder.
//!
//! ```text
//!   /vm/state.sock ──▶ vmstate          first, to its end: what the VMM does to the guest's memory
//!                                       as it saves is then done
//!   scan ──▶ read ──▶ pack ──▶ layer    two threads, a few buffers between them
//!                       └────▶ memory.map
//!   fsync of all, and only now the folder is kept
//! ```
//!
//! The loop goes on meanwhile. A save can be cancelled between any two steps of a millisecond or so,
//! only waiting for the disk (fsync) cannot be cut short; it then ends with an error like any other,
//! and its folder is gone.

mod attempt;
mod device_state;
mod pages;
mod saving;

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use confine::Result;
use memory_format::{PAGE_SIZE, Packed};
use serde::Serialize;

use super::guest_memory::GuestMemory;
use super::new_generation::{NewGeneration, Written, new_layer_id, take_away};
use super::vmm_memory::VmmMemory;

pub use saving::Saving;

use attempt::Attempt;

/// What to call it.
pub struct Order {
    /// The folder.
    pub name: String,
    /// The number in the map.
    pub generation: u64,
}

/// The answer to `save`. Times are in milliseconds.
#[derive(Debug, Serialize)]
pub struct Saved {
    state_bytes: u64,
    scanned_pages: u64,
    changed_pages: u64,
    written_pages: u64,
    layer_id: Option<String>,
    files: Vec<Written>,
    state_ms: f64,
    scan_ms: f64,
    write_ms: f64,
    sync_ms: f64,
}

/// All that a save needs.
struct Save {
    order: Order,
    memory: Arc<GuestMemory>,
    vmm: Arc<VmmMemory>,
    /// The folder for the new folder.
    parent: OwnedFd,
    state: Arc<UnixListener>,
}

impl Save {
    /// Does it. The VMM's vCPUs must stand still.
    fn run(self, attempt: &Attempt) -> Result<Saved> {
        // What has that name already is of a save that nobody used.
        take_away(&self.parent, &self.order.name)?;
        let folder = NewGeneration::make(&self.parent, &self.order.name)?;

        let begun = Instant::now();
        let mut vmstate = folder.state()?;
        let state_bytes = device_state::receive(&self.state, &mut vmstate, attempt)?;
        let state_took = begun.elapsed();

        let begun = Instant::now();
        let id = new_layer_id()?;
        let pages = pages::write(&self, id, folder.layer(id)?, attempt)?;
        let memory_took = begun.elapsed();

        let begun = Instant::now();
        let Packed { map, layer, size } = pages.packed;
        let files = folder.complete(&map, layer, vec![vmstate], || attempt.check())?;
        attempt.check()?;
        folder.keep();

        Ok(Saved {
            state_bytes,
            scanned_pages: self.memory.parent().memory_size() / PAGE_SIZE,
            changed_pages: pages.changed_pages,
            written_pages: size / PAGE_SIZE,
            layer_id: map.own_layer().map(|id| id.to_string()),
            files,
            state_ms: milliseconds(state_took),
            scan_ms: milliseconds(pages.scan_took),
            write_ms: milliseconds(memory_took.saturating_sub(pages.scan_took)),
            sync_ms: milliseconds(begun.elapsed()),
        })
    }
}

/// To the microsecond.
fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}
