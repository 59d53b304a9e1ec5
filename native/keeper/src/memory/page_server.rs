//! Paged memory: a thread that brings the guest's pages, those that were recorded before anybody
//! asks for them, and the others when somebody does.
//!
//! ```text
//!   the kernel's events ──▶ faults, in order ──▶ from the map: layer ─ copy · zero ─ zero page
//!           │                                            ▲
//!           └──▶ pages given back: zero from now on      │ when nobody waits
//!                                                  what is wanted
//! ```
//!
//! It is one thread, so that what is told of pages given back is known before any other page is
//! brought: with two, one could bring the old content of a page that the other has just heard of.
//!
//! A page that cannot be brought is not brought: who waits for it waits on, and the keeper kills
//! the VMM.

mod bring;
mod bringing;
mod counters;
mod layers;
mod removed;
mod userfaultfd;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock, PoisonError};

use confine::{Failure, Result, WhileDoing};
use memory_format::{Entry, WorkingSet};
use rustix::event::{EventfdFlags, eventfd};

pub use counters::Counts;

use super::guest_memory::GuestMemory;
use super::source::Layer;
use bringing::{Bringing, Shared};
use layers::Layers;
use userfaultfd::Userfaultfd;

/// The keeper's hold on the thread, which runs as long as the keeper does.
pub struct PageServer {
    faults: Arc<Userfaultfd>,
    shared: Arc<Shared>,
    memory: Arc<GuestMemory>,
    failure: Arc<OnceLock<Failure>>,
    /// Readable when it has failed.
    bell: Arc<OwnedFd>,
}

impl PageServer {
    /// Begins to serve `memory` through what the VMM says is its userfaultfd.
    pub fn begin(
        memory: Arc<GuestMemory>,
        descriptor: OwnedFd,
        layers: &[Layer],
        wanted: Vec<Entry>,
    ) -> Result<Self> {
        let address = memory.regions().first().map_or(0, |region| region.address);
        let faults = Arc::new(Userfaultfd::new(descriptor, address)?);
        let shared = Arc::new(Shared::new(memory.parent().memory_size()));
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .while_doing(|| "make an event descriptor".into())?;
        let server = Self {
            faults: Arc::clone(&faults),
            shared: Arc::clone(&shared),
            memory: Arc::clone(&memory),
            failure: Arc::default(),
            bell: Arc::new(bell),
        };
        let bringing = Bringing::new(memory, faults, Layers::map(layers)?, shared, wanted);
        let (failure, bell) = (Arc::clone(&server.failure), Arc::clone(&server.bell));
        std::thread::Builder::new()
            .name("page-server".into())
            .spawn(move || {
                if let Err(why) = bringing.run() {
                    // Nobody else sets it.
                    let _ = failure.set(why);
                    let _ = rustix::io::write(&*bell, &1_u64.to_ne_bytes());
                }
            })
            .while_doing(|| "start the page server".into())?;
        Ok(server)
    }

    /// Readable when it has failed.
    pub fn failed(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Why it has failed, if it has.
    pub fn check(&self) -> Result<()> {
        match self.failure.get() {
            Some(why) => Err(Failure::new(format!("the page server has failed: {why}"))),
            None => Ok(()),
        }
    }

    /// What it has done so far.
    pub fn counts(&self) -> Counts {
        self.shared.counters.counts()
    }

    /// What it has brought so far, in that order.
    pub fn working_set(&self) -> WorkingSet {
        let brought = self.shared.brought.lock();
        brought.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What puts zeros where the guest has given pages back and not used them since: the map says
    /// otherwise of them, and only what is there is seen by who looks for changes.
    pub fn settling(&self) -> impl FnOnce() -> Result<()> + Send + use<> {
        let (faults, shared, memory) = (
            Arc::clone(&self.faults),
            Arc::clone(&self.shared),
            Arc::clone(&self.memory),
        );
        move || {
            let removed = shared.removed.lock();
            removed
                .unwrap_or_else(PoisonError::into_inner)
                .settle(&faults, &memory)
        }
    }
}
