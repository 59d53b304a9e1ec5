//! One range of guest memory and where its bytes are.

use crate::LayerId;

/// `length` bytes of guest memory from `offset` on. Both are multiples of the page size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where the range begins in guest memory.
    pub offset: u64,
    /// How long it is; never zero.
    pub length: u64,
    /// What is in it.
    pub source: Source,
}

/// Where the bytes of a range are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nowhere: they are zero.
    Zero,
    /// In a layer's file.
    Layer {
        /// Which.
        id: LayerId,
        /// Where the range's first byte is in that file; a multiple of the page size.
        offset: u64,
    },
}

impl Entry {
    /// Where the range ends.
    pub fn end(&self) -> u64 {
        self.offset + self.length
    }

    /// The part of it from `start` to `end`, which must lie within.
    pub(crate) fn part(&self, start: u64, end: u64) -> Self {
        Self {
            offset: start,
            length: end - start,
            source: self.source.after(start - self.offset),
        }
    }

    /// Whether `next`, which begins where this one ends, goes on in the same source.
    pub(crate) fn goes_on_in(&self, next: &Self) -> bool {
        next.source == self.source.after(self.length)
    }
}

impl Source {
    /// The same source, `bytes` further on.
    fn after(self, bytes: u64) -> Self {
        match self {
            Self::Zero => Self::Zero,
            Self::Layer { id, offset } => Self::Layer {
                id,
                offset: offset + bytes,
            },
        }
    }
}
