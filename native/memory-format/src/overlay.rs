//! A new map from an old one and what has changed.

use crate::{Entry, LayerId, Map, PAGE_SIZE, Source};

/// A map in the making: the parent's, with the changed ranges in the place of what they cover.
/// Changes come in the order of guest memory.
pub struct Overlay<'a> {
    parent: &'a Map,
    generation: u64,
    layer: LayerId,
    /// Of the parent's entries, the first that is not wholly behind `covered`.
    next: usize,
    /// Guest memory up to here is in `entries`.
    covered: u64,
    /// Pages up to here are in the new layer.
    packed: u64,
    entries: Vec<Entry>,
}

impl<'a> Overlay<'a> {
    /// Begins the map of `generation`, whose changed pages go to `layer`.
    ///
    /// # Panics
    ///
    /// If `generation` is 0, or the parent has something in `layer` already.
    pub fn new(parent: &'a Map, generation: u64, layer: LayerId) -> Self {
        assert!(generation > 0, "generations count from 1");
        Self {
            parent,
            generation,
            layer,
            next: 0,
            covered: 0,
            packed: 0,
            entries: Vec::with_capacity(parent.entries.len()),
        }
    }

    /// The range is in the new layer, behind all that came before.
    ///
    /// # Panics
    ///
    /// If the range is not whole pages, behind those before, and within memory.
    pub fn changed(&mut self, offset: u64, length: u64) {
        let source = Source::Layer {
            id: self.layer,
            offset: self.packed,
        };
        self.put(offset, length, source);
        self.packed += length;
    }

    /// The range is zero.
    ///
    /// # Panics
    ///
    /// Like [`Overlay::changed`].
    pub fn zero(&mut self, offset: u64, length: u64) {
        self.put(offset, length, Source::Zero);
    }

    /// How long the new layer is so far.
    pub fn packed(&self) -> u64 {
        self.packed
    }

    /// The new map.
    pub fn finish(mut self) -> Map {
        self.keep_up_to(self.parent.memory_size);
        let own_layer = (self.packed > 0).then_some(self.layer);
        Map {
            memory_size: self.parent.memory_size,
            generation: self.generation,
            own_layer,
            root_layer: self.parent.root_layer.or(own_layer),
            entries: self.entries,
        }
    }

    fn put(&mut self, offset: u64, length: u64, source: Source) {
        if length == 0 {
            return;
        }
        let end = offset.checked_add(length);
        assert!(
            offset.is_multiple_of(PAGE_SIZE)
                && length.is_multiple_of(PAGE_SIZE)
                && offset >= self.covered
                && end.is_some_and(|end| end <= self.parent.memory_size),
            "{length} bytes at {offset}: not whole pages in order, within memory"
        );
        self.keep_up_to(offset);
        self.push(Entry {
            offset,
            length,
            source,
        });
    }

    /// Takes over from the parent what lies between the last change and `end`.
    fn keep_up_to(&mut self, end: u64) {
        while self.covered < end {
            let entry = self.parent.entries[self.next];
            if entry.end() <= self.covered {
                self.next += 1;
            } else {
                self.push(entry.part(self.covered, entry.end().min(end)));
            }
        }
    }

    fn push(&mut self, entry: Entry) {
        self.covered = entry.end();
        match self.entries.last_mut() {
            Some(last) if last.goes_on_in(&entry) => last.length += entry.length,
            _ => self.entries.push(entry),
        }
    }
}
