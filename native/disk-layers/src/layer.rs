//! Reading a layer. What is in it was written by a VMM that a guest may have taken over: nothing is
//! believed, and an answer is either right or a failure.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;

use confine::{Failure, Result, WhileDoing};

use crate::format::{CLUSTER, ENTRIES, HEADER_LENGTH, Header, from_reference, regions};

/// A frozen layer.
pub struct Layer {
    file: File,
    /// How long its disk is.
    pub size: u64,
    /// How long its file is.
    pub length: u64,
    top_table: Vec<u64>,
}

/// What a layer has of one cluster of the disk: a bit for each block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// Where the cluster is in the file, if it has data of it.
    pub offset: Option<u64>,
    pub data: u32,
    /// Blocks that are zero, whatever lies below.
    pub zero: u32,
}

/// The table of one region.
pub struct Table(Vec<u8>);

impl Layer {
    pub fn read(file: File) -> Result<Self> {
        let length = file.metadata().while_doing(|| "look at it".into())?.len();
        let mut header = [0; HEADER_LENGTH];
        file.read_exact_at(&mut header, 0)
            .while_doing(|| "read its header".into())?;
        let Header { size, top_table } = Header::read(&header)?;
        let mut layer = Self {
            file,
            size,
            length,
            top_table: Vec::new(),
        };
        let mut table = vec![0; regions(size) as usize * 8];
        layer.read_at(&mut table, top_table)?;
        let words = table.chunks_exact(8);
        layer.top_table = words
            .map(|word| u64::from_be_bytes(word.try_into().expect("8 bytes")))
            .collect();
        Ok(layer)
    }

    /// The table of a region; none: the layer has nothing of it.
    pub fn table(&self, region: u64) -> Result<Option<Table>> {
        let Some(offset) = from_reference(self.top_table[region as usize])? else {
            return Ok(None);
        };
        let mut table = vec![0; CLUSTER as usize];
        self.read_at(&mut table, offset)?;
        Ok(Some(Table(table)))
    }

    /// Fills `buffer` from the file. Behind its end all is zero, as it is to QEMU.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let mut done = 0;
        while done < buffer.len() {
            match self.file.read_at(&mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::caused("read it", error)),
            }
        }
        buffer[done..].fill(0);
        Ok(())
    }
}

impl Table {
    /// What the layer has of the cluster `index` of the region.
    pub fn holding(&self, index: u64) -> Result<Holding> {
        assert!(index < ENTRIES, "a cluster of the region");
        let at = index as usize * 16;
        let word = |at: usize| u64::from_be_bytes(self.0[at..at + 8].try_into().expect("8 bytes"));
        let bits = word(at + 8);
        let holding = Holding {
            offset: from_reference(word(at))?,
            data: bits as u32,
            zero: (bits >> 32) as u32,
        };
        if holding.data & holding.zero != 0 || (holding.data != 0 && holding.offset.is_none()) {
            return Err(Failure::new("an entry of its tables contradicts itself"));
        }
        Ok(holding)
    }
}
