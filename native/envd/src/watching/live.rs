//! A watch on the server's side: waited for without work, read on a thread for file work, one of a limited number.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, spawn_blocking};

use super::change::End;
use super::error::WatchError;
use super::events::Telling;
use super::watch::{Reach, Watch};
use crate::r#gen::filesystem::FilesystemEvent;

/// The kernel gives each user 128 inotify instances, and root's programs want some.
const MOST: usize = 64;

/// What a client wants to be told.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub reach: Reach,
    pub telling: Telling,
}

/// Room for so many watches at once.
#[derive(Debug, Clone)]
pub struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

/// What there is to tell.
#[derive(Debug)]
pub struct News {
    pub events: Vec<FilesystemEvent>,
    pub end: Option<End>,
    /// There may be more at once: ask again, rather than wait.
    pub more: bool,
}

/// A watch.
#[derive(Debug)]
pub struct Live {
    readiness: AsyncFd<OwnedFd>,
    source: Arc<Mutex<Source>>,
    _room: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct Source {
    watch: Watch,
    telling: Telling,
}

impl Live {
    /// Watches from now on, if there is room.
    pub async fn open(room: &Room, wanted: Wanted) -> Result<Self, WatchError> {
        let room = room.0.clone().try_acquire_owned();
        let room = room.map_err(|_| WatchError::TooManyWatches)?;
        let opened = spawn_blocking(move || {
            let watch = Watch::open(wanted.telling.root.clone(), wanted.reach)?;
            Ok::<_, WatchError>(Source {
                watch,
                telling: wanted.telling,
            })
        });
        let source = opened.await.map_err(io::Error::from)??;
        let inotify = source.watch.as_fd().try_clone_to_owned()?;
        // SAFETY: the descriptor is open and owned by the AsyncFd, which gives nothing of it away.
        let readiness = unsafe { AsyncFd::register_with_interest(inotify, Interest::READABLE) };
        Ok(Self {
            readiness: readiness.map_err(io::Error::from)?,
            source: Arc::new(Mutex::new(source)),
            _room: room,
        })
    }

    /// Returns when there may be something to read.
    pub async fn changed(&self) -> io::Result<()> {
        self.readiness.readable().await?.clear_ready();
        Ok(())
    }

    /// Gives what there is to `take`, one reader after another: so their orders are the same.
    pub async fn read<T: Send + 'static>(
        &self,
        take: impl FnOnce(News) -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let source = self.source.clone();
        let read = spawn_blocking(move || {
            let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
            let batch = source.watch.read();
            take(News {
                events: source.telling.events(batch.changes),
                end: batch.end,
                more: batch.more,
            })
        });
        read.await
    }
}
