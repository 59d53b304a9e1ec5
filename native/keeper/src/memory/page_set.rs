//! A set of pages.

use std::ops::Range;

/// One bit for each page of a memory.
#[derive(Clone, Debug, Default)]
pub struct PageSet(Vec<u64>);

impl PageSet {
    /// None of `pages`.
    pub fn new(pages: u64) -> Self {
        let words = usize::try_from(pages.div_ceil(64)).unwrap_or(usize::MAX);
        Self(vec![0; words])
    }

    /// Adds pages that the memory has, and answers the runs of those that were not in it.
    pub fn insert(&mut self, first: u64, pages: u64) -> Vec<Range<u64>> {
        let mut runs: Vec<Range<u64>> = Vec::new();
        for page in first..first + pages {
            let (word, bit) = place(page);
            if self.0[word] & bit != 0 {
                continue;
            }
            self.0[word] |= bit;
            match runs.last_mut() {
                Some(run) if run.end == page => run.end += 1,
                _ => runs.push(page..page + 1),
            }
        }
        runs
    }

    /// Whether it is in.
    pub fn contains(&self, page: u64) -> bool {
        let (word, bit) = place(page);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }
}

fn place(page: u64) -> (usize, u64) {
    (
        usize::try_from(page / 64).unwrap_or(usize::MAX),
        1 << (page % 64),
    )
}
