//! Layers with random content, merged and flattened, against a plain list of blocks; and layers that
//! a hostile VMM has scribbled into.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::chain::{Chain, Cluster};
use crate::flatten::flatten;
use crate::format::{BLOCK, BLOCKS, CLUSTER, ENTRIES};
use crate::layer::Layer;
use crate::merge::{NewLayer, merge};

/// Blocks of the test's disk, which ends in the middle of a cluster.
const DISK_BLOCKS: usize = 40 * BLOCKS as usize + 5;
const SIZE: u64 = DISK_BLOCKS as u64 * BLOCK;

/// What a layer has of each block: nothing, zeros (0), or data of which every byte is that number.
type Model = Vec<Option<u8>>;

/// xorshift64: the same tests every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// Runs of everything that there can be.
    fn model(&mut self) -> Model {
        let mut model = vec![None; DISK_BLOCKS];
        for _ in 0..self.below(40) {
            let first = self.below(DISK_BLOCKS as u64) as usize;
            let length = self.below(70) as usize;
            let value = self.below(4) as u8 * self.below(80) as u8;
            for block in model.iter_mut().skip(first).take(length) {
                *block = Some(value);
            }
        }
        model
    }
}

fn file() -> File {
    let name = std::ffi::CString::new("layer").expect("no zero byte");
    File::from(rustix::fs::memfd_create(&name, rustix::fs::MemfdFlags::CLOEXEC).expect("memory"))
}

fn layer_of(model: &Model) -> File {
    let out = file();
    let mut layer = NewLayer::begin(&out, SIZE, u64::MAX);
    layer
        .region(|index, cluster| {
            (cluster.data, cluster.zero) = (0, 0);
            for block in 0..BLOCKS {
                let at = (block * BLOCK) as usize..((block + 1) * BLOCK) as usize;
                match model.get((index * BLOCKS + block) as usize) {
                    None | Some(None) => continue,
                    Some(Some(0)) => cluster.zero |= 1 << block,
                    Some(Some(value)) => {
                        cluster.data |= 1 << block;
                        cluster.bytes[at].fill(*value);
                    }
                }
            }
            Ok(cluster.data | cluster.zero != 0)
        })
        .expect("a region");
    layer.finish().expect("a layer");
    out
}

fn copy(file: &File) -> File {
    file.try_clone().expect("a descriptor")
}

fn chain(files: &[File]) -> Chain {
    let layers = files
        .iter()
        .map(|file| Layer::read(copy(file)).expect("a layer"));
    Chain::new(layers.collect(), SIZE).expect("of one size")
}

/// What a layer has, read back.
fn model_of(file: &File) -> Model {
    let chain = chain(&[copy(file)]);
    let mut model = vec![None; DISK_BLOCKS];
    let mut cluster = Cluster::new();
    let Some(region) = chain.region(0).expect("a region") else {
        return model;
    };
    for index in 0..ENTRIES {
        region.read(index, &mut cluster).expect("a cluster");
        for block in 0..BLOCKS {
            let value = match (cluster.data >> block & 1, cluster.zero >> block & 1) {
                (0, 0) => continue,
                (1, 0) => cluster.bytes[(block * BLOCK) as usize],
                _ => 0,
            };
            model[(index * BLOCKS + block) as usize] = Some(value);
        }
    }
    model
}

fn overlaid(models: &[Model]) -> Model {
    (0..DISK_BLOCKS)
        .map(|block| models.iter().rev().find_map(|model| model[block]))
        .collect()
}

#[test]
fn what_is_merged_is_what_the_topmost_layer_has_of_each_block() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..15 {
        let models: Vec<Model> = (0..=random.below(4)).map(|_| random.model()).collect();
        let files: Vec<File> = models.iter().map(layer_of).collect();
        for (file, model) in files.iter().zip(&models) {
            assert_eq!(&model_of(file), model);
        }
        let merged = file();
        merge(&chain(&files), &merged).expect("a merged layer");
        assert_eq!(model_of(&merged), overlaid(&models));
    }
}

#[test]
fn what_is_flattened_is_the_base_where_no_layer_has_anything() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for _ in 0..8 {
        let below = random.model();
        let base = file();
        base.set_len(SIZE).expect("a size");
        for (block, value) in below.iter().enumerate() {
            let bytes = [value.unwrap_or(0); BLOCK as usize];
            if value.is_some() {
                base.write_all_at(&bytes, block as u64 * BLOCK)
                    .expect("written");
            }
        }
        let models: Vec<Model> = (0..random.below(4)).map(|_| random.model()).collect();
        let files: Vec<File> = models.iter().map(layer_of).collect();
        let flat = file();
        flatten(&base, &chain(&files), &flat).expect("an image");
        assert_eq!(flat.metadata().expect("facts").len(), SIZE);
        for (block, value) in overlaid(&models).iter().enumerate() {
            let mut bytes = [1; BLOCK as usize];
            flat.read_exact_at(&mut bytes, block as u64 * BLOCK)
                .expect("a block");
            let expected = value.or(below[block]).unwrap_or(0);
            assert!(bytes.iter().all(|&byte| byte == expected), "block {block}");
        }
    }
}

#[test]
fn a_layer_that_was_scribbled_into_is_read_or_refused_and_never_grows() {
    let mut random = Random(0xda94_2042_e4dd_58b5);
    let mut refused = 0;
    for _ in 0..80 {
        let files = [layer_of(&random.model()), layer_of(&random.model())];
        let length = files[1].metadata().expect("facts").len();
        for _ in 0..=random.below(6) {
            // Its header, its tables, anything: words that mean something, and words that do not.
            let at = [
                random.below(104),
                2 * CLUSTER + random.below(16),
                random.below(length),
            ];
            let word = [
                random.0,
                1 << random.below(64),
                random.below(length) & !0x1ff,
                u64::MAX,
            ];
            let word = word[random.below(4) as usize].to_be_bytes();
            let at = at[random.below(3) as usize];
            files[1].write_all_at(&word, at).expect("written");
        }
        let out = file();
        let layers: Result<Vec<Layer>, _> =
            files.iter().map(|file| Layer::read(copy(file))).collect();
        let merged = layers
            .and_then(|layers| Chain::new(layers, SIZE))
            .and_then(|chain| merge(&chain, &out));
        refused += u32::from(merged.is_err());
        let grown = out.metadata().expect("facts").len();
        // All clusters of its one table, and what every layer has.
        assert!(grown / CLUSTER <= ENTRIES + 6, "{grown}");
    }
    assert!(refused > 8, "{refused}");
}
