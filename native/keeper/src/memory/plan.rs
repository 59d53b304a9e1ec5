//! What the preload library inherits: the plan, and the descriptors it speaks of.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;

use confine::{Failure, Result, WhileDoing};
use memory_format::{LayerId, Source as PageSource};
use memory_plan::{Header, Mode as PlanMode, Range, Span};
use rustix::fs::{MemfdFlags, SealFlags};

use super::guest_memory::Mode;
use super::source::Source;
use super::wanted::wanted;

/// Above any number that a TAP device can have.
const PLAN_FD: RawFd = 256;
const USERFAULTFD_FD: RawFd = 257;
const FIRST_LAYER_FD: RawFd = 258;
/// The file in whose place QEMU gets its memory, as the VMM sees it.
const SENTINEL: &str = "/vm/ram";

/// For the VMM's environment and descriptors.
pub struct Inheritance {
    pub variable: (String, String),
    pub descriptors: Vec<(OwnedFd, RawFd)>,
}

/// To be called where `/` is the VMM's already.
pub fn inheritance(source: &Source) -> Result<Inheritance> {
    // In paged mode the keeper itself reads the layers, and brings what is wanted.
    let (layers, wanted) = match source.mode {
        Mode::Mapped => (&source.layers[..], wanted(&source.map, &source.working_set)),
        Mode::Paged => (&[][..], Vec::new()),
    };
    let ranges = ranges(source);
    let header = Header {
        mode: match source.mode {
            Mode::Mapped => PlanMode::Mapped,
            Mode::Paged => PlanMode::Paged {
                userfaultfd: USERFAULTFD_FD,
            },
        },
        size: source.map.memory_size(),
        sentinel: sentinel(source.map.memory_size())?,
        ranges: ranges.len() as u64,
        wanted: wanted.len() as u64,
        first_layer: FIRST_LAYER_FD,
        layers: u32::try_from(layers.len()).unwrap_or(u32::MAX),
    };
    let mut bytes = header.to_bytes().to_vec();
    for range in ranges {
        bytes.extend(range.to_bytes());
    }
    for piece in wanted {
        let (offset, length) = (piece.offset, piece.length);
        bytes.extend(Span { offset, length }.to_bytes());
    }

    let copy = |fd: &dyn AsFd| {
        fd.as_fd()
            .try_clone_to_owned()
            .while_doing(|| "copy a descriptor".into())
    };
    let mut descriptors = vec![(sealed_file(&bytes)?, PLAN_FD)];
    if let Some(device) = &source.userfaultfd {
        descriptors.push((copy(device)?, USERFAULTFD_FD));
    }
    for (layer, number) in layers.iter().zip(FIRST_LAYER_FD..) {
        descriptors.push((copy(&layer.file)?, number));
    }
    Ok(Inheritance {
        variable: (memory_plan::VARIABLE.into(), PLAN_FD.to_string()),
        descriptors,
    })
}

fn ranges(source: &Source) -> Vec<Range> {
    let number = |id: LayerId| {
        let found = source.layers.binary_search_by_key(&id, |layer| layer.id);
        found.map_or(u64::MAX, |number| number as u64)
    };
    let entries = source.map.entries().iter();
    entries
        .filter_map(|entry| match entry.source {
            PageSource::Zero => None,
            PageSource::Layer { id, offset } => Some(Range {
                span: Span {
                    offset: entry.offset,
                    length: entry.length,
                },
                layer_offset: offset,
                layer: number(id),
            }),
        })
        .collect()
}

/// Device and inode of the file that the VMM will map. It must be there: QEMU would make one
/// otherwise, of zeros, and go on with it.
fn sentinel(memory_size: u64) -> Result<(u64, u64)> {
    let facts =
        std::fs::symlink_metadata(SENTINEL).while_doing(|| format!("look at {SENTINEL}"))?;
    if facts.is_file() && facts.len() == memory_size {
        Ok((facts.dev(), facts.ino()))
    } else {
        Err(Failure::new(format!(
            "{SENTINEL} must be a file of {memory_size} bytes"
        )))
    }
}

fn sealed_file(bytes: &[u8]) -> Result<OwnedFd> {
    let what = || "write the memory's plan".to_owned();
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(rustix::fs::memfd_create("memory-plan", flags).while_doing(what)?);
    file.write_all(bytes).while_doing(what)?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    rustix::fs::fcntl_add_seals(&file, seals).while_doing(what)?;
    Ok(file.into())
}
