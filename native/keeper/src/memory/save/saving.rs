//! Saves as the loop sees them: begun, cancelled.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use confine::{Failure, Result, WhileDoing};
use serde_json::Value;

use super::attempt::Attempts;
use super::{Order, Save, device_state};
use crate::memory::guest_memory::GuestMemory;
use crate::memory::vmm_memory::VmmMemory;

/// What all saves of a VMM share. Dropped, because the VMM has ended, it cancels the one that runs.
pub struct Saving {
    vmm: Arc<VmmMemory>,
    folder: OwnedFd,
    state: Arc<UnixListener>,
    attempts: Attempts,
}

impl Saving {
    /// `folder` is where generations are saved to, `state` where the device state comes in.
    pub fn new(vmm: Arc<VmmMemory>, folder: OwnedFd, state: Arc<UnixListener>) -> Self {
        Self {
            vmm,
            folder,
            state,
            attempts: Attempts::default(),
        }
    }

    /// Begins one, if none runs: what it answers has to be run, elsewhere.
    pub fn begin(
        &mut self,
        order: Order,
        memory: Arc<GuestMemory>,
    ) -> Result<impl FnOnce() -> Result<Value> + Send + use<>> {
        let folder = self.folder.try_clone();
        let save = Save {
            order,
            memory,
            vmm: Arc::clone(&self.vmm),
            parent: folder.while_doing(|| "copy a descriptor".into())?,
            state: Arc::clone(&self.state),
        };
        let attempt = self.attempts.begin()?;
        Ok(move || {
            let saved = save.run(&attempt)?;
            serde_json::to_value(saved)
                .map_err(|error| Failure::new(format!("tell of the save: {error}")))
        })
    }

    /// Tells the one that runs to stop. When that has ended, or if there is none, nobody waits for
    /// the device state any more: connections that still bring one are turned away, so that the
    /// next save does not take it for its own.
    pub fn cancel(&self, why: &'static str) -> impl FnOnce() + Send + use<> {
        let cancelled = self.attempts.cancel(why);
        let state = Arc::clone(&self.state);
        move || {
            if let Some(cancelled) = cancelled {
                cancelled.wait();
            }
            device_state::turn_away(&state);
        }
    }
}

impl Drop for Saving {
    fn drop(&mut self) {
        self.attempts.cancel("the VMM has ended");
    }
}
