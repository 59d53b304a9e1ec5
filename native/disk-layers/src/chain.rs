//! Frozen layers over one another, seen from above.

use confine::{Failure, Result};

use crate::format::{BLOCK, BLOCKS, CLUSTER, is_zero, regions};
use crate::layer::{Holding, Layer, Table};

/// Layers of one disk, the lowest first.
pub struct Chain {
    layers: Vec<Layer>,
    size: u64,
}

/// One cluster of the disk, as far as the layers have it.
pub struct Cluster {
    /// Blocks that hold data, which is in `bytes`.
    pub data: u32,
    /// Blocks that are zero.
    pub zero: u32,
    pub bytes: Vec<u8>,
}

/// A region of the disk that some layer has something of.
pub struct Region<'a> {
    /// The topmost first.
    tables: Vec<(&'a Layer, Table)>,
}

impl Chain {
    /// All of them must be of a disk of `size` bytes.
    pub fn new(layers: Vec<Layer>, size: u64) -> Result<Self> {
        match layers.iter().find(|layer| layer.size != size) {
            None => Ok(Self { layers, size }),
            Some(layer) => Err(Failure::new(format!(
                "a layer is of a disk of {} bytes, not {size}",
                layer.size
            ))),
        }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn regions(&self) -> u64 {
        regions(self.size)
    }

    /// No more data than this can be in all layers together.
    pub fn most_data(&self) -> u64 {
        self.layers.iter().map(|layer| layer.length).sum()
    }

    /// None: no layer has anything of it.
    pub fn region(&self, index: u64) -> Result<Option<Region<'_>>> {
        let mut tables = Vec::new();
        for layer in self.layers.iter().rev() {
            if let Some(table) = layer.table(index)? {
                tables.push((layer, table));
            }
        }
        Ok((!tables.is_empty()).then_some(Region { tables }))
    }
}

impl Cluster {
    pub fn new() -> Self {
        Self {
            data: 0,
            zero: 0,
            bytes: vec![0; CLUSTER as usize],
        }
    }

    /// Data that is zero, too, is only noted as such.
    fn note_zeros(&mut self) {
        for block in 0..BLOCKS {
            let bytes = &self.bytes[(block * BLOCK) as usize..][..BLOCK as usize];
            if self.data & (1 << block) != 0 && is_zero(bytes) {
                self.data &= !(1 << block);
                self.zero |= 1 << block;
            }
        }
    }
}

impl Region<'_> {
    /// Reads the cluster `index` of the region: of each block what the topmost layer has that has
    /// anything of it. False: there is nothing.
    pub fn read(&self, index: u64, cluster: &mut Cluster) -> Result<bool> {
        (cluster.data, cluster.zero) = (0, 0);
        for (layer, table) in &self.tables {
            let Holding { offset, data, zero } = table.holding(index)?;
            let missing = !(cluster.data | cluster.zero);
            cluster.zero |= zero & missing;
            cluster.data |= data & missing;
            if let Some(offset) = offset {
                for (first, count) in runs(data & missing) {
                    let from = (first * BLOCK) as usize;
                    let bytes = &mut cluster.bytes[from..from + (count * BLOCK) as usize];
                    layer.read_at(bytes, offset + first * BLOCK)?;
                }
            }
        }
        cluster.note_zeros();
        Ok(cluster.data | cluster.zero != 0)
    }
}

/// The runs of bits that are set: the first of each, and how many.
pub fn runs(mut bits: u32) -> impl Iterator<Item = (u64, u64)> {
    std::iter::from_fn(move || {
        if bits == 0 {
            return None;
        }
        let first = bits.trailing_zeros();
        let count = (bits >> first).trailing_ones();
        bits &= !(u32::MAX.checked_shr(32 - count).unwrap_or(0) << first);
        Some((u64::from(first), u64::from(count)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_all_the_bits_that_are_set() {
        let all = |bits| runs(bits).collect::<Vec<_>>();
        assert_eq!(all(0), []);
        assert_eq!(all(u32::MAX), [(0, 32)]);
        assert_eq!(all(0b1011_0001), [(0, 1), (4, 2), (7, 1)]);
        assert_eq!(all(1 << 31), [(31, 1)]);
        assert_eq!(all(0xffff_fffe), [(1, 31)]);
    }
}
