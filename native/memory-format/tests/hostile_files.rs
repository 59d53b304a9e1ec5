//! Files that somebody made up: parsing refuses them, or they are exactly what writing would have
//! made. It never panics and never takes more memory than the file is long.
//!
//! Seeded, so that a failure comes again; `ROOST_FUZZ_INPUTS` says how many inputs are tried.

use memory_format::{LayerId, Malformed, Map, PAGE_SIZE, Packer, Source, WorkingSet};

/// Xorshift: the same numbers every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// Numbers at which mistakes live.
    fn number(&mut self) -> u64 {
        let pages = self.next() % 64 * PAGE_SIZE;
        [
            0,
            1,
            PAGE_SIZE,
            pages,
            u64::MAX,
            u64::MAX - 4095,
            1 << 63,
            i64::MAX as u64,
            self.next(),
        ][self.below(9)]
    }
}

fn inputs() -> u64 {
    let asked = std::env::var("ROOST_FUZZ_INPUTS").ok();
    asked
        .and_then(|number| number.parse().ok())
        .unwrap_or(20_000)
}

/// A map of three generations, with entries of every kind.
fn good_map() -> Map {
    let mut map = Map::zero(64 * PAGE_SIZE);
    for generation in 1..=3 {
        let id = LayerId::from_bytes([generation; 16]).unwrap();
        let mut packer = Packer::new(&map, generation.into(), id, std::io::sink());
        for page in (u64::from(generation)..60).step_by(4 * usize::from(generation)) {
            packer.pages(page * PAGE_SIZE, &[1; 4096]).unwrap();
            packer.zeros((page + 1) * PAGE_SIZE, PAGE_SIZE);
        }
        map = packer.finish().unwrap().map;
    }
    map
}

/// With the checksum that its content should have: or all that is tried is the checksum.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(end) = bytes.len().checked_sub(32) {
        let checksum = blake3::hash(&bytes[..end]);
        bytes[end..].copy_from_slice(checksum.as_bytes());
    }
    bytes
}

