//! Several layers become one, which can take their place over whatever they lie on.
//!
//! ```text
//! cluster 0       1               2          3 …                             … the end
//! header          refcount table  top table  data, and after each region's   refcounts
//!                                            data the region's table
//! ```

use std::fs::File;
use std::os::unix::fs::FileExt;

use confine::{Failure, Result, WhileDoing};

use crate::chain::{Chain, Cluster, runs};
use crate::format::{BLOCK, CLUSTER, ENTRIES, Header, to_reference};

const REFCOUNT_TABLE: u64 = 1;
const TOP_TABLE: u64 = 2;
const FIRST_FREE: u64 = 3;
/// Refcounts of 2 bytes in a cluster.
const REFCOUNTS: u64 = CLUSTER / 2;

/// Writes what `chain` has into the empty file `out`.
pub fn merge(chain: &Chain, out: &File) -> Result<()> {
    let mut layer = NewLayer {
        file: out,
        clusters: FIRST_FREE,
        data: 0,
        most_data: chain.most_data(),
    };
    let mut top_table = Vec::new();
    for index in 0..chain.regions() {
        let offset = match chain.region(index)? {
            None => 0,
            Some(region) => {
                let mut table = Vec::with_capacity(CLUSTER as usize);
                let mut cluster = Cluster::new();
                for at in 0..ENTRIES {
                    let there = region.read(at, &mut cluster)?;
                    table.extend(if there { layer.add(&cluster)? } else { [0; 16] });
                }
                layer.add_cluster(&table)?
            }
        };
        top_table.extend(to_reference(offset).to_be_bytes());
    }
    layer.put(&top_table, TOP_TABLE * CLUSTER)?;
    layer.write_refcounts()?;
    let header = Header {
        size: chain.size(),
        top_table: TOP_TABLE * CLUSTER,
    };
    layer.put(&header.to_bytes(REFCOUNT_TABLE * CLUSTER), 0)?;
    out.set_len(layer.clusters * CLUSTER)
        .while_doing(|| "write the layer".into())
}

struct NewLayer<'a> {
    file: &'a File,
    /// How many there are so far.
    clusters: u64,
    /// How many bytes of data.
    data: u64,
    most_data: u64,
}

impl NewLayer<'_> {
    /// Adds the data of a cluster, and answers the entry for it.
    fn add(&mut self, cluster: &Cluster) -> Result<[u8; 16]> {
        let mut offset = 0;
        if cluster.data != 0 {
            // Tables that lead to the same data again and again would make more of it than there is.
            self.data += u64::from(cluster.data.count_ones()) * BLOCK;
            if self.data > self.most_data {
                return Err(Failure::new("the layers claim more data than they have"));
            }
            offset = self.take_cluster();
            for (first, count) in runs(cluster.data) {
                let bytes = &cluster.bytes[(first * BLOCK) as usize..];
                self.put(&bytes[..(count * BLOCK) as usize], offset + first * BLOCK)?;
            }
        }
        let bits = u64::from(cluster.data) | u64::from(cluster.zero) << 32;
        let entry = u128::from(to_reference(offset)) << 64 | u128::from(bits);
        Ok(entry.to_be_bytes())
    }

    fn add_cluster(&mut self, bytes: &[u8]) -> Result<u64> {
        let offset = self.take_cluster();
        self.put(bytes, offset)?;
        Ok(offset)
    }

    fn take_cluster(&mut self) -> u64 {
        self.clusters += 1;
        (self.clusters - 1) * CLUSTER
    }

    /// Every cluster is referred to once; those that say so, too.
    fn write_refcounts(&mut self) -> Result<()> {
        let before = self.clusters;
        let mut blocks = before.div_ceil(REFCOUNTS);
        while before + blocks > blocks * REFCOUNTS {
            blocks += 1;
        }
        let mut table = Vec::new();
        for block in 0..blocks {
            let counted = (before + blocks - block * REFCOUNTS).min(REFCOUNTS);
            let counts: Vec<u8> = (0..counted).flat_map(|_| 1_u16.to_be_bytes()).collect();
            table.extend(self.add_cluster(&counts)?.to_be_bytes());
        }
        self.put(&table, REFCOUNT_TABLE * CLUSTER)
    }

    fn put(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.file
            .write_all_at(bytes, offset)
            .while_doing(|| "write the layer".into())
    }
}
