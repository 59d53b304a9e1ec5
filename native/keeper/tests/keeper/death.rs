//! How a keeper and its VMM end: together, and with a record of it.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Keeper, Process, WAIT, World, eventually};

/// The exit file's object, without its time.
fn exit(world: &World) -> Value {
    let text = world.read("exit.json");
    assert!(text.ends_with("}\n"), "{text:?}");
    timeless(&serde_json::from_str(&text).unwrap())
}

fn timeless(exit: &Value) -> Value {
    assert!(
        exit["at_ms"].as_u64().unwrap() > 1_700_000_000_000,
        "{exit}"
    );
    json!({ "code": exit["code"], "signal": exit["signal"], "killed": exit["killed"] })
}

#[test]
fn when_the_keeper_is_killed_the_vmm_dies_and_the_exit_file_stays_empty() {
    let world = World::new();
    let mut keeper = world.start(&format!("busybox sleep 3600 & {WAIT}"));
    let mut client = keeper.connect();

    keeper.process.signal(Signal::KILL);

    keeper.vmm.ended();
    keeper.wait();
    assert_eq!(client.line(), None, "a connection just ends");
    assert_eq!(world.read("exit.json"), "");
}

#[test]
fn when_the_vmm_is_killed_the_keeper_records_it_tells_everyone_and_ends() {
    let world = World::new();
    let mut keeper = world.start(WAIT);
    let mut clients = [keeper.connect(), keeper.connect()];
    for client in &mut clients {
        client.ask("status");
    }

    keeper.vmm.signal(Signal::KILL);

    let expected = json!({ "code": null, "signal": 9, "killed": false });
    for client in &mut clients {
        let event = client.line().unwrap();
        assert_eq!(event["event"], json!("exit"));
        assert_eq!(timeless(&event["exit"]), expected);
        assert_eq!(exit(&world), expected, "the file is there before the event");
        assert_eq!(client.line(), None);
    }
    assert!(keeper.wait().success());
}

#[test]
fn a_vmm_that_ends_by_itself_leaves_its_status_and_its_last_words() {
    let world = World::new();
    let mut keeper = world.start("echo last words; echo a complaint >&2; exit 3");

    assert!(keeper.wait().success());

    assert_eq!(
        exit(&world),
        json!({ "code": 3, "signal": null, "killed": false })
    );
    assert_eq!(world.read("console.log"), "last words\n");
    assert_eq!(world.read("vmm.log"), "a complaint\n");
}

#[test]
fn kill_answers_when_the_vmm_is_gone() {
    let world = World::new();
    // Process 1 of a namespace that handles a signal: SIGTERM would not end it.
    let mut keeper = world.start(&format!(
        "trap 'echo no' TERM; echo set; while true; do {WAIT}; done"
    ));
    world.console_with("set");
    let mut client = keeper.connect();

    client.send("{\"op\": \"kill\", \"id\": 5}\n");

    let answer = client.line().unwrap();
    assert_eq!((&answer["ok"], &answer["id"]), (&json!(true), &json!(5)));
    assert_eq!(
        timeless(&answer["exit"]),
        json!({ "code": null, "signal": 9, "killed": true })
    );
    assert!(!keeper.vmm.is_running());
    assert_eq!(client.line().unwrap()["event"], json!("exit"));
    assert_eq!(client.line(), None);
    assert!(keeper.wait().success());
    assert_eq!(
        exit(&world),
        json!({ "code": null, "signal": 9, "killed": true })
    );
}

#[test]
fn a_kill_is_carried_out_even_if_who_asked_does_not_wait() {
    let world = World::new();
    let mut keeper = world.start(WAIT);

    keeper.connect().send("{\"op\": \"kill\"}\n");

    assert!(keeper.wait().success());
    assert_eq!(exit(&world)["killed"], json!(true));
}

#[test]
fn nothing_that_the_vmm_started_outlives_it() {
    let world = World::new();
    let keeper = world.start(&format!(
        "busybox setsid busybox sleep 3600 & echo started; {WAIT}"
    ));
    world.console_with("started");
    let child = eventually("the VMM has a child", || {
        let children = keeper
            .vmm
            .file(&format!("task/{}/children", keeper.vmm.pid));
        children
            .split_whitespace()
            .next()
            .and_then(|pid| pid.parse().ok())
            .map(Process::open)
    });

    keeper.vmm.signal(Signal::KILL);

    child.ended();
}

#[test]
fn sigterm_to_the_keeper_is_a_kill_and_a_terminals_signals_are_ignored() {
    let world = World::new();
    let mut keeper = world.start(WAIT);

    keeper.process.signal(Signal::INT);
    keeper.process.signal(Signal::HUP);
    assert_eq!(keeper.connect().ask("status")["state"], json!("running"));
    keeper.process.signal(Signal::TERM);

    assert!(keeper.wait().success());
    assert_eq!(
        exit(&world),
        json!({ "code": null, "signal": 9, "killed": true })
    );
}

#[test]
fn a_sandbox_outlives_whoever_started_its_keeper() {
    let world = World::new();
    let config = world.config(WAIT).to_string();
    // A shell in the agent's place: it starts the keeper, waits for its word, and ends.
    let script = "exec 3<&0; \"$0\" <&3 >\"$1\" & exec 3<&-
                  while ! [ -s \"$1\" ]; do /bin/busybox usleep 1000; done";
    let mut agent = Command::new("/bin/busybox")
        .args(["sh", "-c", script])
        .arg(env!("CARGO_BIN_EXE_roost-keeper"))
        .arg(world.path("said"))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    agent
        .stdin
        .take()
        .unwrap()
        .write_all(config.as_bytes())
        .unwrap();
    assert!(agent.wait().unwrap().success());

    let said: Value = serde_json::from_str(&world.read("said")).unwrap();
    let process =
        |field: &str| Process::open(i32::try_from(said[field].as_i64().unwrap()).unwrap());
    let (keeper, vmm) = (process("keeper_pid"), process("vmm_pid"));
    let mut client = Keeper::connect_to(&world.path("keeper.sock"));
    assert_eq!(client.ask("status")["vmm_pid"], json!(vmm.pid));
    client.ask("kill");
    keeper.ended();
}

#[test]
fn a_socket_left_by_a_keeper_that_is_gone_is_replaced_and_logs_are_continued() {
    let world = World::new();
    let mut first = world.start("echo one");
    first.wait();
    assert_eq!(exit(&world)["code"], json!(0));
    assert!(
        fs::exists(world.path("keeper.sock")).unwrap(),
        "it stays: the keeper could not remove it"
    );

    let mut second = world.start(&format!("echo two; {WAIT}"));

    assert_eq!(world.console_with("two"), "one\ntwo\n");
    assert_eq!(world.read("exit.json"), "", "it is about this VMM now");
    second.connect().ask("kill");
    second.wait();
}

#[test]
fn one_socket_is_never_served_by_two_keepers() {
    let world = World::new();
    let keeper = world.start(&format!("echo first; {WAIT}"));
    world.console_with("first");

    let error = Keeper::start(&world.config("echo second")).err().unwrap();

    assert!(error.starts_with("a keeper answers already on "), "{error}");
    assert_eq!(
        keeper.connect().ask("status")["vmm_pid"],
        json!(keeper.vmm.pid)
    );
    assert_eq!(world.read("console.log"), "first\n");
    assert_eq!(
        world
            .names()
            .iter()
            .filter(|name| name.ends_with(".log"))
            .count(),
        2
    );
}
