//! Whether a generation is whole: the map, the layers that it needs, and every file that the
//! manifest lists.

use std::io::Read;
use std::path::Path;

use confine::{Result, WhileDoing};
use memory_format::{Hasher, Map, PAGE_SIZE};

use super::manifest::{Listed, Manifest};
use super::open_file;

/// What is read at a time.
const STEP: usize = 1024 * 1024;
const MAP: &str = "memory.map";

/// All that is wrong with the generation in `folder`: a line for each.
pub fn verify(folder: &Path) -> Vec<String> {
    let mut faults = Faults(Vec::new());
    let manifest = faults.none_or(Manifest::read(folder));
    let map = faults.none_or(open_file(&folder.join(MAP)));
    let map = map.and_then(|file| match Map::read_from(file) {
        Ok(map) => Some(map),
        Err(error) => {
            faults.add(format!("{MAP}: {error}"));
            None
        }
    });
    if let Some(map) = &map {
        check_layers(folder, map, &mut faults);
    }
    if let Some(manifest) = &manifest {
        if let Some(map) = &map {
            check_listed(manifest, map, &mut faults);
        }
        for file in &manifest.files {
            check_file(folder, file, &mut faults);
        }
    }
    faults.0
}

struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, fault: String) {
        // One line each, whatever a manifest calls its files.
        self.0.push(fault.replace(|c: char| c.is_control(), "?"));
    }

    fn none_or<T>(&mut self, found: Result<T>) -> Option<T> {
        found.map_err(|failure| self.add(failure.to_string())).ok()
    }
}

/// Each layer is there, and as long as the map needs it.
fn check_layers(folder: &Path, map: &Map, faults: &mut Faults) {
    for (id, needed) in map.layers() {
        let name = format!("memory/{}", id.file_name());
        let length = open_file(&folder.join(&name))
            .and_then(|file| file.metadata().while_doing(|| format!("look at {name}")));
        let Some(length) = faults.none_or(length).map(|facts| facts.len()) else {
            continue;
        };
        if length < needed {
            faults.add(format!(
                "{name}: it has {length} bytes, but the map needs {needed}"
            ));
        } else if !length.is_multiple_of(PAGE_SIZE) {
            faults.add(format!("{name}: its {length} bytes are no whole pages"));
        }
    }
}

/// The manifest speaks of the same memory, and of all that the memory is made of.
fn check_listed(manifest: &Manifest, map: &Map, faults: &mut Faults) {
    if manifest.memory_mb.checked_mul(1024 * 1024) != Some(map.memory_size()) {
        faults.add(format!(
            "{MAP}: it is of {} bytes of memory, but the manifest of {} MB",
            map.memory_size(),
            manifest.memory_mb
        ));
    }
    let layers = map.layers().into_keys();
    let names = layers.map(|id| format!("memory/{}", id.file_name()));
    for name in names.chain([MAP.into(), "vmstate".into()]) {
        if manifest.file(&name).is_none() {
            faults.add(format!("{name}: the manifest does not list it"));
        }
    }
}

/// It is there, and what it was.
fn check_file(folder: &Path, listed: &Listed, faults: &mut Faults) {
    let name = &listed.name;
    if !listed.is_inside() {
        faults.add(format!("{name}: no name of a file in a generation"));
        return;
    }
    let found = open_file(&folder.join(name)).and_then(|file| {
        let size = file.metadata().while_doing(|| format!("look at {name}"))?;
        Ok((file, size.len()))
    });
    let Some((file, size)) = faults.none_or(found) else {
        return;
    };
    if size != listed.size {
        faults.add(format!(
            "{name}: it has {size} bytes, but the manifest says {}",
            listed.size
        ));
        return;
    }
    match &listed.checksum {
        Some(expected) => {
            let found = checksum(file).while_doing(|| format!("read {name}"));
            if faults
                .none_or(found)
                .is_some_and(|found| found != *expected)
            {
                faults.add(format!("{name}: its checksum is not the manifest's"));
            }
        }
        None if listed.is_of_disk() => {}
        None => faults.add(format!("{name}: the manifest has no checksum of it")),
    }
}

fn checksum(mut file: impl Read) -> std::io::Result<String> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; STEP];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().to_string()),
            read => hasher.update(&buffer[..read]),
        };
    }
}
