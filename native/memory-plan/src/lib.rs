//! The plan of a VMM's guest memory, as the keeper writes it into a memory file and the preload
//! library, which inherits that file, reads it. Both are built from one commit, so that the format
//! has no version.
//!
//! Little-endian:
//!
//! ```text
//! header, 64 bytes:  magic "ROOSTPLN" · mode u32 (0 mapped, 1 paged) · descriptor of /dev/userfaultfd i32 (-1: none)
//!                    · memory size u64 · sentinel's device u64 · sentinel's inode u64
//!                    · number of ranges u64 · number of wanted ranges u64
//!                    · descriptor of the first layer i32, the others follow it · number of layers u32
//! ranges, 32 bytes:  offset u64 · length u64 · offset in the layer u64 · layer, counted from 0, u64
//! wanted, 16 bytes:  offset u64 · length u64
//! ```
//!
//! What no range covers is zero. Ranges are sorted and do not overlap, and like the wanted ones
//! (which are in the order of their use) they are whole pages inside the memory. A [`Plan`] that
//! has been read holds to all of it.
//!
//! No allocation, no standard library: the reader lives inside somebody else's process.

#![no_std]

mod bytes;

use bytes::{put_u64, u32_at, u64_at};

/// The variable that holds the plan's descriptor.
pub const VARIABLE: &str = "ROOST_MEMORY_PLAN";
/// Of the guest's memory, and of this machine.
pub const PAGE_SIZE: u64 = 4096;

const MAGIC: [u8; 8] = *b"ROOSTPLN";
/// The length of a [`Header`].
pub const HEADER: usize = 64;
const RANGE: usize = 32;
const WANTED: usize = 16;
const NO_DESCRIPTOR: i32 = -1;

/// How the memory is provided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The layers are mapped.
    Mapped,
    /// Under userfaultfd, made from this descriptor of `/dev/userfaultfd`.
    Paged {
        /// Inherited under this number.
        userfaultfd: i32,
    },
}

/// What is true of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// How the memory is provided.
    pub mode: Mode,
    /// Bytes of memory.
    pub size: u64,
    /// Device and inode of the file in whose place the memory is given.
    pub sentinel: (u64, u64),
    /// How many [`Range`]s follow.
    pub ranges: u64,
    /// How many wanted [`Span`]s follow those.
    pub wanted: u64,
    /// The layers are inherited under this number and those that follow it.
    pub first_layer: i32,
    /// How many there are: none in paged mode.
    pub layers: u32,
}

/// A range of memory whose pages are in a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Where in the memory.
    pub span: Span,
    /// Where in the layer.
    pub layer_offset: u64,
    /// Which of the layers. In paged mode nobody looks.
    pub layer: u64,
}

/// A piece of the guest's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From the memory's start.
    pub offset: u64,
    /// In bytes.
    pub length: u64,
}

impl Span {
    /// The first byte behind it.
    pub fn end(self) -> u64 {
        self.offset + self.length
    }

    fn is_whole_pages_of(self, size: u64) -> bool {
        let end = self.offset.checked_add(self.length);
        self.length > 0
            && self.offset.is_multiple_of(PAGE_SIZE)
            && self.length.is_multiple_of(PAGE_SIZE)
            && end.is_some_and(|end| end <= size)
    }
}

/// What is wrong with a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken(pub &'static str);

impl Header {
    /// Takes a plan's first bytes.
    pub fn read(bytes: &[u8; HEADER]) -> Result<Self, Broken> {
        if bytes[..8] != MAGIC {
            return Err(Broken("it is no plan"));
        }
        let mode = match u32_at(bytes, 8) {
            0 => Mode::Mapped,
            1 => Mode::Paged {
                userfaultfd: u32_at(bytes, 12).cast_signed(),
            },
            _ => return Err(Broken("its mode is unknown")),
        };
        let size = u64_at(bytes, 16);
        if size == 0 || !size.is_multiple_of(PAGE_SIZE) {
            return Err(Broken("its memory is not of whole pages"));
        }
        Ok(Self {
            mode,
            size,
            sentinel: (u64_at(bytes, 24), u64_at(bytes, 32)),
            ranges: u64_at(bytes, 40),
            wanted: u64_at(bytes, 48),
            first_layer: u32_at(bytes, 56).cast_signed(),
            layers: u32_at(bytes, 60),
        })
    }

