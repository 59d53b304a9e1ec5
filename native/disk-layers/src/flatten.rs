//! A base image and the layers over it become one image.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use confine::{Failure, Result, WhileDoing};
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use crate::chain::{Chain, Cluster, runs};
use crate::format::{BLOCK, BLOCKS, CLUSTER, ENTRIES, REGION, is_zero};

/// Writes what a guest sees into the empty file `out`, sparse where it is zero.
pub fn flatten(base: &File, chain: &Chain, out: &File) -> Result<()> {
    let size = chain.size();
    out.set_len(size).while_doing(|| "write the image".into())?;
    let mut base = Base {
        image: base,
        hole: 0..0,
    };
    let mut cluster = Cluster::new();
    let mut bytes = vec![0; CLUSTER as usize];
    for index in 0..chain.regions() {
        let region = chain.region(index)?;
        for at in 0..ENTRIES {
            let offset = index * REGION + at * CLUSTER;
            if offset >= size {
                break;
            }
            let bytes = &mut bytes[..(size - offset).min(CLUSTER) as usize];
            let held = match &region {
                Some(region) => region.read(at, &mut cluster)?,
                None => false,
            };
            let (data, zero) = if held {
                (cluster.data, cluster.zero)
            } else {
                (0, 0)
            };
            if data | zero != u32::MAX && !base.read(bytes, offset)? && data == 0 {
                continue; // Nothing but zeros.
            }
            overlay(bytes, &cluster.bytes, data, zero);
            write_blocks(out, bytes, offset)?;
        }
    }
    Ok(())
}

/// A raw image, of which most may be holes.
struct Base<'a> {
    image: &'a File,
    /// The last one that was met.
    hole: Range<u64>,
}

impl Base<'_> {
    /// False: there is a hole.
    fn read(&mut self, bytes: &mut [u8], offset: u64) -> Result<bool> {
        let what = || "read the base image".to_owned();
        let end = offset + bytes.len() as u64;
        if !self.hole.contains(&offset) {
            let data = match seek(self.image, SeekFrom::Data(offset)) {
                Err(Errno::NXIO) => u64::MAX,
                found => found.while_doing(what)?,
            };
            self.hole = offset..data;
        }
        if end <= self.hole.end {
            bytes.fill(0);
            return Ok(false);
        }
        self.image.read_exact_at(bytes, offset).while_doing(what)?;
        Ok(true)
    }
}

fn overlay(bytes: &mut [u8], above: &[u8], data: u32, zero: u32) {
    // The last cluster may end in the middle of a block.
    let range = |(first, count): (u64, u64), length: usize| {
        let end = ((first + count) * BLOCK) as usize;
        ((first * BLOCK) as usize).min(length)..end.min(length)
    };
    for run in runs(data) {
        let range = range(run, bytes.len());
        bytes[range.clone()].copy_from_slice(&above[range]);
    }
    for run in runs(zero) {
        let range = range(run, bytes.len());
        bytes[range].fill(0);
    }
}

/// Writes the blocks that are not zero.
fn write_blocks(out: &File, bytes: &[u8], offset: u64) -> Result<()> {
    let mut used = 0;
    for (block, bytes) in bytes.chunks(BLOCK as usize).enumerate() {
        used |= u32::from(!is_zero(bytes)) << block;
    }
    debug_assert!(bytes.len() as u64 <= BLOCKS * BLOCK);
    for (first, count) in runs(used) {
        let from = (first * BLOCK) as usize;
        let to = (from + (count * BLOCK) as usize).min(bytes.len());
        out.write_all_at(&bytes[from..to], offset + first * BLOCK)
            .while_doing(|| "write the image".into())?;
    }
    Ok(())
}

/// How long a base image is: that of its disk.
pub fn image_size(base: &File) -> Result<u64> {
    let facts = base
        .metadata()
        .while_doing(|| "look at the base image".into())?;
    match facts.len() {
        0 => Err(Failure::new("the base image is empty")),
        size => Ok(size),
    }
}
