//! What a working set asks for, as far as a map can give it.

use memory_format::{Entry, Map, PAGE_SIZE, Source, WorkingSet};

use super::page_set::PageSet;

/// The pieces of memory that were used before and that layers hold, in the order of their first
/// use, each of one piece of one layer, and none twice: a set may say anything.
pub fn wanted(map: &Map, set: &WorkingSet) -> Vec<Entry> {
    let mut seen = PageSet::new(map.memory_size() / PAGE_SIZE);
    let mut pieces = Vec::new();
    for run in set.runs() {
        for run in seen.insert(run.first, run.pages) {
            let (start, end) = (run.start * PAGE_SIZE, run.end * PAGE_SIZE);
            pieces.extend(layer_pieces(map, start, end));
        }
    }
    pieces
}

/// What layers hold of the memory from `start` to `end`.
pub fn layer_pieces(map: &Map, start: u64, end: u64) -> impl Iterator<Item = Entry> {
    let entries = map.entries();
    let first = entries.partition_point(|entry| entry.end() <= start);
    entries[first..]
        .iter()
        .take_while(move |entry| entry.offset < end)
        .filter_map(move |entry| {
            let Source::Layer { id, offset } = entry.source else {
                return None;
            };
            let (from, to) = (entry.offset.max(start), entry.end().min(end));
            Some(Entry {
                offset: from,
                length: to - from,
                source: Source::Layer {
                    id,
                    offset: offset + (from - entry.offset),
                },
            })
        })
}
