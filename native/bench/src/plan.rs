//! What the preload library inherits: the plan of the memory, and the descriptors that it speaks of.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{IntoRawFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use memory_format::{LayerId, Map, Source};
use memory_plan::{Header, Mode, Range, Span};
use rustix::fs::MemfdFlags;

use crate::Result;

/// The plan's own number. The others follow it.
pub const PLAN: RawFd = 256;
const USERFAULTFD: RawFd = 257;
const FIRST_LAYER: RawFd = 258;

/// Opens all of it under its numbers, to be inherited. `generation` none: the memory is all zero.
pub fn inherit(sentinel: &Path, generation: Option<&Path>, paged: bool) -> Result<()> {
    let facts = fs::metadata(sentinel)?;
    let map = match generation {
        Some(folder) => Map::read(&folder.join("memory.map"))?,
        None => Map::zero(facts.len()),
    };
    let numbers: BTreeMap<LayerId, u64> = map.layers().into_keys().zip(0..).collect();
    let ranges = ranges(&map, &numbers);
    let header = Header {
        mode: if paged {
            Mode::Paged {
                userfaultfd: USERFAULTFD,
            }
        } else {
            Mode::Mapped
        },
        size: map.memory_size(),
        sentinel: (facts.dev(), facts.ino()),
        ranges: ranges.len() as u64,
        wanted: 0,
        first_layer: FIRST_LAYER,
        layers: if paged { 0 } else { numbers.len() as u32 },
    };
    let mut bytes = header.to_bytes().to_vec();
    ranges
        .iter()
        .for_each(|range| bytes.extend(range.to_bytes()));
    let mut plan = File::from(rustix::fs::memfd_create("plan", MemfdFlags::empty())?);
    plan.write_all(&bytes)?;
    put(plan, PLAN)?;
    if paged {
        put(File::open("/dev/userfaultfd")?, USERFAULTFD)?;
        return Ok(());
    }
    let layers = generation.map(|folder| folder.join("memory"));
    for (id, number) in numbers {
        let layer = layers.as_ref().ok_or("a layer of no generation")?;
        let layer = File::open(layer.join(id.file_name()))?;
        put(layer, FIRST_LAYER + RawFd::try_from(number)?)?;
    }
    Ok(())
}

/// Gives a file a number under which it is inherited.
pub fn put(file: File, number: RawFd) -> Result<()> {
    let own = file.into_raw_fd();
    // SAFETY: `own` is an open descriptor of ours, and nothing of ours has the number.
    match unsafe { libc::dup2(own, number) } {
        -1 => Err(std::io::Error::last_os_error().into()),
        _ => Ok(()),
    }
}

fn ranges(map: &Map, numbers: &BTreeMap<LayerId, u64>) -> Vec<Range> {
    let entries = map.entries().iter();
    entries
        .filter_map(|entry| match entry.source {
            Source::Zero => None,
            Source::Layer { id, offset } => Some(Range {
                span: Span {
                    offset: entry.offset,
                    length: entry.length,
                },
                layer_offset: offset,
                layer: numbers[&id],
            }),
        })
        .collect()
}
