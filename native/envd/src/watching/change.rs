//! Changes as the kernel tells them, made one of five kinds.

use std::path::PathBuf;

use rustix::fs::inotify::ReadFlags;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Create,
    Write,
    Remove,
    /// Away from this name; under the new one it is created.
    Rename,
    Attributes,
}

/// What happened to whom: a path below the watched folder, empty for that folder itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub name: PathBuf,
    pub kind: Kind,
}

/// Why a watch tells no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The folder was removed, moved or unmounted.
    Gone,
    /// The kernel, or a queue, dropped changes.
    Lost,
    /// There is a folder too many below it.
    TooManyFolders,
}

/// Some changes, in their order.
#[derive(Debug, Default)]
pub struct Batch {
    pub changes: Vec<Change>,
    pub end: Option<End>,
    /// There may be more at once.
    pub more: bool,
}

impl Batch {
    /// The last batch.
    pub fn ended(mut self, end: End) -> Self {
        self.end = Some(end);
        self
    }
}

/// What the kernel says.
pub fn kind_of(events: ReadFlags) -> Kind {
    if events.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
        Kind::Create
    } else if events.intersects(ReadFlags::DELETE | ReadFlags::DELETE_SELF) {
        Kind::Remove
    } else if events.intersects(ReadFlags::MOVED_FROM | ReadFlags::MOVE_SELF) {
        Kind::Rename
    } else if events.contains(ReadFlags::MODIFY) {
        Kind::Write
    } else {
        Kind::Attributes
    }
}

/// Adds one. A file that is written piece by piece is told once, as long as nothing else happens in between.
pub fn tell(changes: &mut Vec<Change>, name: PathBuf, kind: Kind) {
    let change = Change { name, kind };
    if changes.last() != Some(&change) {
        changes.push(change);
    }
}
