//! The page server's thread.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use confine::{Failure, Result, WhileDoing};
use memory_format::{Entry, PAGE_SIZE, PageRun, Source, WorkingSet};
use rustix::event::{PollFd, PollFlags, poll};

use super::Counters;
use super::layers::Layers;
use super::userfaultfd::{Event, Hindrance, Userfaultfd};
use crate::memory::guest_memory::{GuestMemory, Region};
use crate::memory::page_set::PageSet;

/// What is brought for a fault, if it is in one piece: a guest that touches a page mostly touches
/// its neighbours.
const WINDOW: u64 = 64 * 1024;
/// What is brought at a time when nobody waits. Somebody may, meanwhile: it takes some 50 µs.
const STEP: u64 = 256 * 1024;
/// How often it is tried again at once when the kernel is about to change the memory.
const PATIENCE: u32 = 100;

/// What others may see.
pub struct Shared {
    pub counters: Counters,
    pub brought: Mutex<WorkingSet>,
    /// Pages that the guest has given back: zero, whatever the map says.
    removed: Mutex<Removed>,
}

struct Removed {
    any: bool,
    pages: PageSet,
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

/// What came of bringing pages.
enum Outcome {
    Brought,
    Again,
    VmmGone,
}

impl Shared {
    pub fn new(memory_size: u64) -> Self {
        Self {
            counters: Counters::new(),
            brought: Mutex::default(),
            removed: Mutex::new(Removed {
                any: false,
                pages: PageSet::new(memory_size / PAGE_SIZE),
            }),
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
        if removed.any {
            let mut page = part(&entry, offset, offset + PAGE_SIZE);
            if removed.pages.contains(offset / PAGE_SIZE) {
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
        let mut removed = self.removed();
        removed.any = true;
        for region in self.memory.regions() {
            let from = start.max(region.address);
            let to = end.min(region.address + region.size);
            if from < to {
                let first = (region.offset + (from - region.address)) / PAGE_SIZE;
                removed.pages.insert(first, (to - from).div_ceil(PAGE_SIZE));
            }
        }
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

    fn removed(&self) -> std::sync::MutexGuard<'_, Removed> {
        let removed = self.shared.removed.lock();
        removed.unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`super::PageServer::settling`].
pub fn settle(faults: &Userfaultfd, shared: &Shared, memory: &GuestMemory) -> Result<()> {
    let removed = shared.removed.lock();
    let removed = removed.unwrap_or_else(PoisonError::into_inner);
    if !removed.any {
        return Ok(());
    }
    for region in memory.regions() {
        let pages = region.offset / PAGE_SIZE..(region.offset + region.size) / PAGE_SIZE;
        for page in pages.filter(|page| removed.pages.contains(*page)) {
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

/// Brings all pages of a range that are not there. `step` is told where to go on, how much has been
/// done, and how much is left.
fn bring(
    faults: &Userfaultfd,
    address: u64,
    length: u64,
    step: impl Fn(u64, u64, u64) -> std::result::Result<u64, Hindrance>,
) -> Result<Outcome> {
    let mut done = 0;
    while done < length {
        let at = address + done;
        done += match step(at, done, length - done) {
            Ok(brought) => brought,
            Err(Hindrance::Present) => {
                // Who waits for it may have come after whoever brought it had woken all.
                faults
                    .wake(at, PAGE_SIZE)
                    .while_doing(|| "wake who waits for a page".into())?;
                PAGE_SIZE
            }
            Err(Hindrance::Changing) => return Ok(Outcome::Again),
            Err(Hindrance::Gone) => return Ok(Outcome::VmmGone),
            Err(Hindrance::Error(errno)) => {
                return Err(errno).while_doing(|| format!("bring the page at {at:#x} of the VMM"));
            }
        };
    }
    Ok(Outcome::Brought)
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

/// The kernel is about to change the memory: it does so when whoever wants it gets to run.
fn give_way(times: u32) {
    if times < PATIENCE {
        std::thread::yield_now();
    } else {
        std::thread::sleep(Duration::from_millis(1));
    }
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
