//! The guest's memory, as the keeper sees it from outside: what it is made of, where it lies in the
//! VMM, and how it is frozen.
//!
//! ```text
//!   Settings ── Source ───────── Memory, not yet handed over ──────── Memory of which a GuestMemory
//!               root, on host:   the VMM has inherited a plan and     is known: can be saved; in paged
//!               all files open   runs; sockets wait in its /vm        mode, pages are served
//! ```

mod device_state;
pub mod guest_memory;
mod hand_over;
mod new_generation;
mod page_server;
mod page_set;
mod plan;
mod read_ahead;
mod save;
mod scan;
mod settings;
mod source;
mod vmm_memory;
mod wanted;
mod working_set;

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use confine::{Failure, Result, WhileDoing};
use serde::Serialize;
use serde_json::{Value, json};

pub use new_generation::{NewGeneration, Written, new_layer_id};
pub use plan::Inheritance;
pub use save::Order;
pub use settings::Settings;
pub use source::Source;

use guest_memory::{GuestMemory, Mode};
use hand_over::{HandOver, HandedOver};
use page_server::{Counts, PageServer};
use save::Saving;
use vmm_memory::VmmMemory;
use wanted::wanted;

/// Where the VMM, in its own root, tells of its memory.
pub const HAND_OVER_SOCKET: &str = "/vm/memory.sock";
/// Where it sends its device state.
pub const STATE_SOCKET: &str = "/vm/state.sock";

/// All that the keeper has to do with it.
pub struct Memory {
    source: Source,
    /// Until the VMM has told.
    hand_over: Option<HandOver>,
    guest: Option<Arc<GuestMemory>>,
    /// In paged mode, from then on.
    server: Option<PageServer>,
    /// Where the VMM's device state comes in when it is saved.
    state: Arc<UnixListener>,
    /// Once the VMM has been started, and until it has ended.
    vmm: Option<Arc<VmmMemory>>,
    saving: Option<Saving>,
}

/// Of the memory, among a sandbox's.
#[derive(Debug, Serialize)]
pub struct Stats {
    mode: Mode,
    #[serde(flatten)]
    counts: Counts,
}

impl Memory {
    /// Offers it to a VMM that is about to be started.
    pub fn offer(
        source: Source,
        hand_over: UnixListener,
        state: UnixListener,
    ) -> Result<(Self, Inheritance)> {
        let inheritance = plan::inheritance(&source)?;
        let memory = Self {
            hand_over: Some(HandOver::expect(source.mode, hand_over)),
            source,
            guest: None,
            server: None,
            state: Arc::new(state),
            vmm: None,
            saving: None,
        };
        Ok((memory, inheritance))
    }

    /// The VMM has been executed; `vmm_folder` is its folder in `/proc`. To be called as root.
    pub fn see_vmm(&mut self, vmm_folder: BorrowedFd<'_>) -> Result<()> {
        let folder = self.source.save_folder.try_clone();
        // One that has ended already is seen to end, like any other.
        let Some(vmm) = VmmMemory::open(vmm_folder)?.map(Arc::new) else {
            return Ok(());
        };
        self.vmm = Some(Arc::clone(&vmm));
        self.saving = Some(Saving::new(
            vmm,
            folder.while_doing(|| "copy a descriptor".into())?,
            Arc::clone(&self.state),
        ));
        Ok(())
    }

    /// The keeper has become the sandbox's user, may have threads from here on, and is heard in the
    /// VMM's log.
    pub fn started(&self) -> Result<()> {
        if let Some(why) = &self.source.without_working_set {
            eprintln!("roost-keeper: the working set is ignored: {why}");
        }
        read_ahead::begin(&self.source)
    }

