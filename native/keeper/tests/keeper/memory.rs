//! The guest's memory is what its generation says, page for page: in both modes alike.

use std::fs;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use memory_format::{LayerId, Map, Packer, WorkingSet};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

use crate::support::guest::{
    Guest, PAGE, assert_same, memory_config, memory_in, put_sentinel, world_to_save_in,
};
use crate::support::{Keeper, WAIT, World, assert_begins, failure};

const MODES: [&str; 2] = ["mapped", "paged"];
/// No multiple of what is brought at a time.
const PAGES: u64 = 1000;

/// The same with a mode and perhaps a working set.
fn config(mode: &str, from: Option<&Path>, working_set: Option<&Path>) -> Value {
    let mut memory = memory_config(PAGES, from);
    memory["mode"] = json!(mode);
    memory["working_set"] = json!(working_set);
    memory
}

/// Three generations in one folder, the last of many small ranges of all three and of zeros.
fn three_generations(world: &World) -> PathBuf {
    let mut guest = Guest::start_with(world, config("mapped", None, None));
    guest.write(3, 700, 1);
    guest.saved("1", 1);
    let mut from = world.path("saved/1");
    for generation in [2, 3] {
        drop(guest);
        guest = Guest::start_with(world, config("mapped", Some(&from), None));
        for page in (generation..PAGES - 40).step_by(37) {
            guest.write(page, 1 + page % 3, page);
        }
        guest.command(&format!("zero {} {}", (100 * generation) * PAGE, 20 * PAGE));
        guest.saved(&generation.to_string(), generation);
        let next = world.path(&format!("saved/{generation}"));
        share_layers(&from, &next);
        from = next;
    }
    from
}

/// A generation holds the layers of those before it.
fn share_layers(from: &Path, to: &Path) {
    for layer in fs::read_dir(from.join("memory")).unwrap() {
        let layer = layer.unwrap();
        let place = to.join("memory").join(layer.file_name());
        fs::hard_link(layer.path(), place).unwrap();
    }
}

#[test]
fn every_page_is_as_the_map_says() {
    for mode in MODES {
        let world = world_to_save_in();
        let generation = three_generations(&world);
        let expected = memory_in(&generation, &[]);
        assert!(expected.iter().any(|&byte| byte != 0));

        let mut guest = Guest::start_with(&world, config(mode, Some(&generation), None));

        assert_same(&guest.memory(), &expected);
        assert_same(&guest.memory(), &expected);
    }
}

#[test]
fn a_memory_without_a_map_is_zero() {
    for mode in MODES {
        let world = world_to_save_in();
        let mut guest = Guest::start_with(&world, config(mode, None, None));
        assert_same(&guest.memory(), &vec![0; (PAGES * PAGE) as usize]);
    }
}

#[test]
fn generations_go_on_from_each_other_whatever_the_mode() {
    let world = world_to_save_in();
    let mut from = three_generations(&world);
    for (number, mode) in (4..).zip(["paged", "paged", "mapped", "paged", "mapped"]) {
        let mut guest = Guest::start_with(&world, config(mode, Some(&from), None));
        // Partly over what layers hold, partly over zeros, and without looking first.
        guest.write(number * 50, 30, number);
        guest.write(PAGES - number, 1, number);
        guest.command(&format!("zero {} {}", number * 60 * PAGE, 5 * PAGE));

        let answer = guest.saved(&number.to_string(), number);

        let next = world.path(&format!("saved/{number}"));
        fs::create_dir_all(next.join("memory")).unwrap();
        share_layers(&from, &next);
        assert_same(&memory_in(&next, &[]), &guest.memory());
        assert!(answer["written_pages"].as_u64().unwrap() <= 31, "{answer}");
        from = next;
    }
}