fn spoil(random: &mut Random, bytes: &mut Vec<u8>) {
    match random.below(6) {
        0 => {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        1 => {
            let at = random.below(bytes.len() / 8) * 8;
            bytes[at..at + 8].copy_from_slice(&random.number().to_le_bytes());
        }
        2 => bytes.truncate(random.below(bytes.len())),
        3 => bytes.extend(random.number().to_le_bytes()),
        // Entries are lost, doubled, or change places.
        4 => {
            let entries = bytes.len().saturating_sub(104) / 40;
            if entries > 1 {
                let (one, other) = (random.below(entries), random.below(entries));
                let entry = bytes[64 + one * 40..][..40].to_vec();
                bytes[64 + other * 40..][..40].copy_from_slice(&entry);
            }
        }
        _ => {
            let entries = bytes.len().saturating_sub(104) / 40;
            if entries > 1 {
                let at = 64 + random.below(entries) * 40;
                bytes.drain(at..at + 40);
                let count = bytes.len() - 40;
                bytes[count..count + 8].copy_from_slice(&(entries as u64 - 1).to_le_bytes());
            }
        }
    }
}

/// All that a map promises.
fn check(map: &Map) {
    let mut covered = 0;
    assert!(!map.entries().is_empty());
    for entry in map.entries() {
        assert_eq!(entry.offset, covered);
        assert!(entry.length > 0 && entry.length.is_multiple_of(PAGE_SIZE));
        covered += entry.length;
        if let Source::Layer { offset, .. } = entry.source {
            assert!(offset.is_multiple_of(PAGE_SIZE));
            assert!(i64::try_from(offset + entry.length).is_ok());
        }
        assert_eq!(map.entry_at(entry.offset), Some(entry));
        assert_eq!(map.entry_at(entry.offset + entry.length - 1), Some(entry));
    }
    assert_eq!(covered, map.memory_size());
    assert!(map.generation() > 0);
    let layers = map.layers();
    assert!(map.own_layer().is_none_or(|own| layers.contains_key(&own)));
}

#[test]
fn a_spoiled_map_is_refused_or_is_another_good_one() {
    let good = good_map().to_bytes();
    let mut random = Random(0x5eed);
    let mut accepted = 0;
    for _ in 0..inputs() {
        let mut bytes = good.clone();
        for _ in 0..=random.below(3) {
            // What is shorter has nothing left to spoil.
            if bytes.len() >= 8 {
                spoil(&mut random, &mut bytes);
            }
        }
        let bytes = sealed(bytes);
        if let Ok(map) = Map::parse(&bytes) {
            check(&map);
            assert_eq!(map.to_bytes(), bytes, "there is one way to write a map");
            accepted += 1;
        }
    }
    // The layers' ids, for one, can be any.
    assert!(
        accepted > 0,
        "nothing but refusals: the inputs are too wild to find anything"
    );
}

#[test]
fn bytes_from_nowhere_are_refused() {
    let mut random = Random(0xbad);
    for _ in 0..inputs() {
        let mut bytes: Vec<u8> = (0..random.below(300))
            .map(|_| random.next() as u8)
            .collect();
        assert!(Map::parse(&bytes).is_err());
        assert!(WorkingSet::parse(&bytes, 64 * PAGE_SIZE).is_err());
        if bytes.len() > 64 {
            bytes[..8].copy_from_slice(b"ROOSTMEM");
            assert!(Map::parse(&sealed(bytes)).is_err());
        }
    }
}

#[test]
fn every_single_changed_byte_of_a_map_is_noticed() {
    let good = good_map().to_bytes();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x40;
        assert!(Map::parse(&bytes).is_err(), "byte {at}");
    }
    for length in 0..good.len() {
        assert!(Map::parse(&good[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn each_refusal_says_what_is_wrong() {
    let good = good_map().to_bytes();
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        Map::parse(&sealed(changed)).unwrap_err()
    };
    let none = [0; 16];
    assert_eq!(with(0, b"ROOSTWSS"), Malformed::Magic);
    assert_eq!(with(8, &2_u32.to_le_bytes()), Malformed::Version(2));
    assert_eq!(with(12, &8192_u32.to_le_bytes()), Malformed::PageSize(8192));
    assert_eq!(with(16, &0_u64.to_le_bytes()), Malformed::MemorySize(0));
    assert_eq!(
        with(16, &4097_u64.to_le_bytes()),
        Malformed::MemorySize(4097)
    );
    assert_eq!(with(24, &0_u64.to_le_bytes()), Malformed::Generation);
    assert_eq!(with(32, &[9; 16]), Malformed::Lineage);
    assert_eq!(with(48, &none), Malformed::Lineage);
    assert_eq!(with(64, &4096_u64.to_le_bytes()), Malformed::Entry(0));
    // Memory that goes on, or ends before its entries do.
    let entries = good_map().entries().len() as u64;
    assert_eq!(
        with(16, &(65 * PAGE_SIZE).to_le_bytes()),
        Malformed::Entry(entries)
    );
    assert_eq!(
        with(16, &(63 * PAGE_SIZE).to_le_bytes()),
        Malformed::Entry(entries - 1)
    );
    assert_eq!(Map::parse(&good[..103]), Err(Malformed::Length));
}

#[test]
fn a_spoiled_working_set_is_refused_or_lies_within_memory() {
    let mut set = WorkingSet::new();
    for first in [5, 9, 1, 30] {
        set.push(memory_format::PageRun { first, pages: 3 });
    }
    let good = set.to_bytes();
    let mut random = Random(0x5e7);
    for _ in 0..inputs() {
        let mut bytes = good.clone();
        let at = random.below(bytes.len() / 8) * 8;
        bytes[at..at + 8].copy_from_slice(&random.number().to_le_bytes());
        if let Ok(set) = WorkingSet::parse(&bytes, 64 * PAGE_SIZE) {
            assert!(
                set.runs()
                    .iter()
                    .all(|run| run.pages > 0 && run.first + run.pages <= 64)
            );
            assert_eq!(set.to_bytes(), bytes);
        }
    }
}
