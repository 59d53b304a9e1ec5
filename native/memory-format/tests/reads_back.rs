//! Whatever is written, frozen, restored and compacted, in whatever order: the same bytes are read
//! back as from a plain array.

use std::collections::HashMap;

use memory_format::{LayerId, Map, PAGE_SIZE, Packer, Source};
use proptest::prelude::*;

const PAGE: usize = PAGE_SIZE as usize;
const PAGES: usize = 48;

#[derive(Clone, Debug)]
enum Step {
    /// Fills pages; with 0 they become zero.
    Write {
        page: usize,
        pages: usize,
        byte: u8,
    },
    /// Makes pages count as changed that are not, as a scan may.
    Touch {
        page: usize,
        pages: usize,
    },
    Freeze,
    /// Goes back to a generation made before.
    Restore {
        which: usize,
    },
    /// Puts the current generation into one layer.
    Compact,
}

fn step() -> impl Strategy<Value = Step> {
    let run = || (0..PAGES).prop_flat_map(|page| (Just(page), 1..=PAGES - page));
    prop_oneof![
        4 => (run(), 0_u8..4).prop_map(|((page, pages), byte)| Step::Write { page, pages, byte }),
        1 => run().prop_map(|(page, pages)| Step::Touch { page, pages }),
        3 => Just(Step::Freeze),
        1 => any::<usize>().prop_map(|which| Step::Restore { which }),
        1 => Just(Step::Compact),
    ]
}

/// A guest, what a plain array says that is in it, and all that is on the disk.
struct World {
    memory: Vec<u8>,
    changed: [bool; PAGES],
    /// What the guest was started with.
    map: Map,
    layers: HashMap<LayerId, Vec<u8>>,
    generations: Vec<(Map, Vec<u8>)>,
}

impl World {
    fn new() -> Self {
        Self {
            memory: vec![0; PAGES * PAGE],
            changed: [false; PAGES],
            map: Map::zero((PAGES * PAGE) as u64),
            layers: HashMap::new(),
            generations: Vec::new(),
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Write { page, pages, byte } => {
                let range = page * PAGE..(page + pages) * PAGE;
                // Pages that can be told apart, or are zero in all but their last byte.
                self.memory[range.clone()].fill(if byte == 1 { 0 } else { byte });
                for page in self.memory[range].chunks_mut(PAGE) {
                    page[PAGE - 1] = byte;
                }
                self.changed[page..page + pages].fill(true);
            }
            Step::Touch { page, pages } => self.changed[page..page + pages].fill(true),
            Step::Freeze => self.freeze(),
            Step::Restore { which } => {
                if let Some(count) = self.generations.len().checked_sub(1) {
                    let (map, memory) = self.generations[which % (count + 1)].clone();
                    (self.map, self.memory) = (map, memory);
                    self.changed = [false; PAGES];
                }
            }
            Step::Compact => self.compact(),
        }
    }

    fn freeze(&mut self) {
        let id = self.new_layer();
        let parent = self.map.clone();
        let mut packer = Packer::new(&parent, parent.generation() + 1, id, Vec::new());
        let mut page = 0;
        while page < PAGES {
            let run = self.changed[page..]
                .iter()
                .take_while(|&&changed| changed)
                .count();
            let bytes = &self.memory[page * PAGE..(page + run) * PAGE];
            packer.pages((page * PAGE) as u64, bytes).unwrap();
            page += run.max(1);
        }
        let packed = packer.finish().unwrap();
        assert_eq!(packed.size, packed.layer.len() as u64);
        assert!(
            !packed
                .layer
                .chunks(PAGE)
                .any(|page| page.iter().all(|&b| b == 0))
        );
        assert_eq!(packed.map.own_layer().is_some(), !packed.layer.is_empty());
        assert_eq!(packed.map.generation(), parent.generation() + 1);
        assert_eq!(
            packed.map.root_layer(),
            parent.root_layer().or(packed.map.own_layer())
        );
        self.layers.insert(id, packed.layer);
        // The guest goes on as it would after a restore, in which nothing has changed yet.
        self.become_restored(packed.map);
    }

    fn compact(&mut self) {
        if self.map.generation() == 0 {
            return;
        }
        let id = self.new_layer();
        let old = self.map.clone();
        let memory = self.read_back(&old);
        let mut packer = Packer::new(&old, old.generation(), id, Vec::new());
        for entry in old.entries() {
            let range = entry.offset as usize..entry.end() as usize;
            packer.pages(entry.offset, &memory[range]).unwrap();
        }
        let packed = packer.finish().unwrap();
        assert!(packed.map.layers().len() <= 1);
        self.layers.insert(id, packed.layer);
        assert!(self.read_back(&packed.map) == memory);
        self.check_written(&packed.map);
        self.map = packed.map;
    }

    fn become_restored(&mut self, map: Map) {
        assert!(
            self.read_back(&map) == self.memory,
            "another memory is read back"
        );
        self.check_written(&map);
        self.changed = [false; PAGES];
        self.generations.push((map.clone(), self.memory.clone()));
        self.map = map;
    }

    /// As a restore does it: entry by entry, and page by page.
    fn read_back(&self, map: &Map) -> Vec<u8> {
        let mut memory = Vec::new();
        for entry in map.entries() {
            assert_eq!(entry.offset, memory.len() as u64);
            match entry.source {
                Source::Zero => memory.resize(memory.len() + entry.length as usize, 0),
                Source::Layer { id, offset } => {
                    let range = offset as usize..(offset + entry.length) as usize;
                    memory.extend(&self.layers[&id][range]);
                }
            }
        }
        for page in 0..PAGES {
            let offset = (page * PAGE) as u64;
            let entry = map.entry_at(offset + 7).unwrap();
            assert!(entry.offset <= offset && offset < entry.end());
        }
        memory
    }

    fn check_written(&self, map: &Map) {
        assert_eq!(Map::parse(&map.to_bytes()).as_ref(), Ok(map));
        for (id, needed) in map.layers() {
            assert!(needed <= self.layers[&id].len() as u64);
        }
    }

    fn new_layer(&self) -> LayerId {
        LayerId::from_bytes((self.layers.len() as u128 + 1).to_be_bytes()).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_life_of_a_memory_reads_back_the_same_bytes(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        world.freeze();
    }
}

#[test]
fn what_follows_itself_in_a_layer_is_one_entry() {
    let parent = Map::zero(16 * PAGE_SIZE);
    let id = LayerId::from_bytes([7; 16]).unwrap();
    let mut packer = Packer::new(&parent, 1, id, Vec::new());
    for page in 2..6 {
        packer.pages(page * PAGE_SIZE, &[1; PAGE]).unwrap();
    }
    packer.zeros(6 * PAGE_SIZE, 3 * PAGE_SIZE);
    packer.pages(9 * PAGE_SIZE, &[1; PAGE]).unwrap();
    let map = packer.finish().unwrap().map;
    let shape: Vec<_> = map
        .entries()
        .iter()
        .map(|entry| {
            (
                entry.offset / PAGE_SIZE,
                entry.length / PAGE_SIZE,
                entry.source,
            )
        })
        .collect();
    let at = |page| Source::Layer {
        id,
        offset: page * PAGE_SIZE,
    };
    assert_eq!(
        shape,
        [
            (0, 2, Source::Zero),
            (2, 4, at(0)),
            (6, 3, Source::Zero),
            (9, 1, at(4)),
            (10, 6, Source::Zero)
        ]
    );
}
