//! What is in a folder, to a depth.

use std::fs;
use std::io;
use std::path::Path;

use super::entry;
use crate::r#gen::filesystem::EntryInfo;
use crate::users::Names;

/// All of it is in memory at once, in a machine that may be small.
const MOST_ENTRIES: usize = 100_000;

/// The entries below `folder`, each folder's sorted by name and followed by its own. Depth 1 is the folder's own entries; links
/// to folders are listed, not followed (`folder` itself may be one). What vanishes meanwhile is left out.
pub fn list(folder: &Path, depth: u32, names: &Names) -> io::Result<Vec<EntryInfo>> {
    let mut entries = Vec::new();
    collect(folder, depth.max(1), names, &mut entries)?;
    Ok(entries)
}

fn collect(
    folder: &Path,
    depth: u32,
    names: &Names,
    entries: &mut Vec<EntryInfo>,
) -> io::Result<()> {
    let mut inside = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    inside.sort_by_key(fs::DirEntry::file_name);
    for item in inside {
        if entries.len() == MOST_ENTRIES {
            let why = format!("more than {MOST_ENTRIES} entries: ask for a smaller depth");
            return Err(io::Error::new(io::ErrorKind::ArgumentListTooLong, why));
        }
        let path = item.path();
        match entry::describe(&path, names) {
            Ok(entry) => entries.push(entry),
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        }
        if depth > 1 && item.file_type().is_ok_and(|kind| kind.is_dir()) {
            match collect(&path, depth - 1, names, entries) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
    }
    Ok(())
}
