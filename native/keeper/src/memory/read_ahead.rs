//! Having what is wanted read from the disk, all at once, while the VMM still starts. Whoever makes it
//! present a moment later then waits for no disk, or not for each piece of it.

use std::collections::BTreeMap;

use confine::{Result, WhileDoing};
use memory_format::Source as PageSource;
use rustix::fs::{Advice, fadvise};

use super::source::Source;
use super::wanted::wanted;

/// Leaves it to a thread, since a disk with a long queue makes who adds to it wait.
pub fn begin(source: &Source) -> Result<()> {
    let wanted = wanted(&source.map, &source.working_set);
    if wanted.is_empty() {
        return Ok(());
    }
    let mut layers = BTreeMap::new();
    for layer in &source.layers {
        let file = layer.file.try_clone();
        layers.insert(layer.id, file.while_doing(|| "copy a descriptor".into())?);
    }
    std::thread::Builder::new()
        .name("read-ahead".into())
        .spawn(move || {
            for piece in wanted {
                if let PageSource::Layer { id, offset } = piece.source {
                    let length = piece.length.try_into().ok();
                    // Advice that is not taken makes it slower, and that is all.
                    let _ = fadvise(&layers[&id], offset, length, Advice::WillNeed);
                }
            }
        })
        .map(drop)
        .while_doing(|| "start a thread".into())
}
