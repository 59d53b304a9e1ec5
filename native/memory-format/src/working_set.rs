//! The order in which a guest touched its memory after it was restored.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::{Malformed, PAGE_SIZE, ReadError};

const MAGIC: [u8; 8] = *b"ROOSTWSS";
const VERSION: u32 = 1;
const HEADER: usize = 24;
const RUN: usize = 16;

/// Pages one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRun {
    /// The number of the first.
    pub first: u64,
    /// How many there are; never none.
    pub pages: u64,
}

/// Runs of pages in the order of their first use, all within the guest's memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkingSet {
    runs: Vec<PageRun>,
}

impl WorkingSet {
    /// Nothing was touched.
    pub fn new() -> Self {
        Self::default()
    }

    /// This was touched next. What follows right on its predecessor makes that longer.
    pub fn push(&mut self, run: PageRun) {
        match self.runs.last_mut() {
            _ if run.pages == 0 => {}
            Some(last) if last.first + last.pages == run.first => last.pages += run.pages,
            _ => self.runs.push(run),
        }
    }

    /// The runs, in order.
    pub fn runs(&self) -> &[PageRun] {
        &self.runs
    }

    /// Reads the file at `path`, which is to speak of a memory of `memory_size` bytes.
    pub fn read(path: &Path, memory_size: u64) -> Result<Self, ReadError> {
        Self::read_from(File::open(path)?, memory_size)
    }

    /// Reads to the end of `file`, or a little more than can be right.
    pub fn read_from(file: impl Read, memory_size: u64) -> Result<Self, ReadError> {
        let longest = HEADER as u64 + (memory_size / PAGE_SIZE).saturating_mul(RUN as u64);
        let mut bytes = Vec::new();
        file.take(longest.saturating_add(1))
            .read_to_end(&mut bytes)?;
        Ok(Self::parse(&bytes, memory_size)?)
    }

    /// Takes the content of a working set's file apart.
    pub fn parse(bytes: &[u8], memory_size: u64) -> Result<Self, Malformed> {
        let (header, runs) = bytes
            .split_first_chunk::<HEADER>()
            .ok_or(Malformed::Length)?;
        if header[..8] != MAGIC {
            return Err(Malformed::Magic);
        }
        let (numbers, _) = header[8..16].as_chunks();
        let (version, page) = (
            u32::from_le_bytes(numbers[0]),
            u32::from_le_bytes(numbers[1]),
        );
        if version != VERSION {
            return Err(Malformed::Version(version));
        }
        if u64::from(page) != PAGE_SIZE {
            return Err(Malformed::PageSize(page));
        }
        let (runs, odd) = runs.as_chunks::<RUN>();
        if !odd.is_empty() || header[16..] != (runs.len() as u64).to_le_bytes() {
            return Err(Malformed::Length);
        }
        let all = memory_size / PAGE_SIZE;
        let mut set = Self {
            runs: Vec::with_capacity(runs.len()),
        };
        for (run, number) in runs.iter().zip(0..) {
            let (fields, _) = run.as_chunks();
            let (first, pages) = (u64::from_le_bytes(fields[0]), u64::from_le_bytes(fields[1]));
            if pages == 0 || first.checked_add(pages).is_none_or(|end| end > all) {
                return Err(Malformed::Entry(number));
            }
            set.runs.push(PageRun { first, pages });
        }
        Ok(set)
    }

    /// The content of its file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + self.runs.len() * RUN);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((PAGE_SIZE as u32).to_le_bytes());
        bytes.extend((self.runs.len() as u64).to_le_bytes());
        for run in &self.runs {
            bytes.extend(run.first.to_le_bytes());
            bytes.extend(run.pages.to_le_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 100 * PAGE_SIZE;

    fn set() -> WorkingSet {
        let mut set = WorkingSet::new();
        for first in [7, 8, 9, 3, 99, 4] {
            set.push(PageRun { first, pages: 1 });
        }
        set
    }

    #[test]
    fn the_order_is_kept_and_neighbours_are_one_run() {
        let runs: Vec<_> = set()
            .runs
            .iter()
            .map(|run| (run.first, run.pages))
            .collect();
        assert_eq!(runs, [(7, 3), (3, 1), (99, 1), (4, 1)]);
        assert_eq!(WorkingSet::parse(&set().to_bytes(), SIZE), Ok(set()));
    }

    #[test]
    fn one_that_is_broken_or_speaks_of_other_memory_is_refused() {
        let good = set().to_bytes();
        for length in 0..good.len() {
            assert!(
                WorkingSet::parse(&good[..length], SIZE).is_err(),
                "{length}"
            );
        }
        let longer = [&good[..], &[0]].concat();
        assert_eq!(WorkingSet::parse(&longer, SIZE), Err(Malformed::Length));
        let smaller = WorkingSet::parse(&good, SIZE - PAGE_SIZE);
        assert_eq!(smaller, Err(Malformed::Entry(2)));
        for (at, expected) in [
            (0, Malformed::Magic),
            (8, Malformed::Version(0)),
            (13, Malformed::PageSize(0)),
            (16, Malformed::Length),
        ] {
            let mut bad = good.clone();
            bad[at] = 0;
            assert_eq!(WorkingSet::parse(&bad, SIZE), Err(expected), "byte {at}");
        }
        let mut endless = good;
        endless[24..32].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(WorkingSet::parse(&endless, SIZE), Err(Malformed::Entry(0)));
    }
}
