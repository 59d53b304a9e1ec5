//! Into folders as they appear, and out of those that leave.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{self, WatchFlags};
use rustix::io::Errno;

use super::change::{Change, End, Kind, tell};
use super::error::WatchError;
use super::places::Folder;
use super::reach::{Ground, ground};
use super::watch::Watch;

/// A folder with more than this in it, that appears all at once, is more than is told.
const MOST: usize = 1 << 16;

impl Watch {
    /// Watches a folder that is there now. `None`: there is nothing new to look at in it.
    pub(super) fn enter(
        &mut self,
        parent: Folder,
        name: &OsStr,
        path: &Path,
    ) -> Result<Option<Folder>, End> {
        match ground(path) {
            Ok(Ground::Local) => {}
            Ok(Ground::Network) if self.reach.network_mounts => {}
            // It is gone again, or none of ours.
            Ok(Ground::Network | Ground::Kernel) | Err(_) => return Ok(None),
        }
        let folder = match add(&self.inotify, path, WatchFlags::DONT_FOLLOW) {
            Ok(folder) => folder,
            Err(WatchError::TooManyFolders) => return Err(End::TooManyFolders),
            Err(_) => return Ok(None),
        };
        let is_new = !self.places.has(folder);
        let came_back = self.lifted.iter().position(|&lifted| lifted == folder);
        if let Some(index) = came_back {
            self.lifted.swap_remove(index);
        }
        // One that is watched where it is has a second name: a bind mount. It is told under the first.
        if is_new || came_back.is_some() {
            self.places.put(folder, parent, name);
        }
        Ok(is_new.then_some(folder))
    }

    /// Watches the folders in a new folder, and in them; what is there is told as created, unless it was there before the watch.
    pub(super) fn explore(
        &mut self,
        folder: Folder,
        mut changes: Option<&mut Vec<Change>>,
    ) -> Result<(), End> {
        let mut unexplored = vec![folder];
        while let Some(folder) = unexplored.pop() {
            let Some(path) = self.places.path(folder) else {
                continue;
            };
            // What cannot be listed is gone again, and its removal will be told.
            let inside = fs::read_dir(self.root.join(&path));
            for entry in inside.into_iter().flatten().flatten() {
                let name = entry.file_name();
                if let Some(changes) = changes.as_deref_mut() {
                    tell(changes, path.join(&name), Kind::Create);
                    if changes.len() > MOST {
                        return Err(End::Lost);
                    }
                    self.seen.insert((folder, name.clone()));
                }
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    unexplored.extend(self.enter(folder, &name, &entry.path())?);
                }
            }
        }
        Ok(())
    }

    /// Folders that were moved away and did not come back are none of ours, nor is what is in them.
    pub(super) fn let_go(&mut self) {
        for lifted in std::mem::take(&mut self.lifted) {
            for folder in self.places.tree(lifted) {
                let _ = inotify::remove_watch(&self.inotify, folder);
                self.places.forget(folder);
            }
        }
    }
}

/// Watches one folder.
pub fn add(inotify: &OwnedFd, path: &Path, more: WatchFlags) -> Result<Folder, WatchError> {
    let flags = WatchFlags::CREATE
        | WatchFlags::MODIFY
        | WatchFlags::ATTRIB
        | WatchFlags::DELETE
        | WatchFlags::MOVED_FROM
        | WatchFlags::MOVED_TO
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF
        | WatchFlags::ONLYDIR;
    inotify::add_watch(inotify, path, flags | more).map_err(|errno| match errno {
        Errno::NOSPC => WatchError::TooManyFolders,
        errno => WatchError::Folder(io::Error::from(errno)),
    })
}
