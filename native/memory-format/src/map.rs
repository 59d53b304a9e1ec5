//! Which layer holds which range of guest memory.

use std::collections::BTreeMap;

use crate::{Entry, LayerId, Source};

/// A map whose entries are sorted, cover the whole memory without overlap, and are merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    pub(crate) memory_size: u64,
    pub(crate) generation: u64,
    pub(crate) own_layer: Option<LayerId>,
    pub(crate) root_layer: Option<LayerId>,
    pub(crate) entries: Vec<Entry>,
}

impl Map {
    /// Memory before its first generation: nothing but zeros. `memory_size` must be a multiple of
    /// the page size, and not zero. Its generation is 0, which no map on disk has.
    ///
    /// # Panics
    ///
    /// If `memory_size` is no such number.
    pub fn zero(memory_size: u64) -> Self {
        assert!(
            memory_size > 0 && memory_size.is_multiple_of(crate::PAGE_SIZE),
            "memory is whole pages, not {memory_size} bytes"
        );
        Self {
            memory_size,
            generation: 0,
            own_layer: None,
            root_layer: None,
            entries: vec![Entry {
                offset: 0,
                length: memory_size,
                source: Source::Zero,
            }],
        }
    }

    /// How many bytes of guest memory it describes.
    pub fn memory_size(&self) -> u64 {
        self.memory_size
    }

    /// Which generation it belongs to.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The layer that this generation added; none if it changed nothing.
    pub fn own_layer(&self) -> Option<LayerId> {
        self.own_layer
    }

    /// The first layer in the line of generations; none if there is none yet.
    pub fn root_layer(&self) -> Option<LayerId> {
        self.root_layer
    }

    /// All ranges, in the order of guest memory.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry which `offset` lies in; none if it is beyond the end of memory.
    pub fn entry_at(&self, offset: u64) -> Option<&Entry> {
        self.entries
            .get(self.entries.partition_point(|entry| entry.end() <= offset))
    }

    /// The layers that it needs, and of how many bytes at least each file must be.
    pub fn layers(&self) -> BTreeMap<LayerId, u64> {
        let mut layers = BTreeMap::new();
        for entry in &self.entries {
            if let Source::Layer { id, offset } = entry.source {
                let needed: &mut u64 = layers.entry(id).or_default();
                *needed = (*needed).max(offset + entry.length);
            }
        }
        layers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PAGE_SIZE;

    #[test]
    fn every_offset_of_memory_is_found_and_none_beyond() {
        let map = Map::zero(16 * PAGE_SIZE);
        assert_eq!(map.entry_at(0), Some(&map.entries[0]));
        assert_eq!(map.entry_at(16 * PAGE_SIZE - 1), Some(&map.entries[0]));
        assert_eq!(map.entry_at(16 * PAGE_SIZE), None);
        assert_eq!(map.entry_at(u64::MAX), None);
    }
}
