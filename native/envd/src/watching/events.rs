//! Changes as clients are told of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::change::{Change, Kind};
use crate::agent::Agent;
use crate::filesystem::describe;
use crate::r#gen::filesystem::{EntryInfo, EventType, FilesystemEvent};
use crate::users::Names;

/// How changes below `root` are told.
#[derive(Debug, Clone)]
pub struct Telling {
    pub agent: Arc<Agent>,
    pub root: PathBuf,
    /// With what is there now.
    pub entries: bool,
}

impl Telling {
    /// One event for each. May block.
    pub fn events(&self, changes: Vec<Change>) -> Vec<FilesystemEvent> {
        let names = (self.entries && !changes.is_empty()).then(|| self.agent.accounts.names());
        let events = changes.into_iter().map(|change| {
            let entry = names.as_ref().and_then(|names| self.entry(&change, names));
            FilesystemEvent {
                name: name(&change.name),
                r#type: kind(change.kind).into(),
                entry: entry.into(),
            }
        });
        events.collect()
    }

    /// Nothing for what went away: whatever has its name by now is another. Nor for what went away since.
    fn entry(&self, change: &Change, names: &Names) -> Option<EntryInfo> {
        if matches!(change.kind, Kind::Remove | Kind::Rename) {
            return None;
        }
        describe(&self.root.join(&change.name), names).ok()
    }
}

/// Relative to the watched folder, which itself is `.`.
fn name(path: &Path) -> String {
    if path.as_os_str().is_empty() {
        return ".".to_owned();
    }
    path.to_string_lossy().into_owned()
}

fn kind(kind: Kind) -> EventType {
    match kind {
        Kind::Create => EventType::EVENT_TYPE_CREATE,
        Kind::Write => EventType::EVENT_TYPE_WRITE,
        Kind::Remove => EventType::EVENT_TYPE_REMOVE,
        Kind::Rename => EventType::EVENT_TYPE_RENAME,
        Kind::Attributes => EventType::EVENT_TYPE_CHMOD,
    }
}
