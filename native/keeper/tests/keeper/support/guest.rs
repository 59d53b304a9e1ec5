//! A keeper whose VMM is the stand-in (examples/stand-in-vmm.rs): memory without a guest, changed,
//! saved and restored as a test asks for.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use memory_format::{Map, Source};
use serde_json::{Value, json};

use super::{Client, GID, Keeper, UID, World, eventually};

pub const PAGE: u64 = 4096;

/// Memory that a test can change.
pub struct Guest {
    pub keeper: Keeper,
    vm: PathBuf,
    commands: BufReader<UnixStream>,
}

/// A world with a folder to save to.
pub fn world_to_save_in() -> World {
    let world = World::new();
    let own = std::env::current_exe().unwrap();
    let built = own
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples/stand-in-vmm");
    fs::copy(built, world.path("root/bin/stand-in-vmm"))
        .expect("cargo test without a filter builds it, or cargo build --example stand-in-vmm");
    fs::create_dir(world.path("saved")).unwrap();
    give_to_vmm(&world.path("saved"));
    world
}

/// What the keeper needs of a folder to save to.
pub fn give_to_vmm(folder: &Path) {
    std::os::unix::fs::chown(folder, Some(UID), Some(GID)).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
}

impl Guest {
    /// With `pages` of memory, from the generation in the folder `from`, or all zero.
    pub fn start(world: &World, pages: u64, from: Option<&Path>) -> Self {
        Self::start_saving_to(world, pages, from, &world.path("saved"))
    }

    /// The same, saving to another folder.
    pub fn start_saving_to(world: &World, pages: u64, from: Option<&Path>, to: &Path) -> Self {
        let vm = world.path("vm");
        for name in ["commands.sock", "memory.sock", "state.sock", "dump"] {
            let _ = fs::remove_file(vm.join(name));
        }
        let sentinel = fs::File::create(vm.join("ram")).unwrap();
        sentinel.set_len(pages * PAGE).unwrap();
        std::os::unix::fs::chown(vm.join("ram"), Some(UID), Some(GID)).unwrap();
        let mut config = world.config("");
        config["argv"] = json!(["/bin/stand-in-vmm"]);
        config["memory"] = json!({
            "size_bytes": pages * PAGE, "mode": "mapped", "save_folder": to,
            "map": from.map(|from| from.join("memory.map")),
            "layers": from.map(|from| from.join("memory")),
            "state": null, "working_set": null,
        });
        let keeper = Keeper::start(&config).unwrap_or_else(|error| panic!("{error}"));
        let commands = eventually("the stand-in listens", || {
            UnixStream::connect(vm.join("commands.sock")).ok()
        });
        Self {
            keeper,
            vm,
            commands: BufReader::new(commands),
        }
    }

    /// Has something done, and waits until it is.
    pub fn command(&mut self, command: &str) {
        self.begin(command);
        self.end();
    }

    /// Waits until the next of those that were begun is done.
    pub fn end(&mut self) {
        let mut answer = String::new();
        self.commands.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n");
    }

    /// Does not wait.
    pub fn begin(&mut self, command: &str) {
        writeln!(self.commands.get_mut(), "{command}").unwrap();
    }

    pub fn write(&mut self, page: u64, pages: u64, seed: u64) {
        self.command(&format!("write {} {} {seed}", page * PAGE, pages * PAGE));
    }

    /// What is truly in the memory.
    pub fn memory(&mut self) -> Vec<u8> {
        self.command("dump");
        fs::read(self.vm.join("dump")).unwrap()
    }

    /// Saves, and gives the keeper's answer.
    pub fn save(&mut self, name: &str, generation: u64) -> Value {
        let mut client = self.keeper.connect();
        ask_to_save(&mut client, name, generation);
        self.command("state 70000");
        client.line().expect("an answer")
    }

    /// The same where it must succeed.
    pub fn saved(&mut self, name: &str, generation: u64) -> Value {
        let answer = self.save(name, generation);
        assert_eq!(answer["ok"], json!(true), "{answer}");
        answer
    }
}

/// Does not wait for the answer.
pub fn ask_to_save(client: &mut Client, name: &str, generation: u64) {
    let request = json!({ "op": "save", "name": name, "generation": generation });
    client.send(&format!("{request}\n"));
}

/// What a generation says that the memory holds. Layers that it does not have itself are in the
/// folders of those before it.
pub fn memory_in(generation: &Path, layers: &[&Path]) -> Vec<u8> {
    let map = Map::read(&generation.join("memory.map")).unwrap();
    let mut memory = vec![0; usize::try_from(map.memory_size()).unwrap()];
    for entry in map.entries() {
        if let Source::Layer { id, offset } = entry.source {
            let file = layers
                .iter()
                .chain([&generation])
                .find_map(|folder| fs::File::open(folder.join("memory").join(id.file_name())).ok())
                .unwrap_or_else(|| panic!("no layer {id}"));
            let range = entry.offset as usize..(entry.offset + entry.length) as usize;
            file.read_exact_at(&mut memory[range], offset).unwrap();
        }
    }
    memory
}

/// Says where memories differ, rather than showing them.
pub fn assert_same(found: &[u8], expected: &[u8]) {
    assert_eq!(found.len(), expected.len());
    let differ: Vec<_> = found
        .chunks(PAGE as usize)
        .zip(expected.chunks(PAGE as usize))
        .enumerate()
        .filter(|(_, (one, other))| one != other)
        .map(|(page, _)| page)
        .collect();
    assert!(differ.is_empty(), "pages that differ: {differ:?}");
}
