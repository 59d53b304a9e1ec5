//! qcow2 as Roost's layers have it: version 3, clusters of 128 KiB with an allocation bit for each
//! 4 KiB of them, no backing file. The agent makes such layers, QEMU fills them
//! (docs/decisions/0004 says why they are as they are), and here they are read and written whole.

use confine::{Failure, Result};

/// What is allocated at a time, and how long a table is.
pub const CLUSTER: u64 = 128 * 1024;
/// What a bit of an entry stands for.
pub const BLOCK: u64 = 4096;
/// Blocks of a cluster.
pub const BLOCKS: u64 = CLUSTER / BLOCK;
/// Entries of a lower table, 16 bytes each.
pub const ENTRIES: u64 = CLUSTER / 16;
/// What an entry of the top table covers.
pub const REGION: u64 = ENTRIES * CLUSTER;
/// The most entries that a top table of one cluster has.
pub const MAX_REGIONS: u64 = CLUSTER / 8;

/// How much of a file is its header.
pub const HEADER_LENGTH: usize = 104;

/// In an entry of a table: nothing else refers to that cluster.
const COPIED: u64 = 1 << 63;
const COMPRESSED: u64 = 1 << 62;
/// Where the cluster is.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;

const MAGIC: u32 = 0x5146_49fb;
const VERSION: u32 = 3;
const CLUSTER_BITS: u32 = CLUSTER.trailing_zeros();
/// Refcounts of 2 ** 4 bits.
const REFCOUNT_ORDER: u32 = 4;
/// Features that a reader must know: not closed properly, which concerns refcounts alone, and the
/// allocation bits.
const DIRTY: u64 = 1 << 0;
const EXTENDED_ENTRIES: u64 = 1 << 4;

/// What of a header is needed.
pub struct Header {
    /// How long the disk is.
    pub size: u64,
    /// Where its top table is in the file.
    pub top_table: u64,
}

impl Header {
    /// Reads one that a VMM may have written: everything that is not as it must be is refused.
    pub fn read(bytes: &[u8; HEADER_LENGTH]) -> Result<Self> {
        let half = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        let word = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        let size = word(24);
        let top_table = word(40);
        let refused = |what: &str| Err(Failure::new(format!("it {what}")));
        if half(0) != MAGIC || half(4) != VERSION {
            return refused("is no qcow2 file of version 3");
        }
        if word(8) != 0 || half(16) != 0 {
            return refused("names a backing file");
        }
        if half(32) != 0 || half(60) != 0 {
            return refused("is encrypted, or holds snapshots");
        }
        if half(20) != CLUSTER_BITS || word(72) & !DIRTY != EXTENDED_ENTRIES {
            return refused("is not laid out as Roost's layers are");
        }
        if size == 0 || regions(size) > MAX_REGIONS || u64::from(half(36)) < regions(size) {
            return refused("has no size that its table fits");
        }
        if top_table == 0 || !top_table.is_multiple_of(CLUSTER) {
            return refused("has no table");
        }
        Ok(Self { size, top_table })
    }

    /// The header of a file whose refcount table is at `refcount_table`, one cluster long.
    pub fn to_bytes(&self, refcount_table: u64) -> [u8; HEADER_LENGTH] {
        let mut bytes = [0; HEADER_LENGTH];
        let mut half = |at: usize, value: u32| {
            bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
        };
        half(0, MAGIC);
        half(4, VERSION);
        half(20, CLUSTER_BITS);
        half(36, regions(self.size) as u32);
        half(56, 1);
        half(96, REFCOUNT_ORDER);
        half(100, HEADER_LENGTH as u32);
        let mut word = |at: usize, value: u64| {
            bytes[at..at + 8].copy_from_slice(&value.to_be_bytes());
        };
        word(24, self.size);
        word(40, self.top_table);
        word(48, refcount_table);
        word(72, EXTENDED_ENTRIES);
        bytes
    }
}

/// How many entries of the top table a disk of this size has.
pub fn regions(size: u64) -> u64 {
    size.div_ceil(REGION)
}

/// An entry of a table that leads to the cluster at `offset` of the file; 0: to none.
pub fn to_reference(offset: u64) -> u64 {
    if offset == 0 { 0 } else { offset | COPIED }
}

/// Where such an entry leads; none: nowhere.
pub fn from_reference(entry: u64) -> Result<Option<u64>> {
    let offset = entry & OFFSET;
    if entry & COMPRESSED != 0 {
        return Err(Failure::new("it holds compressed data"));
    }
    if !offset.is_multiple_of(CLUSTER) {
        return Err(Failure::new("an entry of its tables is not whole"));
    }
    Ok((offset != 0).then_some(offset))
}

/// Whether a block, or a part of one, is all zero.
pub fn is_zero(block: &[u8]) -> bool {
    const ZEROS: [u8; BLOCK as usize] = [0; BLOCK as usize];
    block == &ZEROS[..block.len()]
}
