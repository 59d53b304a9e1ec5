//! `verify`, `compact` and `exchange`: what is done with a generation on the disk.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use memory_format::Map;
use serde_json::{Value, json};

use crate::support::World;
use crate::support::guest::{Guest, PAGE, assert_same, memory_in, world_to_save_in};

fn run(arguments: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_roost-keeper"))
        .args(arguments)
        .output()
        .unwrap()
}

/// Its faults, and that its status agrees with them.
fn faults(folder: &Path) -> Vec<String> {
    let output = run(&["verify".as_ref(), folder]);
    let text = String::from_utf8(output.stdout).unwrap();
    let faults: Vec<_> = text.lines().map(str::to_owned).collect();
    assert_eq!(output.status.code(), Some(i32::from(!faults.is_empty())));
    faults
}

/// A generation of 1 MB as an agent leaves it.
struct Generation {
    world: World,
    folder: PathBuf,
    layer: String,
}

impl Generation {
    fn new() -> Self {
        let world = world_to_save_in();
        let folder = world.path("saved/1");
        let mut guest = Guest::start(&world, 256, None);
        guest.write(10, 100, 1);
        let answer = guest.saved("1", 1);
        drop(guest);
        fs::create_dir(folder.join("disk")).unwrap();
        fs::write(folder.join("disk/0.qcow2"), "disk").unwrap();
        let generation = Self {
            layer: format!("memory/{}.layer", answer["layer_id"].as_str().unwrap()),
            world,
            folder,
        };
        let mut files = answer["files"].as_array().unwrap().clone();
        files.push(json!({ "name": "disk/0.qcow2", "size": 4 }));
        generation.describe(&json!({ "memory_mb": 1, "files": files, "vmm": "any" }));
        assert_eq!(faults(&generation.folder), [""; 0]);
        generation
    }

    fn describe(&self, manifest: &Value) {
        fs::write(self.folder.join("manifest.json"), manifest.to_string()).unwrap();
    }

    fn manifest(&self) -> Value {
        serde_json::from_slice(&fs::read(self.folder.join("manifest.json")).unwrap()).unwrap()
    }

    /// Exactly one fault, which contains this.
    fn assert_fault(&self, expected: &str) {
        let faults = faults(&self.folder);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].contains(expected), "{faults:?}: {expected:?}");
    }
}

#[test]
fn one_changed_bit_anywhere_is_found() {
    let generation = Generation::new();
    for name in ["vmstate", "memory.map", generation.layer.as_str()] {
        let path = generation.folder.join(name);
        let whole = fs::read(&path).unwrap();
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).unwrap();
            let found = faults(&generation.folder);
            assert!(
                found.iter().any(|fault| fault.starts_with(name)),
                "{found:?}"
            );
        }
        fs::write(&path, &whole).unwrap();
    }
    assert_eq!(faults(&generation.folder), [""; 0]);
}

#[test]
fn what_is_missing_or_cut_short_is_told() {
    let generation = Generation::new();
    let layer = generation.folder.join(&generation.layer);
    let whole = fs::read(&layer).unwrap();

    fs::write(&layer, &whole[..whole.len() - 4096]).unwrap();
    let told = faults(&generation.folder).join("\n");
    assert!(told.contains("the map needs 409600"), "{told}");
    assert!(told.contains("the manifest says 409600"), "{told}");
    fs::remove_file(&layer).unwrap();
    assert!(
        faults(&generation.folder)
            .join("\n")
            .contains("No such file")
    );
    // A link to what would be right is not what was put there.
    let elsewhere = generation.world.path("elsewhere");
    fs::write(&elsewhere, &whole).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &layer).unwrap();
    assert!(
        faults(&generation.folder)
            .join("\n")
            .contains("symbolic links")
    );
    fs::remove_file(&layer).unwrap();
    fs::write(&layer, &whole).unwrap();

    fs::remove_file(generation.folder.join("disk/0.qcow2")).unwrap();
    generation.assert_fault("disk/0.qcow2");
}

#[test]
fn a_manifest_that_does_not_fit_is_told() {
    let generation = Generation::new();
    let manifest = generation.manifest();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = manifest.clone();
        change(&mut changed);
        generation.describe(&changed);
    };
    with(&|manifest| manifest["memory_mb"] = json!(2));
    generation.assert_fault("but the manifest of 2 MB");
    with(&|manifest| manifest["memory_mb"] = json!(u64::MAX));
    generation.assert_fault("but the manifest of");
    with(&|manifest| manifest["files"][0]["name"] = json!("../1/memory.map"));
    assert!(
        faults(&generation.folder)
            .iter()
            .any(|fault| fault.contains("no name of a file"))
    );
    with(&|manifest| {
        let files = manifest["files"].as_array_mut().unwrap();
        files.retain(|file| !file["name"].as_str().unwrap().starts_with("memory/"));
    });
    generation.assert_fault("the manifest does not list it");
    with(&|manifest| {
        for file in manifest["files"].as_array_mut().unwrap() {
            file["checksum"] = json!(null);
        }
    });
    assert_eq!(faults(&generation.folder).len(), 3);
    fs::write(generation.folder.join("manifest.json"), "{").unwrap();
    generation.assert_fault("manifest.json is wrong");
    fs::remove_file(generation.folder.join("manifest.json")).unwrap();
    generation.assert_fault("manifest.json");
}

