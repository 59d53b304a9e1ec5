//! A map as bytes.
//!
//! Parsing accepts exactly what writing makes: there is one way to write a map, and bytes that are
//! anything else are refused, whoever wrote them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::{Checksum, Entry, LayerId, Malformed, Map, PAGE_SIZE, ReadError, Source};

const MAGIC: [u8; 8] = *b"ROOSTMEM";
const VERSION: u32 = 1;
const HEADER: usize = 64;
const ENTRY: usize = 40;
const CHECKSUM: usize = 32;
const TRAILER: usize = 8 + CHECKSUM;

impl Map {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        Self::read_from(File::open(path)?)
    }

    /// Reads to the end of `file`.
    pub fn read_from(mut file: impl Read) -> Result<Self, ReadError> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Self::parse(&bytes)?)
    }

    /// Takes the content of a map's file apart.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let (header, rest) = bytes
            .split_first_chunk::<HEADER>()
            .ok_or(Malformed::Length)?;
        let mut header = Fields(header);
        if header.take() != MAGIC {
            return Err(Malformed::Magic);
        }
        match header.u32() {
            VERSION => {}
            other => return Err(Malformed::Version(other)),
        }
        match header.u32() {
            size if u64::from(size) == PAGE_SIZE => {}
            other => return Err(Malformed::PageSize(other)),
        }
        let (entries, trailer) = rest
            .split_last_chunk::<TRAILER>()
            .ok_or(Malformed::Length)?;
        let mut trailer = Fields(trailer);
        let (entries, odd) = entries.as_chunks::<ENTRY>();
        if !odd.is_empty() || trailer.u64() != entries.len() as u64 {
            return Err(Malformed::Length);
        }
        if blake3::hash(&bytes[..bytes.len() - CHECKSUM]) != Checksum::from_bytes(trailer.take()) {
            return Err(Malformed::Checksum);
        }

        let memory_size = header.u64();
        if memory_size == 0 || !memory_size.is_multiple_of(PAGE_SIZE) {
            return Err(Malformed::MemorySize(memory_size));
        }
        let generation = header.u64();
        if generation == 0 {
            return Err(Malformed::Generation);
        }
        let map = Self {
            memory_size,
            generation,
            own_layer: LayerId::from_bytes(header.take()),
            root_layer: LayerId::from_bytes(header.take()),
            entries: parse_entries(entries, memory_size)?,
        };
        map.check_lineage()?;
        Ok(map)
    }

    /// The content of its file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + self.entries.len() * ENTRY + TRAILER);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((PAGE_SIZE as u32).to_le_bytes());
        bytes.extend(self.memory_size.to_le_bytes());
        bytes.extend(self.generation.to_le_bytes());
        bytes.extend(id_bytes(self.own_layer));
        bytes.extend(id_bytes(self.root_layer));
        for entry in &self.entries {
            let (id, offset) = match entry.source {
                Source::Zero => (None, 0),
                Source::Layer { id, offset } => (Some(id), offset),
            };
            bytes.extend(entry.offset.to_le_bytes());
            bytes.extend(entry.length.to_le_bytes());
            bytes.extend(id_bytes(id));
            bytes.extend(offset.to_le_bytes());
        }
        bytes.extend((self.entries.len() as u64).to_le_bytes());
        let checksum = blake3::hash(&bytes);
        bytes.extend(checksum.as_bytes());
        bytes
    }

    /// A layer that this generation added holds something of it, and a line that has layers has a
    /// first one.
    fn check_lineage(&self) -> Result<(), Malformed> {
        let layers = self.layers();
        let own_is_used = self.own_layer.is_none_or(|own| layers.contains_key(&own));
        let root_is_needed = self.own_layer.is_some() || !layers.is_empty();
        if !own_is_used || (root_is_needed && self.root_layer.is_none()) {
            return Err(Malformed::Lineage);
        }
        Ok(())
    }
}

fn parse_entries(chunks: &[[u8; ENTRY]], memory_size: u64) -> Result<Vec<Entry>, Malformed> {
    let mut entries: Vec<Entry> = Vec::with_capacity(chunks.len());
    let mut covered = 0;
    for (chunk, number) in chunks.iter().zip(0..) {
        let entry = parse_entry(chunk).ok_or(Malformed::Entry(number))?;
        let fits = entry.offset == covered && entry.length <= memory_size - covered;
        let is_merged = entries.last().is_none_or(|last| !last.goes_on_in(&entry));
        if !fits || !is_merged {
            return Err(Malformed::Entry(number));
        }
        covered = entry.end();
        entries.push(entry);
    }
    if covered != memory_size {
        return Err(Malformed::Entry(entries.len() as u64));
    }
    Ok(entries)
}

/// None if it is not a range of whole pages whose source can exist.
fn parse_entry(chunk: &[u8; ENTRY]) -> Option<Entry> {
    let mut fields = Fields(chunk);
    let (offset, length) = (fields.u64(), fields.u64());
    let id = LayerId::from_bytes(fields.take());
    let in_layer = fields.u64();
    let are_pages = [offset, length, in_layer]
        .iter()
        .all(|number| number.is_multiple_of(PAGE_SIZE));
    let source = match id {
        None if in_layer == 0 => Source::Zero,
        None => return None,
        Some(id) => Source::Layer {
            id,
            offset: in_layer,
        },
    };
    // Files are not longer than an i64 can say.
    let layer_end = in_layer.checked_add(length)?;
    (are_pages && length > 0 && i64::try_from(layer_end).is_ok()).then_some(Entry {
        offset,
        length,
        source,
    })
}

fn id_bytes(id: Option<LayerId>) -> [u8; 16] {
    id.map_or([0; 16], LayerId::to_bytes)
}

/// Numbers and bytes, one after the other, of a piece whose length is known to be enough.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk().expect("a field of the format");
        self.0 = rest;
        *field
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}
