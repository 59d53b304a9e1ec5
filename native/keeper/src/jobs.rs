//! Work that takes longer than a turn of the keeper's loop: a thread does it, and the loop goes on.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use confine::{Result, WhileDoing};
use rustix::event::{EventfdFlags, eventfd};
use serde_json::Value;

/// Which job it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobId(u64);

/// Those that run, and those that have ended and not yet been fetched.
pub struct Jobs {
    begun: u64,
    ended: u64,
    done: Receiver<Done>,
    to_done: Sender<Done>,
    /// Readable once there is an outcome.
    bell: Arc<OwnedFd>,
}

/// A job that has ended.
pub struct Done {
    pub job: JobId,
    /// The body of its answer.
    pub outcome: Result<Value>,
}

impl Jobs {
    /// None yet.
    pub fn new() -> Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .while_doing(|| "make an event descriptor".into())?;
        let (to_done, done) = channel();
        Ok(Self {
            begun: 0,
            ended: 0,
            done,
            to_done,
            bell: Arc::new(bell),
        })
    }

    /// Begins `work`. An error means that it was not begun.
    pub fn begin(
        &mut self,
        work: impl FnOnce() -> Result<Value> + Send + 'static,
    ) -> Result<JobId> {
        let job = JobId(self.begun);
        let (to_done, bell) = (self.to_done.clone(), self.bell.clone());
        std::thread::Builder::new()
            .spawn(move || {
                let outcome = work();
                // The keeper is about to end if it does not listen any more.
                let _ = to_done.send(Done { job, outcome });
                let _ = rustix::io::write(&*bell, &1u64.to_ne_bytes());
            })
            .while_doing(|| "start a thread".into())?;
        self.begun += 1;
        Ok(job)
    }

    /// Readable once there is an outcome.
    pub fn outcomes(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// What has ended since the last time.
    pub fn fetch(&mut self) -> Vec<Done> {
        let _ = rustix::io::read(&*self.bell, &mut [0; 8]);
        let done: Vec<_> = self.done.try_iter().collect();
        self.ended += done.len() as u64;
        done
    }

    /// Waits for the end of all that run.
    pub fn finish(&mut self) -> Vec<Done> {
        let running = usize::try_from(self.begun - self.ended).unwrap_or(usize::MAX);
        self.ended = self.begun;
        self.done.iter().take(running).collect()
    }
}
