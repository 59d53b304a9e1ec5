//! Why something that was read is not what it should be.

use std::fmt;

/// What is wrong with a file of this format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It does not begin as its kind does.
    Magic,
    /// Of a version that is not understood.
    Version(u32),
    /// Of another page size.
    PageSize(u32),
    /// It is not as long as what it says of itself.
    Length,
    /// The checksum is not that of the content.
    Checksum,
    /// The memory's size is zero or not whole pages.
    MemorySize(u64),
    /// Generations count from 1.
    Generation,
    /// The own or root layer cannot be what it says: an own layer that nothing is in, or a line with
    /// layers that has no first one.
    Lineage,
    /// The entry with this number is no range of pages at its place.
    Entry(u64),
}

/// Why a file could not be read.
#[derive(Debug)]
pub enum ReadError {
    /// It could not be had.
    Io(std::io::Error),
    /// It was had, and is wrong.
    Malformed(Malformed),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("it is no such file: the first bytes are others"),
            Self::Version(version) => write!(f, "its version is {version}, not 1"),
            Self::PageSize(size) => write!(f, "its page size is {size}, not {}", crate::PAGE_SIZE),
            Self::Length => f.write_str("it is cut short, or something follows its end"),
            Self::Checksum => f.write_str("its checksum is not that of its content"),
            Self::MemorySize(size) => write!(f, "{size} bytes is no size of a memory"),
            Self::Generation => f.write_str("its generation is 0"),
            Self::Lineage => f.write_str("its own or root layer contradicts its entries"),
            Self::Entry(number) => write!(f, "entry {number} is no range of pages at its place"),
        }
    }
}

impl std::error::Error for Malformed {}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Malformed(malformed) => malformed.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Malformed(malformed) => Some(malformed),
        }
    }
}

impl From<std::io::Error> for ReadError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Malformed> for ReadError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}
