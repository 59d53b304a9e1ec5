//! A memory that is not all there, or cannot be, is found out before anything is started.

use std::fs;
use std::os::unix::fs::FileExt;

use serde_json::json;

use crate::support::generations::{config as config_of, three_generations};
use crate::support::guest::{PAGE, memory_config, put_sentinel, world_to_save_in};
use crate::support::{World, assert_begins, failure};

#[test]
fn what_a_memory_is_made_of_is_checked_before_anything_is_started() {
    let folder = world_to_save_in();
    let generation = three_generations(&folder);
    let other = folder.path("other");
    fs::create_dir(&other).unwrap();
    let layer = fs::read_dir(generation.join("memory"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let short = other.join(layer.file_name().unwrap());
    for file in fs::read_dir(generation.join("memory")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), other.join(file.file_name())).unwrap();
    }
    fs::File::options()
        .write(true)
        .open(&short)
        .unwrap()
        .set_len(PAGE)
        .unwrap();
    let broken = folder.path("broken.map");
    fs::copy(generation.join("memory.map"), &broken).unwrap();
    fs::File::options()
        .write(true)
        .open(&broken)
        .unwrap()
        .write_at(b"X", 100)
        .unwrap();
    let nowhere = folder.path("nowhere");
    for (field, value, problem) in [
        (
            "map",
            json!(nowhere),
            format!("open {}: No such file", nowhere.display()),
        ),
        (
            "map",
            json!(broken),
            format!("read the map {}: its checksum", broken.display()),
        ),
        (
            "map",
            json!(folder.folder),
            format!("{} is not a regular file", folder.folder.display()),
        ),
        (
            "size_bytes",
            json!(64 * PAGE),
            format!(
                "the map {}/memory.map is of 4096000 bytes",
                generation.display()
            ),
        ),
        (
            "layers",
            json!(null),
            "the map names layers, but the configuration no folder".into(),
        ),
        (
            "layers",
            json!(nowhere),
            format!("open {}/", nowhere.display()),
        ),
        (
            "layers",
            json!(other),
            format!(
                "the layer {} has 4096 bytes, but the map needs",
                short.display()
            ),
        ),
        (
            "state",
            json!(nowhere),
            format!("open {}: No such file", nowhere.display()),
        ),
        (
            "save_folder",
            json!(nowhere),
            format!("open the folder {}: No such file", nowhere.display()),
        ),
        (
            "save_folder",
            json!(layer),
            format!("open the folder {}: Not a directory", layer.display()),
        ),
    ] {
        let error = failure(|world, config| {
            config["memory"] = config_of("mapped", Some(&generation), None);
            config["memory"]["save_folder"] = json!(folder.path("saved"));
            config["memory"][field] = value.clone();
            put_sentinel(world, &config["memory"]);
        });
        assert_begins(&error, &problem);
    }
}

#[test]
fn a_vmm_is_not_begun_without_the_file_that_its_memory_takes_the_place_of() {
    let saved = world_to_save_in();
    let with = |spoil: &dyn Fn(&World)| {
        failure(|world, config| {
            config["memory"] = memory_config(16, None);
            config["memory"]["save_folder"] = json!(saved.path("saved"));
            spoil(world);
        })
    };
    assert_begins(&with(&|_| ()), "look at /vm/ram: No such file");
    let other_size = with(&|world| put_sentinel(world, &memory_config(15, None)));
    assert_eq!(other_size, "/vm/ram must be a file of 65536 bytes");
    let link = with(&|world| std::os::unix::fs::symlink("/ro/file", world.path("vm/ram")).unwrap());
    assert_eq!(link, "/vm/ram must be a file of 65536 bytes");
}

#[test]
fn a_memory_that_cannot_be_is_refused() {
    for (field, value, problem) in [
        (
            "size_bytes",
            json!(0),
            "memory.size_bytes must be a multiple of 4096",
        ),
        (
            "size_bytes",
            json!(4097),
            "memory.size_bytes must be a multiple of 4096",
        ),
        ("size_bytes", json!(-1), "invalid value"),
        ("mode", json!("swapped"), "unknown variant `swapped`"),
        (
            "map",
            json!("memory.map"),
            "memory.map must be an absolute path",
        ),
        (
            "layers",
            json!("/a/../b"),
            "memory.layers must be an absolute path",
        ),
        ("state", json!(""), "memory.state must be an absolute path"),
        (
            "working_set",
            json!("a"),
            "memory.working_set must be an absolute path",
        ),
        (
            "save_folder",
            json!("a"),
            "memory.save_folder must be an absolute path",
        ),
        ("save_folder", json!(null), "invalid type: null"),
        ("folder", json!("/a"), "unknown field `folder`"),
    ] {
        let error = failure(|_, config| {
            config["memory"] = memory_config(16, None);
            config["memory"]["save_folder"] = json!("/tmp");
            config["memory"][field] = value.clone();
        });
        assert_begins(&error, &format!("the configuration is wrong: {problem}"));
    }
}
