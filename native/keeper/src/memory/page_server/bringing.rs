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
