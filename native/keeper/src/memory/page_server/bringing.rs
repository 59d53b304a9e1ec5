//! The page server's thread.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use confine::{Failure, Result, WhileDoing};
use memory_format::{Entry, PAGE_SIZE, PageRun, Source, WorkingSet};
use rustix::event::{PollFd, PollFlags, poll};

use super::bring::{Outcome, bring, give_way};
use super::counters::Counters;
use super::layers::Layers;
use super::removed::Removed;
use super::userfaultfd::{Event, Hindrance, Userfaultfd};
use crate::memory::guest_memory::{GuestMemory, Region};

/// What is brought for a fault, if it is in one piece: a guest that touches a page mostly touches
/// its neighbours.
const WINDOW: u64 = 64 * 1024;
/// What is brought at a time when nobody waits. Somebody may, meanwhile: it takes some 50 µs.
const STEP: u64 = 256 * 1024;

/// What others may see.
pub struct Shared {
    pub counters: Counters,
    pub brought: Mutex<WorkingSet>,
    pub removed: Mutex<Removed>,
}

/// All that the thread has.
pub struct Bringing {
    memory: Arc<GuestMemory>,
    faults: Arc<Userfaultfd>,
    layers: Layers,
    shared: Arc<Shared>,
    wanted: VecDeque<Entry>,
    /// Addresses that somebody waits for, and since when we know.
    waiting: VecDeque<(u64, Instant)>,
    /// How often in a row the kernel was about to change the memory.
    hindered: u32,
}

impl Shared {
    pub fn new(memory_size: u64) -> Self {
        Self {
            counters: Counters::new(),
            brought: Mutex::default(),
            removed: Mutex::new(Removed::new(memory_size)),
        }
    }
}

impl Bringing {
    pub fn new(
        memory: Arc<GuestMemory>,
        faults: Arc<Userfaultfd>,
        layers: Layers,
        shared: Arc<Shared>,
        wanted: Vec<Entry>,
    ) -> Self {
        Self {
            memory,
            faults,
            layers,
            shared,
            wanted: wanted.into(),
            waiting: VecDeque::new(),
            hindered: 0,
        }
    }

    /// Serves until the VMM is gone.
    pub fn run(mut self) -> Result<()> {
        loop {
            if self.waiting.is_empty() || self.hindered > 0 {
                self.listen()?;
            }
            let outcome = match self.waiting.pop_front() {
                Some(waiting) => self.serve(waiting)?,
                None => self.prefetch()?,
            };
            match outcome {
                Outcome::Brought => self.hindered = 0,
                Outcome::Again => {
                    self.hindered += 1;
                    give_way(self.hindered);
                }
                Outcome::VmmGone => return Ok(()),
            }
        }
    }

    /// Hears what the kernel has to tell; if there is nothing else to do, waits for it.
    fn listen(&mut self) -> Result<()> {
        if self.waiting.is_empty() && self.wanted.is_empty() {
            let mut watched = [PollFd::new(&*self.faults, PollFlags::IN)];
            rustix::io::retry_on_intr(|| poll(&mut watched, None))
                .while_doing(|| "wait for page faults".into())?;
        }
        let mut events = Vec::new();
        while self.faults.read(&mut events)? {}
        let now = Instant::now();
        for event in events {
            match event {
                Event::Fault(address) => self.waiting.push_back((address, now)),
                Event::Remove(addresses) => self.forget(addresses.start, addresses.end),
            }
        }
        Ok(())
    }

    /// Somebody waits for the page at an address.
    fn serve(&mut self, (address, since): (u64, Instant)) -> Result<Outcome> {
        let memory = Arc::clone(&self.memory);
        let region = region_of(&memory, address)?;
        let offset = region.offset + (address - region.address);
        let piece = self.piece_around(region, offset)?;
        let outcome = self.bring(region, &piece)?;
        match outcome {
            Outcome::Brought => {
                let counters = &self.shared.counters;
                counters.took(since.elapsed());
                counters.faults.fetch_add(1, Relaxed);
                if piece.source == Source::Zero {
                    counters.zero_faults.fetch_add(1, Relaxed);
                } else {
                    counters.copied_bytes.fetch_add(piece.length, Relaxed);
                    self.record(&piece);
                }
            }
            Outcome::Again => self.waiting.push_front((address, since)),
            Outcome::VmmGone => {}
        }
        Ok(outcome)
    }

