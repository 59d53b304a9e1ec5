//! The guest's memory is what its generation says, page for page: in both modes alike.

use std::fs;
use std::io::Read;
use std::os::unix::net::UnixListener;

use memory_format::{LayerId, Map, Packer};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

use crate::support::generations::{MODES, PAGES, config, share_layers, three_generations};
use crate::support::guest::{
    Guest, PAGE, assert_same, memory_config, memory_in, put_sentinel, world_to_save_in,
};
use crate::support::{Keeper, WAIT, assert_begins};

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
