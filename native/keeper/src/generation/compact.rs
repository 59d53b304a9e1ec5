//! The memory of a generation in one layer: so that a line of many generations does not become a map
//! of many small pieces.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use confine::{Failure, Result, WhileDoing};
use memory_format::{LayerId, Map, Packer, Source};
use rustix::fs::{Mode, OFlags};

use super::open_file;
use crate::memory::{NewGeneration, Written, new_layer_id};

/// What is copied at a time.
const STEP: u64 = 1024 * 1024;

/// Makes the folder `out` with a map and a layer that hold what the map in `folder` does. They are
/// on the disk when it returns, or `out` is not there.
pub fn compact(folder: &Path, out: &Path) -> Result<Vec<Written>> {
    let map = Map::read_from(open_file(&folder.join("memory.map"))?)
        .map_err(|error| Failure::new(format!("read the map: {error}")))?;
    let (parent, name) = parent_and_name(out)?;
    let new = NewGeneration::make(&parent, name)?;

    let id = new_layer_id()?;
    // Over the old map, all of which it covers: so it stays in its line.
    let mut packer = Packer::new(&map, map.generation(), id, new.layer(id)?);
    let mut buffer = vec![0; STEP as usize];
    let mut layers = Layers::of(folder);
    for entry in map.entries() {
        let Source::Layer { id, offset } = entry.source else {
            continue;
        };
        let layer = layers.get(id)?;
        for done in (0..entry.length).step_by(STEP as usize) {
            let pages = &mut buffer[..STEP.min(entry.length - done) as usize];
            layer
                .read_exact_at(pages, offset + done)
                .while_doing(|| format!("read {}", id.file_name()))?;
            packer
                .pages(entry.offset + done, pages)
                .while_doing(|| "write a layer".into())?;
        }
    }
    let packed = packer.finish().while_doing(|| "write a layer".into())?;
    let written = new.complete(&packed.map, packed.layer, Vec::new(), || Ok(()))?;
    rustix::fs::fsync(&parent).while_doing(|| format!("fsync the folder of {}", out.display()))?;
    new.keep();
    Ok(written)
}

/// Those that have been opened.
struct Layers<'a> {
    folder: &'a Path,
    open: BTreeMap<LayerId, File>,
}

impl<'a> Layers<'a> {
    fn of(folder: &'a Path) -> Self {
        Self {
            folder,
            open: BTreeMap::new(),
        }
    }

    fn get(&mut self, id: LayerId) -> Result<&File> {
        match self.open.entry(id) {
            Entry::Occupied(open) => Ok(open.into_mut()),
            Entry::Vacant(place) => {
                let path = self.folder.join("memory").join(id.file_name());
                Ok(place.insert(open_file(&path)?))
            }
        }
    }
}

fn parent_and_name(out: &Path) -> Result<(OwnedFd, &str)> {
    let name = out.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Failure::new(format!("{} is no new folder", out.display())))?;
    let parent = match out.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = rustix::fs::open(parent, flags, Mode::empty())
        .while_doing(|| format!("open the folder {}", parent.display()))?;
    Ok((parent, name))
}
