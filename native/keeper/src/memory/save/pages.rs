//! Changed pages on their way from the VMM into a layer.
//!
//! Reading them out of another process costs about as much as making their checksum and writing them, so
//! one thread does the one and another the other. Between them go a few batches, which come back
//! when they are empty: whatever the size of the guest, no more memory is used.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use confine::{Failure, Result, WhileDoing};
use memory_format::{LayerId, PAGE_SIZE, Packed, Packer};

use super::Save;
use super::attempt::Attempt;
use crate::memory::new_generation::NewFile;
use crate::memory::scan::{Changed, Scan};
use crate::memory::vmm_memory::VmmMemory;

/// Bytes of pages in a batch.
const BATCH: usize = 256 * 1024;
/// Runs of pages in a batch.
const MOST_RUNS: usize = 4096;
/// Batches that there are: one at each end, the others on their way.
const BATCHES: usize = 8;

/// All changed pages, written.
pub struct Pages {
    pub packed: Packed<NewFile>,
    pub changed_pages: u64,
    pub scan_took: Duration,
}

/// Writes them to `layer`, which is `id`.
pub fn write(save: &Save, id: LayerId, layer: NewFile, attempt: &Attempt) -> Result<Pages> {
    let mut packer = Packer::new(save.memory.parent(), save.order.generation, id, layer);
    let (full, filled) = channel();
    let (empty, emptied) = channel();
    for _ in 0..BATCHES {
        let _ = empty.send(Batch::new());
    }
    let mut reader = Reader {
        scan: Scan::new(&save.memory, &save.vmm),
        changed: 0,
        attempt,
        emptied,
        full,
    };
    let (changed, scan_took) = std::thread::scope(|scope| {
        let reading = std::thread::Builder::new()
            .name("save-read".into())
            .spawn_scoped(scope, move || {
                reader.read(&save.vmm)?;
                Ok((reader.changed, reader.scan.took()))
            })
            .while_doing(|| "start a thread".into())?;
        // Ends when the reader hangs up. If packing fails, the reader finds nobody to send to.
        let packed = pack(&mut packer, attempt, filled, empty);
        let read = reading
            .join()
            .unwrap_or_else(|_| Err(Failure::new("the thread that reads the memory has failed")));
        packed.and(read)
    })?;
    // Only now it is certain that what was not found was not there.
    let first = save.memory.regions().first();
    save.vmm
        .check_whole(first.map_or(0, |region| region.address))?;
    Ok(Pages {
        packed: packer.finish().while_doing(|| "write a layer".into())?,
        changed_pages: changed / PAGE_SIZE,
        scan_took,
    })
}

/// One end: finds what has changed, and fills batches with it.
struct Reader<'a> {
    scan: Scan<'a>,
    /// Bytes so far.
    changed: u64,
    attempt: &'a Attempt,
    emptied: Receiver<Batch>,
    full: Sender<Batch>,
}

impl Reader<'_> {
    /// To the end of memory, or until the packer has given up: that one says why.
    fn read(&mut self, vmm: &VmmMemory) -> Result<()> {
        let Ok(mut batch) = self.emptied.recv() else {
            return Ok(());
        };
        while let Some(mut run) = self.scan.next()? {
            // A page that was only ever read, and is still the kernel's one of zeros, is none.
            if !run.zero {
                self.changed += run.length;
            }
            while run.length > 0 {
                if batch.is_full() {
                    self.attempt.check()?;
                    let _ = self.full.send(batch);
                    batch = match self.emptied.recv() {
                        Ok(empty) => empty,
                        Err(_) => return Ok(()),
                    };
                }
                batch.take(&mut run, vmm)?;
            }
        }
        let _ = self.full.send(batch);
        Ok(())
    }
}

/// The other end.
fn pack(
    packer: &mut Packer<NewFile>,
    attempt: &Attempt,
    filled: Receiver<Batch>,
    empty: Sender<Batch>,
) -> Result<()> {
    for mut batch in filled {
        attempt.check()?;
        batch
            .empty_into(packer)
            .while_doing(|| "write a layer".into())?;
        let _ = empty.send(batch);
    }
    Ok(())
}

/// Runs of pages, in the order of guest memory.
struct Batch {
    runs: Vec<Run>,
    /// What is in them, one after the other, but for those that are zero.
    bytes: Vec<u8>,
    filled: usize,
}

struct Run {
    offset: u64,
    length: u64,
    zero: bool,
}

impl Batch {
    fn new() -> Self {
        Self {
            runs: Vec::new(),
            bytes: vec![0; BATCH],
            filled: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.filled == BATCH || self.runs.len() >= MOST_RUNS
    }

    /// Takes as much of `run` as there is room for, and leaves the rest.
    fn take(&mut self, run: &mut Changed, vmm: &VmmMemory) -> Result<()> {
        let room = &mut self.bytes[self.filled..];
        let length = if run.zero {
            run.length
        } else {
            run.length.min(room.len() as u64)
        };
        if !run.zero {
            let pages = &mut room[..length as usize];
            vmm.read(run.address, pages)?;
            self.filled += pages.len();
        }
        self.runs.push(Run {
            offset: run.offset,
            length,
            zero: run.zero,
        });
        run.address += length;
        run.offset += length;
        run.length -= length;
        Ok(())
    }

    /// Gives all of it to the packer.
    fn empty_into(&mut self, packer: &mut Packer<NewFile>) -> io::Result<()> {
        let mut bytes = &self.bytes[..self.filled];
        for run in self.runs.drain(..) {
            if run.zero {
                packer.zeros(run.offset, run.length);
            } else {
                let pages;
                (pages, bytes) = bytes.split_at(run.length as usize);
                packer.pages(run.offset, pages)?;
            }
        }
        self.filled = 0;
        Ok(())
    }
}
