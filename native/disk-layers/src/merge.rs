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
    let mut layer = NewLayer::begin(out, chain.size(), chain.most_data());
    for index in 0..chain.regions() {
        match chain.region(index)? {
            None => layer.empty_region(),
            Some(region) => layer.region(|at, cluster| region.read(at, cluster))?,
        }
    }
    layer.finish()
}

/// A layer that is being written, region by region.
pub struct NewLayer<'a> {
    file: &'a File,
    /// Of its disk.
    size: u64,
    top_table: Vec<u8>,
    /// How many there are so far.
    clusters: u64,
    /// How many bytes of data.
    data: u64,
    most_data: u64,
}

impl<'a> NewLayer<'a> {
    /// More than `most_data` bytes are not to be in it.
    pub fn begin(file: &'a File, size: u64, most_data: u64) -> Self {
        Self {
            file,
            size,
            top_table: Vec::new(),
            clusters: FIRST_FREE,
            data: 0,
            most_data,
        }
    }

    /// There is nothing of the next region.
    pub fn empty_region(&mut self) {
        self.top_table.extend(to_reference(0).to_be_bytes());
    }

    /// The next region; `read` fills in each of its clusters, and says whether there is anything of it.
    pub fn region(&mut self, read: impl Fn(u64, &mut Cluster) -> Result<bool>) -> Result<()> {
        let mut table = Vec::with_capacity(CLUSTER as usize);
        let mut cluster = Cluster::new();
        for at in 0..ENTRIES {
            let there = read(at, &mut cluster)?;
            table.extend(if there { self.add(&cluster)? } else { [0; 16] });
        }
        let offset = self.add_cluster(&table)?;
        self.top_table.extend(to_reference(offset).to_be_bytes());
        Ok(())
    }

    /// No more regions.
    pub fn finish(mut self) -> Result<()> {
        self.put(&self.top_table, TOP_TABLE * CLUSTER)?;
        self.write_refcounts()?;
        let header = Header {
            size: self.size,
            top_table: TOP_TABLE * CLUSTER,
        };
        self.put(&header.to_bytes(REFCOUNT_TABLE * CLUSTER), 0)?;
        self.file
            .set_len(self.clusters * CLUSTER)
            .while_doing(|| "write the layer".into())
    }

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