    /// As it is written.
    pub fn to_bytes(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let (mode, userfaultfd) = match self.mode {
            Mode::Mapped => (0u32, NO_DESCRIPTOR),
            Mode::Paged { userfaultfd } => (1, userfaultfd),
        };
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&mode.to_le_bytes());
        bytes[12..16].copy_from_slice(&userfaultfd.to_le_bytes());
        let numbers = [
            self.size,
            self.sentinel.0,
            self.sentinel.1,
            self.ranges,
            self.wanted,
        ];
        for (index, number) in numbers.into_iter().enumerate() {
            put_u64(&mut bytes, 16 + index * 8, number);
        }
        bytes[56..60].copy_from_slice(&self.first_layer.to_le_bytes());
        bytes[60..64].copy_from_slice(&self.layers.to_le_bytes());
        bytes
    }
}

impl Range {
    /// As it is written.
    pub fn to_bytes(&self) -> [u8; RANGE] {
        let mut bytes = [0; RANGE];
        put_u64(&mut bytes, 0, self.span.offset);
        put_u64(&mut bytes, 8, self.span.length);
        put_u64(&mut bytes, 16, self.layer_offset);
        put_u64(&mut bytes, 24, self.layer);
        bytes
    }
}

impl Span {
    /// As it is written among the wanted.
    pub fn to_bytes(&self) -> [u8; WANTED] {
        let mut bytes = [0; WANTED];
        put_u64(&mut bytes, 0, self.offset);
        put_u64(&mut bytes, 8, self.length);
        bytes
    }
}

/// A plan that has been read and checked.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    header: Header,
    ranges: &'a [u8],
    wanted: &'a [u8],
}

impl<'a> Plan<'a> {
    /// Takes the whole file's content.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Broken> {
        let (header, rest) = bytes.split_first_chunk().ok_or(Broken("it is no plan"))?;
        let header = Header::read(header)?;
        let length = |count: u64, each: usize| usize::try_from(count).ok()?.checked_mul(each);
        let (ranges, wanted) = length(header.ranges, RANGE)
            .zip(length(header.wanted, WANTED))
            .ok_or(Broken("its numbers are too large"))?;
        let (ranges, wanted) = rest
            .split_at_checked(ranges)
            .filter(|(_, rest)| rest.len() == wanted)
            .ok_or(Broken("it is not as long as it says"))?;
        let plan = Self {
            header,
            ranges,
            wanted,
        };
        plan.check()?;
        Ok(plan)
    }

    /// What is true of the whole.
    pub fn header(&self) -> Header {
        self.header
    }

    /// What comes from layers, in the order of the memory.
    pub fn ranges(&self) -> impl Iterator<Item = Range> {
        self.ranges.chunks_exact(RANGE).map(|bytes| Range {
            span: Span {
                offset: u64_at(bytes, 0),
                length: u64_at(bytes, 8),
            },
            layer_offset: u64_at(bytes, 16),
            layer: u64_at(bytes, 24),
        })
    }

    /// What should be present before the guest runs, in the order of its use.
    pub fn wanted(&self) -> impl Iterator<Item = Span> {
        self.wanted.chunks_exact(WANTED).map(|bytes| Span {
            offset: u64_at(bytes, 0),
            length: u64_at(bytes, 8),
        })
    }

    fn check(&self) -> Result<(), Broken> {
        let size = self.header.size;
        let mut end = 0;
        for range in self.ranges() {
            if !range.span.is_whole_pages_of(size) || !range.layer_offset.is_multiple_of(PAGE_SIZE)
            {
                return Err(Broken("a range is not of whole pages inside the memory"));
            }
            if self.header.mode == Mode::Mapped && range.layer >= u64::from(self.header.layers) {
                return Err(Broken("a range names a layer that is not there"));
            }
            if range.span.offset < end {
                return Err(Broken("its ranges are not in order"));
            }
            end = range.span.end();
        }
        if self.wanted().all(|span| span.is_whole_pages_of(size)) {
            Ok(())
        } else {
            Err(Broken(
                "a wanted range is not of whole pages inside the memory",
            ))
        }
    }
}

#[cfg(test)]
mod tests;
