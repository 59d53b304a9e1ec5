//! One inotify: names of what changed, in a folder and, if wanted, in all below it.
//!
//! A folder that appears may have been filled before it was watched, so what is in it is told as created, and the kernel's
//! own news of the same are left out. A folder that was moved within the watched tree is told as moved, one that came from
//! outside as created with all in it. May block: for use off the server's thread.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, ReadFlags, WatchFlags};
use rustix::io::Errno;

use super::change::{Batch, Change, End, kind_of, tell};
use super::descent::add;
use super::error::WatchError;
use super::places::{Folder, Places};
use super::reach::{Ground, ground};

/// So many changes are told at once, about.
const BATCH: usize = 256;
/// Some hundreds of events.
const BUFFER: usize = 16 << 10;

/// How far a watch reaches.
#[derive(Debug, Clone, Copy)]
pub struct Reach {
    pub recursive: bool,
    pub network_mounts: bool,
}

/// A watch.
#[derive(Debug)]
pub struct Watch {
    pub(super) inotify: OwnedFd,
    pub(super) root: PathBuf,
    pub(super) reach: Reach,
    pub(super) places: Places,
    /// Told by looking into a new folder; the kernel's own event may still be to come.
    pub(super) seen: HashSet<(Folder, OsString)>,
    /// Moved away, it is not known yet where to.
    pub(super) lifted: Vec<Folder>,
}

impl Watch {
    /// Watches from now on.
    pub fn open(root: PathBuf, reach: Reach) -> Result<Self, WatchError> {
        if !reach.network_mounts && ground(&root)? == Ground::Network {
            return Err(WatchError::NetworkMount);
        }
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        let inotify = inotify::init(flags).map_err(|_| WatchError::TooManyWatches)?;
        let folder = add(&inotify, &root, WatchFlags::empty())?;
        let mut watch = Self {
            inotify,
            root,
            reach,
            places: Places::new(folder),
            seen: HashSet::new(),
            lifted: Vec::new(),
        };
        if reach.recursive {
            watch.explore(folder, None)?;
        }
        Ok(watch)
    }

    /// What happened since; nothing, if nothing did.
    pub fn read(&mut self) -> Batch {
        let mut batch = Batch::default();
        // The reader must not borrow what handling an event changes.
        let inotify = match self.inotify.try_clone() {
            Ok(inotify) => inotify,
            Err(_) => return batch.ended(End::Lost),
        };
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut events = inotify::Reader::new(inotify, &mut buffer);
        loop {
            let event = match events.next() {
                Ok(event) => event,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => break,
                Err(_) => return batch.ended(End::Lost),
            };
            let name = event
                .file_name()
                .map(|name| OsStr::from_bytes(name.to_bytes()));
            if let Err(end) = self.take(event.wd(), event.events(), name, &mut batch.changes) {
                return batch.ended(end);
            }
            if events.is_buffer_empty() && batch.changes.len() >= BATCH {
                batch.more = true;
                return batch;
            }
        }
        // Whatever the kernel had to say of them has been read.
        self.seen = HashSet::new();
        self.let_go();
        batch
    }

    fn take(
        &mut self,
        folder: Folder,
        events: ReadFlags,
        name: Option<&OsStr>,
        changes: &mut Vec<Change>,
    ) -> Result<(), End> {
        if events.contains(ReadFlags::QUEUE_OVERFLOW) {
            return Err(End::Lost);
        }
        if events.intersects(ReadFlags::IGNORED | ReadFlags::UNMOUNT) {
            self.places.forget(folder);
            return if folder == self.places.root {
                Err(End::Gone)
            } else {
                Ok(())
            };
        }
        match (name, self.places.path(folder)) {
            (Some(name), Some(path)) => self.take_named(folder, events, name, &path, changes),
            (None, Some(_)) if folder == self.places.root => take_root(events, changes),
            // Of a folder below, its parent tells; of one that is no longer below, nobody wants to know.
            _ => Ok(()),
        }
    }

    fn take_named(
        &mut self,
        folder: Folder,
        events: ReadFlags,
        name: &OsStr,
        path: &Path,
        changes: &mut Vec<Change>,
    ) -> Result<(), End> {
        let is_folder = events.contains(ReadFlags::ISDIR) && self.reach.recursive;
        let appeared = events.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO);
        let vanished = events.intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM);
        if (appeared || vanished) && !self.seen.is_empty() {
            let was_told = self.seen.remove(&(folder, name.to_owned()));
            if was_told && appeared {
                return Ok(());
            }
        }
        tell(changes, path.join(name), kind_of(events));
        if events.contains(ReadFlags::MOVED_FROM) && is_folder {
            self.lifted.extend(self.places.lift(folder, name));
        } else if appeared && is_folder {
            let new = self.enter(folder, name, &self.root.join(path).join(name))?;
            if let Some(new) = new {
                self.explore(new, Some(changes))?;
            }
        }
        Ok(())
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

fn take_root(events: ReadFlags, changes: &mut Vec<Change>) -> Result<(), End> {
    tell(changes, PathBuf::new(), kind_of(events));
    if events.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF) {
        return Err(End::Gone);
    }
    Ok(())
}