#[test]
fn a_line_of_more_generations_than_a_process_may_usually_have_files_open_is_restored() {
    // What a shell has by default. The other tests do with it.
    let limit = getrlimit(Resource::Nofile);
    let usual = Rlimit {
        current: Some(1024),
        ..limit
    };
    setrlimit(Resource::Nofile, usual).unwrap();
    for mode in MODES {
        let world = world_to_save_in();
        let folder = world.path("line");
        fs::create_dir_all(folder.join("memory")).unwrap();
        let mut map = Map::zero(PAGES * PAGE);
        // Every other page, so that nothing is merged.
        for generation in 1..=PAGES / 2 {
            let id = LayerId::from_bytes(u128::from(generation).to_be_bytes()).unwrap();
            let layer = fs::File::create(folder.join("memory").join(id.file_name())).unwrap();
            let mut packer = Packer::new(&map, generation, id, layer);
            let page = [generation as u8 | 1; PAGE as usize];
            packer.pages((generation - 1) * 2 * PAGE, &page).unwrap();
            map = packer.finish().unwrap().map;
        }
        fs::write(folder.join("memory.map"), map.to_bytes()).unwrap();

        let mut guest = Guest::start_with(&world, config(mode, Some(&folder), None));

        assert_same(&guest.memory(), &memory_in(&folder, &[]));
    }
}

#[test]
fn what_was_used_is_recorded_and_present_the_next_time() {
    for mode in MODES {
        let world = world_to_save_in();
        let generation = three_generations(&world);
        let mut guest = Guest::start_with(&world, config(mode, Some(&generation), None));
        for page in [640, 64, 200] {
            guest.command(&format!("touch {} {PAGE}", page * PAGE));
        }

        let recorded = guest.keeper.connect().ask("record_working_set");

        let file = world.path("saved/working-set");
        assert_eq!(recorded["bytes"], json!(fs::metadata(&file).unwrap().len()));
        let set = WorkingSet::read(&file, PAGES * PAGE).unwrap();
        let pages: u64 = set.runs().iter().map(|run| run.pages).sum();
        assert!(pages >= 3, "{set:?}");
        // Neighbours come along (64 KiB in the one mode, what the kernel likes in the other).
        assert!(pages < 100, "{set:?}");
        let holds = |page| {
            set.runs()
                .iter()
                .position(|run| (run.first..run.first + run.pages).contains(&page))
        };
        let (first, second) = (holds(640).unwrap(), holds(64).unwrap());
        if mode == "paged" {
            assert!(first < second, "in the order of use: {set:?}");
        }
        assert_eq!(holds(500), None, "{set:?}");
        drop(guest);

        let memory = config(mode, Some(&generation), Some(&file));
        let mut guest = Guest::start_with(&world, memory);
        assert_same(&guest.memory(), &memory_in(&generation, &[]));
    }
}

#[test]
fn a_working_set_that_is_broken_is_ignored_and_one_that_repeats_itself_harmless() {
    for mode in MODES {
        let world = world_to_save_in();
        let generation = three_generations(&world);
        let expected = memory_in(&generation, &[]);
        let file = world.path("set");
        let mut repeating = WorkingSet::new();
        for _ in 0..200 {
            for first in [0, 7, 3, 998] {
                let pages = PAGES - first;
                repeating.push(memory_format::PageRun { first, pages });
            }
        }
        for bytes in [
            repeating.to_bytes(),
            b"ROOSTWSS".into(),
            Vec::new(),
            vec![0xFF; 4096],
        ] {
            fs::write(&file, bytes).unwrap();
            let memory = config(mode, Some(&generation), Some(&file));
            assert_same(&Guest::start_with(&world, memory).memory(), &expected);
        }
        let log = world.read("vmm.log");
        assert_eq!(
            log.matches("the working set is ignored").count(),
            3,
            "{log}"
        );
        let nowhere = world.path("nowhere");
        let memory = config(mode, Some(&generation), Some(&nowhere));
        assert_same(&Guest::start_with(&world, memory).memory(), &expected);
    }
}

