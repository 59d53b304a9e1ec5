//! What can be asked of the keeper about saving, and when.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use serde_json::json;

use crate::support::guest::{
    Guest, ask_to_save, give_to_vmm, memory_config, put_sentinel, world_to_save_in,
};
use crate::support::saves::{assert_empty, assert_refused, begun};
use crate::support::{Keeper, UID, WAIT, World};

#[test]
fn to_cancel_where_nothing_is_saved_is_no_error() {
    let world = world_to_save_in();
    let guest = Guest::start(&world, 16, None);
    assert_eq!(
        guest.keeper.connect().ask("cancel_save"),
        json!({ "ok": true })
    );
}

#[test]
fn device_state_that_came_before_the_request_is_taken() {
    let world = world_to_save_in();
    let mut guest = Guest::start(&world, 16, None);
    guest.command("state 10");
    let mut client = guest.keeper.connect();
    ask_to_save(&mut client, "1", 1);
    assert_eq!(client.line().unwrap()["state_bytes"], json!(10));
}

#[test]
fn there_is_one_save_at_a_time_and_the_keeper_answers_meanwhile() {
    let world = world_to_save_in();
    let mut guest = Guest::start(&world, 16, None);
    let mut first = guest.keeper.connect();
    ask_to_save(&mut first, "1", 1);
    begun(&world, "1");

    let mut second = guest.keeper.connect();
    ask_to_save(&mut second, "2", 1);

    assert_refused(&second.line().unwrap(), "under way");
    assert_eq!(second.ask("status")["ok"], json!(true));
    guest.command("state 5");
    assert_eq!(first.line().unwrap()["ok"], json!(true));
    assert!(!world.path("saved/2").exists());
}

#[test]
fn a_client_that_goes_does_not_keep_the_next_from_saving() {
    let world = world_to_save_in();
    let mut guest = Guest::start(&world, 16, None);
    let mut client = guest.keeper.connect();
    ask_to_save(&mut client, "1", 1);
    begun(&world, "1");
    drop(client);
    assert_eq!(guest.keeper.connect().ask("cancel_save")["ok"], json!(true));
    guest.saved("1", 1);
}

#[test]
fn a_request_that_is_wrong_is_refused_before_anything_is_made() {
    let world = world_to_save_in();
    let guest = Guest::start(&world, 16, None);
    for request in [
        json!({ "op": "save" }),
        json!({ "op": "save", "name": "1" }),
        json!({ "op": "save", "generation": 1 }),
        json!({ "op": "save", "name": "1", "generation": 0 }),
        json!({ "op": "save", "name": "", "generation": 1 }),
        json!({ "op": "save", "name": ".", "generation": 1 }),
        json!({ "op": "save", "name": "../vm", "generation": 1 }),
        json!({ "op": "save", "name": "a/b", "generation": 1 }),
        json!({ "op": "status", "name": "1" }),
        json!({ "op": "kill", "generation": 1 }),
    ] {
        let mut client = guest.keeper.connect();
        client.send(&format!("{request}\n"));
        let answer = client.line().unwrap();
        assert_eq!(answer["ok"], json!(false), "{request}: {answer}");
    }
    assert_empty(&world.path("saved"));
    assert!(guest.keeper.vmm.is_running());
}

#[test]
fn without_memory_of_the_keepers_there_is_nothing_to_save() {
    let world = World::new();
    let keeper = world.start(WAIT);
    let mut client = keeper.connect();
    ask_to_save(&mut client, "1", 1);
    assert_refused(&client.line().unwrap(), "without memory");
}

#[test]
fn a_folder_that_others_could_write_to_or_read_is_refused_at_the_start() {
    let world = world_to_save_in();
    let folder = world.path("saved");
    let mut memory = memory_config(16, None);
    memory["save_folder"] = json!(folder);
    put_sentinel(&world, &memory);
    let mut config = world.config(WAIT);
    config["memory"] = memory;
    for (uid, mode) in [
        (UID, 0o750),
        (UID, 0o701),
        (UID, 0o1700),
        (UID + 1, 0o700),
        (0, 0o700),
    ] {
        chown(&folder, Some(uid), None).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        let error = Keeper::start(&config).err().expect("it must not start");
        assert!(error.contains("must belong to"), "{uid} {mode:o}: {error}");
    }
    give_to_vmm(&folder);
    assert!(Keeper::start(&config).is_ok());
}