    /// What to wait for.
    pub fn watched(&self) -> Option<BorrowedFd<'_>> {
        let hand_over = self.hand_over.as_ref().map(HandOver::source);
        hand_over.or_else(|| self.server.as_ref().map(PageServer::failed))
    }

    /// Does what there is to do. After an error the guest must not go on.
    pub fn attend(&mut self, vmm_pid: i32) -> Result<()> {
        let Some(hand_over) = &mut self.hand_over else {
            return self.server.as_ref().map_or(Ok(()), PageServer::check);
        };
        if let Some(told) = hand_over.take(vmm_pid)? {
            self.hand_over = None;
            self.take_over(told)?;
        }
        Ok(())
    }

    fn take_over(&mut self, told: HandedOver) -> Result<()> {
        let source = &self.source;
        let guest = GuestMemory::new(source.mode, told.regions, Arc::clone(&source.map))?;
        let guest = Arc::new(guest);
        if let Some(userfaultfd) = told.userfaultfd {
            let wanted = wanted(&source.map, &source.working_set);
            let memory = Arc::clone(&guest);
            self.server = Some(PageServer::begin(
                memory,
                userfaultfd,
                &source.layers,
                wanted,
            )?);
        }
        self.guest = Some(guest);
        Ok(())
    }

    /// Where the memory is, once the VMM has told.
    pub fn guest(&self) -> Result<&Arc<GuestMemory>> {
        self.guest
            .as_ref()
            .ok_or_else(|| Failure::new("the VMM has not told where its memory is"))
    }

    /// What sends the device state into the VMM. Not before the memory that it belongs to is there.
    pub fn sending_state(&self) -> Result<impl FnOnce() -> Result<Value> + Send + use<>> {
        self.guest()?;
        let state: File = self
            .source
            .state
            .as_ref()
            .ok_or_else(|| Failure::new("there is no device state to send"))?
            .try_clone()
            .while_doing(|| "copy a descriptor".into())?;
        Ok(move || Ok(json!({ "state_bytes": device_state::send(&state)? })))
    }

    /// What freezes the guest.
    pub fn save(&mut self, order: Order) -> Result<impl FnOnce() -> Result<Value> + Send + use<>> {
        let guest = Arc::clone(self.guest()?);
        let settling = self.server.as_ref().map(PageServer::settling);
        let saving = self.saving()?.begin(order, guest)?;
        Ok(move || {
            settling.map_or(Ok(()), |settle| settle())?;
            saving()
        })
    }

    /// What ends a save that runs, and ends when nothing of it is left.
    pub fn cancel_save(&mut self) -> Result<impl FnOnce() -> Result<Value> + Send + use<>> {
        let cancelled = self.saving()?.cancel("the save was cancelled");
        Ok(move || {
            cancelled();
            Ok(json!({}))
        })
    }

    /// What writes down which memory the guest has used.
    pub fn record_working_set(&mut self) -> Result<impl FnOnce() -> Result<Value> + Send + use<>> {
        let guest = Arc::clone(self.guest()?);
        let vmm = Arc::clone(self.vmm.as_ref().ok_or_else(vmm_memory::ended)?);
        let folder = self.source.save_folder.try_clone();
        let folder = folder.while_doing(|| "copy a descriptor".into())?;
        let brought = self.server.as_ref().map(PageServer::working_set);
        Ok(move || {
            let set = match brought {
                Some(brought) => brought,
                None => working_set::present(&guest, &vmm)?,
            };
            Ok(json!({ "bytes": working_set::write(&set, folder.as_fd())? }))
        })
    }

    /// What has been done to provide it.
    pub fn stats(&self) -> Stats {
        Stats {
            mode: self.source.mode,
            counts: self
                .server
                .as_ref()
                .map(PageServer::counts)
                .unwrap_or_default(),
        }
    }

    /// There is nothing to save any more.
    pub fn vmm_has_ended(&mut self) {
        self.saving = None;
        self.vmm = None;
    }

    fn saving(&mut self) -> Result<&mut Saving> {
        self.saving.as_mut().ok_or_else(vmm_memory::ended)
    }
}
