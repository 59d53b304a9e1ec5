//! A keeper whose VMM is the stand-in (examples/stand-in-vmm.rs): memory without a guest, changed,
//! saved and restored as a test asks for.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use memory_format::{Map, Source};
use serde_json::{Value, json};

use super::process::PATIENCE;
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
    fs::create_dir(world.path("saved")).unwrap();
    give_to_vmm(&world.path("saved"));
    world
}

/// Has one of the programs in examples/ in the VMM's root. Mounted, not copied: a copy could be held
/// open for writing, by a process that another test has just forked, when it is to be executed.
pub fn add_example(world: &World, config: &mut Value, name: &str) {
    let own = std::env::current_exe().unwrap();
    let built = own.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(
        built.exists(),
        "cargo test without a filter builds {name}, or cargo build --examples"
    );
    fs::write(world.path("root/bin").join(name), "").unwrap();
    let target = Path::new("/bin").join(name);
    let mount = json!({ "source": built, "target": target, "read_only": true });
    config["mounts"].as_array_mut().unwrap().push(mount);
}

/// A keeper with 16 pages of zeros for one of these programs.
pub fn start_example(world: &World, mode: &str, program: &str, arguments: &[&str]) -> Keeper {
    let mut memory = memory_config(16, None);
    memory["mode"] = json!(mode);
    memory["save_folder"] = json!(world.path("saved"));
    put_sentinel(world, &memory);
    let mut config = world.config("");
    add_example(world, &mut config, program);
    let program = format!("/bin/{program}");
    config["argv"] = json!([&[&program[..]], arguments].concat());
    config["memory"] = memory;
    Keeper::start(&config).unwrap_or_else(|error| panic!("{error}"))
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
        let mut memory = memory_config(pages, from);
        memory["save_folder"] = json!(to);
        Self::start_with(world, memory)
    }

    /// With `memory` in its configuration.
    pub fn start_with(world: &World, memory: Value) -> Self {
        let vm = world.path("vm");
        for name in ["commands.sock", "memory.sock", "state.sock", "dump"] {
            let _ = fs::remove_file(vm.join(name));
        }
        let mut config = world.config("");
        put_sentinel(world, &memory);
        add_example(world, &mut config, "stand-in-vmm");
        config["argv"] = json!(["/bin/stand-in-vmm"]);
        config["memory"] = memory;
        if config["memory"]["save_folder"].is_null() {
            config["memory"]["save_folder"] = json!(world.path("saved"));
        }
        let keeper = Keeper::start(&config).unwrap_or_else(|error| panic!("{error}"));
        let commands = eventually("the stand-in listens", || {
            assert!(keeper.vmm.is_running(), "{}", world.read("vmm.log"));
            UnixStream::connect(vm.join("commands.sock")).ok()
        });
        commands.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            keeper,
            vm,
            commands: BufReader::new(commands),
        }
    }

    /// Has something done, and waits until it is.
    pub fn command(&mut self, command: &str) {
        self.begin(command);
        let mut answer = String::new();
        self.commands.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n", "{command}");
    }

    /// Does not wait.
    pub fn begin(&mut self, command: &str) {
        writeln!(self.commands.get_mut(), "{command}").unwrap();
    }

    /// What the keeper says of the memory.
    pub fn stats(&mut self) -> Value {
        self.keeper.connect().ask("stats")["memory"].clone()
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

/// Mapped, from the generation in the folder `from`, or all zero.
pub fn memory_config(pages: u64, from: Option<&Path>) -> Value {
    json!({
        "size_bytes": pages * PAGE, "mode": "mapped", "save_folder": null,
        "map": from.map(|from| from.join("memory.map")),
        "layers": from.map(|from| from.join("memory")),
        "state": null, "working_set": null,
    })
}

/// The file that the VMM maps.
pub fn put_sentinel(world: &World, memory: &Value) {
    let path = world.path("vm/ram");
    let sentinel = fs::File::create(&path).unwrap();
    sentinel
        .set_len(memory["size_bytes"].as_u64().unwrap())
        .unwrap();
    std::os::unix::fs::chown(path, Some(UID), Some(GID)).unwrap();
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
