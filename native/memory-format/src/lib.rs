//! Guest memory on disk, as docs/formats/generation.md describes it.
//!
//! A *layer* holds the pages that one generation changed; a [`Map`] says for every range of guest
//! memory which layer holds it, or that it is zero. A generation's map is its parent's, overlaid
//! with what changed: [`Packer`] takes the changed pages in order, writes the layer and makes that
//! map.
//!
//! What is read may have been written by anyone: [`Map::parse`] and [`WorkingSet::parse`] refuse
//! whatever is not exactly as described, so that a value of those types holds what its type says.

mod entry;
mod layer_id;
mod malformed;
mod map;
mod map_file;
mod overlay;
mod packer;
mod pages;
mod working_set;

pub use entry::{Entry, Source};
pub use layer_id::LayerId;
pub use malformed::{Malformed, ReadError};
pub use map::Map;
pub use overlay::Overlay;
pub use packer::{Packed, Packer};
pub use working_set::{PageRun, WorkingSet};

/// BLAKE3 of a file, written in hexadecimal.
pub use blake3::{Hash as Checksum, Hasher};

/// Guest memory is dealt with in pages of this many bytes.
pub const PAGE_SIZE: u64 = 4096;
