//! Where each watched folder is. inotify names folders by number, and they move: a folder knows only its parent and its name in it,
//! so that moving one moves all below it.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// A watched folder, by inotify's number (which is never another's later).
pub type Folder = i32;

type Place = (Folder, OsString);

/// The watched folders below one, the root, which is watched itself.
#[derive(Debug)]
pub struct Places {
    pub root: Folder,
    of: HashMap<Folder, Place>,
    at: HashMap<Place, Folder>,
}

impl Places {
    /// With only the root.
    pub fn new(root: Folder) -> Self {
        Self {
            root,
            of: HashMap::new(),
            at: HashMap::new(),
        }
    }

    /// The path below the root; `None` for a folder that is not watched any more.
    pub fn path(&self, folder: Folder) -> Option<PathBuf> {
        let mut names = Vec::new();
        let mut folder = folder;
        while folder != self.root {
            let (parent, name) = self.of.get(&folder)?;
            names.push(name);
            folder = *parent;
        }
        Some(names.into_iter().rev().collect())
    }

    /// Whether the folder is known, wherever it is.
    pub fn has(&self, folder: Folder) -> bool {
        folder == self.root || self.of.contains_key(&folder)
    }

    /// The folder is here now, be it new or moved.
    pub fn put(&mut self, folder: Folder, parent: Folder, name: &OsStr) {
        // Below itself it would have no path at all.
        if self.is_below(parent, folder) {
            return;
        }
        let place = (parent, name.to_owned());
        if let Some(before) = self.of.insert(folder, place.clone()) {
            self.vacate(&before, folder);
        }
        self.at.insert(place, folder);
    }

    /// Takes the folder away from its place: something else may come there. Where it was is remembered until it is
    /// put elsewhere or forgotten.
    pub fn lift(&mut self, parent: Folder, name: &OsStr) -> Option<Folder> {
        self.at.remove(&(parent, name.to_owned()))
    }

    /// It is watched no longer.
    pub fn forget(&mut self, folder: Folder) {
        if let Some(place) = self.of.remove(&folder) {
            self.vacate(&place, folder);
        }
    }

    /// The folder and all below it.
    pub fn tree(&self, folder: Folder) -> Vec<Folder> {
        let below = self.of.keys().copied();
        below.filter(|&one| self.is_below(one, folder)).collect()
    }

    fn is_below(&self, mut folder: Folder, ancestor: Folder) -> bool {
        while folder != ancestor {
            match self.of.get(&folder) {
                Some((parent, _)) => folder = *parent,
                None => return false,
            }
        }
        true
    }

    /// Unless another folder took the place.
    fn vacate(&mut self, place: &Place, folder: Folder) {
        if self.at.get(place) == Some(&folder) {
            self.at.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        let mut places = Places::new(1);
        places.put(2, 1, OsStr::new("a"));
        places.put(3, 2, OsStr::new("b"));
        places.put(4, 3, OsStr::new("c"));
        places
    }

    #[test]
    fn moving_a_folder_moves_all_below_it() {
        let mut places = places();
        assert_eq!(places.path(4), Some("a/b/c".into()));
        assert_eq!(places.lift(2, OsStr::new("b")), Some(3));
        assert_eq!(
            places.path(4),
            Some("a/b/c".into()),
            "until it is known where to"
        );
        places.put(3, 1, OsStr::new("elsewhere"));
        assert_eq!(places.path(4), Some("elsewhere/c".into()));
        assert_eq!(places.lift(2, OsStr::new("b")), None);
        assert_eq!(places.lift(1, OsStr::new("elsewhere")), Some(3));
    }

    #[test]
    fn a_folder_that_took_anothers_place_keeps_it() {
        let mut places = places();
        places.put(5, 2, OsStr::new("b"));
        places.forget(3);
        assert_eq!(places.lift(2, OsStr::new("b")), Some(5));
        assert_eq!(places.path(4), None, "what was below is out of reach");
    }

    #[test]
    fn a_tree_is_the_folder_and_all_below_it() {
        let mut tree = places().tree(3);
        tree.sort_unstable();
        assert_eq!(tree, [3, 4]);
        assert_eq!(places().path(1), Some("".into()));
    }

    #[test]
    fn a_folder_is_never_put_below_itself() {
        let mut places = places();
        places.put(2, 4, OsStr::new("loop"));
        assert_eq!(places.path(4), Some("a/b/c".into()));
    }
}
