//! `save`: what the guest has changed is on the disk, all of it and little else.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use memory_format::Map;
use serde_json::json;

use crate::support::guest::{Guest, PAGE, assert_same, memory_in, world_to_save_in};

#[test]
fn a_first_generation_holds_what_was_written_and_no_zero_page() {
    let world = world_to_save_in();
    let mut guest = Guest::start(&world, 4096, None);
    guest.write(0, 1, 1);
    guest.write(10, 700, 2);
    guest.write(4095, 1, 3);
    // Written, but zero again; and only ever looked at.
    guest.write(2000, 10, 4);
    guest.command(&format!("zero {} {}", 2000 * PAGE, 10 * PAGE));
    guest.command(&format!("touch {} {}", 3000 * PAGE, 10 * PAGE));

    let answer = guest.saved("1", 1);

    let folder = world.path("saved/1");
    assert_same(&memory_in(&folder, &[]), &guest.memory());
    assert_eq!(answer["scanned_pages"], json!(4096));
    assert_eq!(answer["written_pages"], json!(702));
    assert_eq!(answer["state_bytes"], json!(70000));
    assert_eq!(fs::read(folder.join("vmstate")).unwrap(), [b's'; 70000]);
    let map = Map::read(&folder.join("memory.map")).unwrap();
    let layer = map.own_layer().unwrap();
    assert_eq!(answer["layer_id"], json!(layer.to_string()));
    assert_eq!(map.root_layer(), Some(layer));
    assert_eq!(map.generation(), 1);
    let layer = folder.join("memory").join(layer.file_name());
    assert_eq!(fs::metadata(layer).unwrap().len(), 702 * PAGE);
}

#[test]
fn the_answer_says_of_every_file_its_size_and_checksum() {
    let world = world_to_save_in();
    let mut guest = Guest::start(&world, 64, None);
    guest.write(3, 5, 1);

    let answer = guest.saved("one", 1);

    let folder = world.path("saved/one");
    let layer = format!("memory/{}.layer", answer["layer_id"].as_str().unwrap());
    let mut expected: Vec<_> = ["memory.map", &layer, "vmstate"]
        .into_iter()
        .map(|name| {
            let bytes = fs::read(folder.join(name)).unwrap();
            let checksum = blake3::hash(&bytes).to_string();
            json!({ "name": name, "size": bytes.len(), "checksum": checksum })
        })
        .collect();
    expected.sort_by_key(|file| file["name"].to_string());
    let mut files = answer["files"].as_array().unwrap().clone();
    files.sort_by_key(|file| file["name"].to_string());
    assert_eq!(files, expected);
    for path in [folder.clone(), folder.join("memory")] {
        assert_eq!(
            fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }
}

#[test]
fn a_later_generation_holds_only_what_changed_since() {
    let world = world_to_save_in();
    let first = world.path("saved/1");
    let mut guest = Guest::start(&world, 2048, None);
    guest.write(100, 1000, 1);
    guest.saved("1", 1);
    let before = guest.memory();
    drop(guest);

    let mut guest = Guest::start(&world, 2048, Some(&first));
    assert_same(&guest.memory(), &before);
    // Over the layer, over zeros, across the end of the layer, to zero, and only looked at.
    guest.write(200, 3, 2);
    guest.write(1500, 2, 3);
    guest.write(1099, 2, 4);
    guest.command(&format!("zero {} {}", 300 * PAGE, 4 * PAGE));
    guest.command(&format!("touch {} {}", 500 * PAGE, 100 * PAGE));
    let answer = guest.saved("2", 2);

    assert_same(
        &memory_in(&world.path("saved/2"), &[&first]),
        &guest.memory(),
    );
    assert_eq!(answer["written_pages"], json!(7));
    // The pages that became zero are changed, though not written.
    assert_eq!(answer["changed_pages"], json!(11));
    let maps = [1, 2].map(|n| Map::read(&world.path(&format!("saved/{n}/memory.map"))).unwrap());
    assert_eq!(maps[1].root_layer(), maps[0].own_layer());
}

#[test]
fn a_generation_in_which_nothing_changed_has_no_layer() {
    let world = world_to_save_in();
    let first = world.path("saved/1");
    let mut guest = Guest::start(&world, 64, None);
    guest.write(0, 64, 1);
    guest.saved("1", 1);
    drop(guest);
    let mut guest = Guest::start(&world, 64, Some(&first));

    let answer = guest.saved("2", 2);

    assert_eq!(answer["layer_id"], json!(null));
    assert_eq!(answer["written_pages"], json!(0));
    assert_eq!(
        fs::read_dir(world.path("saved/2/memory")).unwrap().count(),
        0
    );
    assert_same(
        &memory_in(&world.path("saved/2"), &[&first]),
        &guest.memory(),
    );
}

#[test]
fn memory_can_be_saved_again_and_again_while_the_guest_goes_on() {
    let world = world_to_save_in();
    let mut guest = Guest::start(&world, 512, None);
    for turn in 1..=5 {
        guest.write(turn * 30, 20, turn);
        let name = format!("try-{turn}");
        guest.saved(&name, 1);
        // Each by itself is the whole: none of them became another's parent.
        assert_same(
            &memory_in(&world.path("saved").join(&name), &[]),
            &guest.memory(),
        );
    }
}

#[test]
fn what_has_the_name_already_is_replaced() {
    let world = world_to_save_in();
    let mut guest = Guest::start(&world, 512, None);
    guest.write(0, 100, 1);
    guest.saved("1", 1);
    guest.write(50, 100, 2);
    guest.saved("1", 1);
    assert_same(&memory_in(&world.path("saved/1"), &[]), &guest.memory());
    assert_eq!(
        fs::read_dir(world.path("saved/1/memory")).unwrap().count(),
        1
    );
}

#[test]
fn scattered_pages_are_saved_as_well_as_long_runs() {
    let world = world_to_save_in();
    let first = world.path("saved/1");
    let mut guest = Guest::start(&world, 24576, None);
    guest.write(0, 12000, 1);
    // More runs than a batch, or one look of the scan, holds.
    guest.command(&format!(
        "write-every-other-page {} {} 7",
        12001 * PAGE,
        12000 * PAGE
    ));
    let answer = guest.saved("1", 1);
    assert_eq!(answer["written_pages"], json!(12000 + 6000));
    let before = guest.memory();
    assert_same(&memory_in(&first, &[]), &before);
    drop(guest);
    assert_same(&Guest::start(&world, 24576, Some(&first)).memory(), &before);
}

#[test]
fn pages_in_swap_are_pages() {
    let swaps = fs::read_to_string("/proc/swaps").unwrap();
    if swaps.lines().count() < 2 {
        println!("not tried: this machine has no swap");
        return;
    }
    let world = world_to_save_in();
    let first = world.path("saved/1");
    let mut guest = Guest::start(&world, 1024, None);
    guest.write(0, 512, 1);
    guest.saved("1", 1);
    drop(guest);
    let mut guest = Guest::start(&world, 1024, Some(&first));
    guest.write(256, 512, 2);
    guest.command(&format!("page-out {} {}", 256 * PAGE, 512 * PAGE));

    let answer = guest.saved("2", 2);

    assert_eq!(answer["written_pages"], json!(512));
    assert_same(
        &memory_in(&world.path("saved/2"), &[&first]),
        &guest.memory(),
    );
}