#[test]
fn a_line_of_generations_becomes_one_layer_with_the_same_memory() {
    let world = world_to_save_in();
    let all = world.path("line");
    fs::create_dir_all(all.join("memory")).unwrap();
    let mut from = None;
    let mut memory = Vec::new();
    for number in 1..=4 {
        let mut guest = Guest::start(&world, 2048, from.as_deref());
        guest.write(number * 100, 300, number);
        guest.command(&format!(
            "zero {} {}",
            (number * 100 + 50) * PAGE,
            20 * PAGE
        ));
        guest.saved(&number.to_string(), number);
        memory = guest.memory();
        // As the agent does: the generation has all layers of its line.
        let saved = world.path("saved").join(number.to_string());
        for layer in fs::read_dir(saved.join("memory")).unwrap() {
            let layer = layer.unwrap();
            fs::copy(layer.path(), all.join("memory").join(layer.file_name())).unwrap();
        }
        fs::copy(saved.join("memory.map"), all.join("memory.map")).unwrap();
        from = Some(all.clone());
    }
    let out = world.path("out");

    let output = run(&["compact".as_ref(), &all, &out]);

    assert!(output.status.success(), "{output:?}");
    assert_same(&memory_in(&out, &[]), &memory);
    let (before, after) = (
        Map::read(&all.join("memory.map")).unwrap(),
        Map::read(&out.join("memory.map")).unwrap(),
    );
    assert_eq!(before.layers().len(), 4);
    assert_eq!(
        after.layers().keys().copied().collect::<Vec<_>>(),
        [after.own_layer().unwrap()]
    );
    assert_eq!(
        (after.generation(), after.root_layer()),
        (4, before.root_layer())
    );
    let files: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<_> = files
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["name"].clone())
        .collect();
    let layer = format!("memory/{}", after.own_layer().unwrap().file_name());
    assert_eq!(names, [json!("memory.map"), json!(layer)]);
    for file in files.as_array().unwrap() {
        let bytes = fs::read(out.join(file["name"].as_str().unwrap())).unwrap();
        assert_eq!(file["size"], json!(bytes.len()));
        assert_eq!(file["checksum"], json!(blake3::hash(&bytes).to_string()));
    }
    assert_same(&Guest::start(&world, 2048, Some(&out)).memory(), &memory);
}

#[test]
fn a_compaction_that_fails_leaves_nothing_and_never_touches_what_is_there() {
    let generation = Generation::new();
    let out = generation.world.path("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("precious"), "").unwrap();
    let output = run(&["compact".as_ref(), &generation.folder, &out]);
    assert_eq!(output.status.code(), Some(1));
    assert!(out.join("precious").exists());
    fs::remove_dir_all(&out).unwrap();

    let layer = fs::File::options()
        .write(true)
        .open(generation.folder.join(&generation.layer));
    let layer = layer.unwrap();
    layer.set_len(4096).unwrap();
    layer.write_all_at(b"x", 0).unwrap();
    let output = run(&["compact".as_ref(), &generation.folder, &out]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(!out.exists());
}

#[test]
fn two_folders_take_each_others_place_and_others_are_left_alone() {
    let world = world_to_save_in();
    let (one, other) = (world.path("saved/1"), world.path("saved/1.new"));
    for (folder, content) in [(&one, "old"), (&other, "new")] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("manifest.json"), content).unwrap();
    }
    let content = |folder: &Path| fs::read_to_string(folder.join("manifest.json")).unwrap();

    assert!(run(&["exchange".as_ref(), &other, &one]).status.success());
    assert_eq!(
        (content(&one), content(&other)),
        ("new".into(), "old".into())
    );

    let elsewhere = world.path("1");
    fs::create_dir(&elsewhere).unwrap();
    for wrong in [&world.path("saved/2"), &elsewhere] {
        let output = run(&["exchange".as_ref(), wrong, &one]);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("roost-keeper: "));
        assert_eq!(
            (content(&one), content(&other)),
            ("new".into(), "old".into())
        );
    }
}
