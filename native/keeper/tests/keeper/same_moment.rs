//! What happens at the same moment as the VMM's end. To the keeper it is one moment, because it is
//! stopped meanwhile.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Keeper, World, eventually};

/// A VMM that goes on with `script` when told to.
fn start_waiting(world: &World, script: &str) -> Keeper {
    let wait = "until [ -e /vm/go ]; do busybox usleep 1000; done";
    world.start(&format!("{wait}; {script}"))
}

/// Does something while the keeper is stopped and its VMM ends.
fn as_the_vmm_ends(world: &World, keeper: &Keeper, act: impl FnOnce()) {
    keeper.process.signal(Signal::STOP);
    eventually("the keeper is stopped", || {
        keeper
            .process
            .status("State")
            .starts_with('T')
            .then_some(())
    });
    act();
    fs::write(world.path("vm/go"), "").unwrap();
    keeper.vmm.ended();
    keeper.process.signal(Signal::CONT);
}

#[test]
fn who_connects_as_the_vmm_ends_is_told_how() {
    let world = World::new();
    let mut keeper = start_waiting(&world, "exit 3");
    let mut clients = Vec::new();

    as_the_vmm_ends(&world, &keeper, || {
        clients.extend((0..5).map(|_| keeper.connect()));
    });

    for client in &mut clients {
        assert_eq!(client.line().unwrap()["exit"]["code"], json!(3));
        assert_eq!(client.line(), None);
    }
    assert!(keeper.wait().success());
}

#[test]
fn a_kill_that_comes_as_the_vmm_ends_by_itself_did_not_end_it() {
    let world = World::new();
    let mut keeper = start_waiting(&world, "exit 3");
    let mut client = keeper.connect();
    client.ask("status");

    as_the_vmm_ends(&world, &keeper, || client.send("{\"op\":\"kill\"}\n"));

    let answer = client.line().unwrap();
    assert_eq!(answer["ok"], json!(true));
    assert_eq!(answer["exit"]["code"], json!(3));
    assert_eq!(answer["exit"]["killed"], json!(false));
    assert!(keeper.wait().success());
}

#[test]
fn a_request_that_comes_too_late_does_not_spoil_the_news() {
    let world = World::new();
    let mut keeper = start_waiting(&world, "exit 3");
    let mut client = keeper.connect();
    client.ask("status");

    as_the_vmm_ends(&world, &keeper, || {
        client.send(&format!(
            "{{\"op\":\"kill\"}}\n{}",
            "{\"op\":\"status\"}\n".repeat(1000)
        ));
    });

    assert_eq!(client.line().unwrap()["exit"]["code"], json!(3));
    assert_eq!(client.line().unwrap()["event"], json!("exit"));
    assert_eq!(client.end(), Ok(()), "an end, and no error");
    assert!(keeper.wait().success());
}

#[test]
fn all_that_the_vmm_wrote_before_it_ended_is_in_its_log() {
    let world = World::new();
    let mut keeper = start_waiting(&world, "busybox seq 1 100000");
    // A pipe that holds many times what is read at once.
    let pipe = fs::OpenOptions::new()
        .write(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(keeper.vmm.path("fd/1"))
        .unwrap();
    rustix::pipe::fcntl_setpipe_size(&pipe, 1024 * 1024).unwrap();
    drop(pipe);

    as_the_vmm_ends(&world, &keeper, || {});

    assert!(keeper.wait().success());
    assert!(world.read("console.log").ends_with("\n99999\n100000\n"));
}