    /// Nobody waits: brings a step of what is wanted.
    fn prefetch(&mut self) -> Result<Outcome> {
        let Some(mut piece) = self.wanted.pop_front() else {
            return Ok(Outcome::Brought);
        };
        let memory = Arc::clone(&self.memory);
        let region = *memory
            .regions()
            .iter()
            .find(|region| piece.offset - region.offset < region.size)
            .ok_or_else(|| Failure::new("what is wanted is not in the memory"))?;
        let most = STEP.min(region.offset + region.size - piece.offset);
        if piece.length > most {
            let rest = part(&piece, piece.offset + most, piece.end());
            self.wanted.push_front(rest);
            piece.length = most;
        }
        if let Source::Layer { id, offset } = piece.source {
            self.layers.make_present(id, offset, piece.length);
        }
        let outcome = self.bring(region, &piece)?;
        match outcome {
            Outcome::Brought => {
                let prefetched = &self.shared.counters.prefetched_bytes;
                prefetched.fetch_add(piece.length, Relaxed);
                self.record(&piece);
            }
            Outcome::Again => self.wanted.push_front(piece),
            Outcome::VmmGone => {}
        }
        Ok(outcome)
    }

    /// What is brought for the page at `offset`: as much of the window around it as has one source.
    fn piece_around(&self, region: Region, offset: u64) -> Result<Entry> {
        let entry = *self
            .memory
            .parent()
            .entry_at(offset)
            .ok_or_else(|| Failure::new("a page fault is not in the memory"))?;
        let removed = self.removed();
        if removed.any() {
            let mut page = part(&entry, offset, offset + PAGE_SIZE);
            if removed.contains(offset / PAGE_SIZE) {
                page.source = Source::Zero;
            }
            return Ok(page);
        }
        let window = offset / WINDOW * WINDOW;
        let start = window.max(entry.offset).max(region.offset);
        let end = (window + WINDOW)
            .min(entry.end())
            .min(region.offset + region.size);
        Ok(part(&entry, start, end))
    }

    fn bring(&self, region: Region, piece: &Entry) -> Result<Outcome> {
        let address = region.address + (piece.offset - region.offset);
        bring(
            &self.faults,
            address,
            piece.length,
            |at, done, left| match piece.source {
                Source::Zero => self.faults.zero(at, left),
                Source::Layer { id, offset } => match self.layers.at(id, offset + done) {
                    Some(from) => self.faults.copy(at, from, left),
                    None => Err(Hindrance::Error(rustix::io::Errno::NOENT)),
                },
            },
        )
    }

    /// The guest gives pages back. What was wanted is left to its faults from here on, which look
    /// closer.
    fn forget(&mut self, start: u64, end: u64) {
        self.wanted.clear();
        self.removed().add(&self.memory, start, end);
    }

    fn record(&self, piece: &Entry) {
        let brought = self.shared.brought.lock();
        brought
            .unwrap_or_else(PoisonError::into_inner)
            .push(PageRun {
                first: piece.offset / PAGE_SIZE,
                pages: piece.length / PAGE_SIZE,
            });
    }

    fn removed(&self) -> MutexGuard<'_, Removed> {
        let removed = self.shared.removed.lock();
        removed.unwrap_or_else(PoisonError::into_inner)
    }
}

fn region_of(memory: &GuestMemory, address: u64) -> Result<Region> {
    let regions = memory.regions().iter();
    regions
        .copied()
        .find(|region| (region.address..region.address + region.size).contains(&address))
        .ok_or_else(|| {
            Failure::new(format!(
                "a page fault at {address:#x} of the VMM, where no guest memory is"
            ))
        })
}

/// What an entry holds from `start` to `end`, which lie in it.
fn part(entry: &Entry, start: u64, end: u64) -> Entry {
    Entry {
        offset: start,
        length: end - start,
        source: match entry.source {
            Source::Zero => Source::Zero,
            Source::Layer { id, offset } => Source::Layer {
                id,
                offset: offset + (start - entry.offset),
            },
        },
    }
}