#[test]
fn the_vmm_is_left_no_descriptor_by_which_it_could_reach_more() {
    for (mode, expected) in MODES.into_iter().zip([0, 1]) {
        let world = world_to_save_in();
        let generation = three_generations(&world);
        let guest = Guest::start_with(&world, config(mode, Some(&generation), None));
        let descriptors: Vec<_> = guest
            .keeper
            .vmm
            .descriptors()
            .into_iter()
            .map(|(_, path)| path.to_str().unwrap().to_owned())
            .collect();
        let count = |text: &str| {
            descriptors
                .iter()
                .filter(|path| path.contains(text))
                .count()
        };
        assert_eq!(count(".layer"), 0, "{descriptors:?}");
        assert_eq!(count("/dev/userfaultfd"), 0, "{descriptors:?}");
        // Its own copy, so that what is missing stays missing when the keeper is gone.
        assert_eq!(
            count("anon_inode:[userfaultfd]"),
            expected,
            "{descriptors:?}"
        );
    }
}

#[test]
fn the_device_state_is_sent_once_the_memory_is_there() {
    let world = world_to_save_in();
    let state: Vec<u8> = (0..3_000_000_u32).map(|byte| byte as u8).collect();
    fs::write(world.path("state"), &state).unwrap();
    let mut memory = memory_config(16, None);
    memory["state"] = json!(world.path("state"));
    let guest = Guest::start_with(&world, memory);
    let mut client = guest.keeper.connect();

    let refused = client.ask("send_state");
    assert_eq!(refused["ok"], json!(false));
    let error = refused["error"].as_str().unwrap();
    assert_begins(error, "connect to /vm/incoming.sock: No such file");
    let vmm = UnixListener::bind(world.path("vm/incoming.sock")).unwrap();
    let everyone = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(world.path("vm/incoming.sock"), everyone).unwrap();
    client.send("{\"op\": \"send_state\"}\n");
    let mut received = Vec::new();
    vmm.accept().unwrap().0.read_to_end(&mut received).unwrap();

    assert!(received == state);
    let answer = client.line().unwrap();
    assert_eq!(answer["state_bytes"], json!(state.len()), "{answer}");
}

#[test]
fn without_word_of_the_memory_nothing_is_sent_saved_or_recorded() {
    let world = world_to_save_in();
    let mut config = world.config(WAIT);
    config["memory"] = memory_config(16, None);
    config["memory"]["save_folder"] = json!(world.path("saved"));
    put_sentinel(&world, &config["memory"]);
    let keeper = Keeper::start(&config).unwrap();
    let mut client = keeper.connect();
    for operation in ["send_state", "record_working_set"] {
        let error = client.ask(operation)["error"].as_str().unwrap().to_owned();
        assert_eq!(error, "the VMM has not told where its memory is");
    }
    crate::support::guest::ask_to_save(&mut client, "1", 1);
    let answer = client.line().unwrap();
    assert_eq!(
        answer["error"],
        json!("the VMM has not told where its memory is")
    );
    assert_eq!(client.ask("stats")["memory"]["mode"], json!("mapped"));
}

#[test]
fn a_layer_that_cannot_be_read_ends_the_vmm_instead_of_showing_something_else() {
    for mode in MODES {
        let world = world_to_save_in();
        let generation = three_generations(&world);
        let layers = fs::read_dir(generation.join("memory")).unwrap();
        let layers: Vec<_> = layers.map(|layer| layer.unwrap().path()).collect();
        let mut guest = Guest::start_with(&world, config(mode, Some(&generation), None));
        // As a disk that fails would: the file is as long as it was when it was opened.
        for layer in layers {
            fs::File::options()
                .write(true)
                .open(layer)
                .unwrap()
                .set_len(0)
                .unwrap();
        }

        guest.begin("dump");

        guest.keeper.wait();
        let exit: Value = serde_json::from_str(&world.read("exit.json")).unwrap();
        let log = world.read("vmm.log");
        if mode == "paged" {
            assert_eq!(exit["signal"], json!(9), "{exit}");
            assert!(
                log.contains("the page server has failed: bring the page at 0x"),
                "{log}"
            );
        } else {
            assert_ne!(exit["code"], json!(0), "{exit}");
        }
        let dump = fs::read(world.path("vm/dump")).unwrap_or_default();
        assert!(
            dump.iter().all(|&byte| byte == 0),
            "only what is zero was seen"
        );
    }
}

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
            config["memory"] = self::config("mapped", Some(&generation), None);
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
