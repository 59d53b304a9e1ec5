//! What a VMM says of its memory is checked; one that says something wrong is ended, and the log says
//! why.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::support::guest::{
    add_example, memory_config, put_sentinel, start_example, world_to_save_in,
};
use crate::support::{Keeper, World, eventually};

/// As it should be.
const REGION: &str =
    r#"text:[{"base_host_virt_addr":ADDRESS,"size":65536,"offset":0,"page_size":4096}]"#;

fn start(world: &World, mode: &str, steps: &[&str]) -> Keeper {
    start_example(world, mode, "hostile-vmm", steps)
}

/// It is killed, and this is in the log.
fn assert_killed(mode: &str, steps: &[&str], reason: &str) {
    let world = world_to_save_in();
    let mut keeper = start(&world, mode, steps);
    assert!(keeper.wait().success());
    let exit: Value = serde_json::from_str(&world.read("exit.json")).unwrap();
    let end = (&exit["signal"], &exit["killed"]);
    let log = world.read("vmm.log");
    assert_eq!(end, (&json!(9), &json!(false)), "{steps:?}: {log}");
    let line = format!("roost-keeper: the VMM is killed: {reason}");
    assert!(log.contains(&line), "{steps:?}: {line:?} is not in {log:?}");
}

/// It is not: it gets through its steps, and is there.
fn assert_taken(mode: &str, steps: &[&str]) -> (World, Keeper) {
    let world = world_to_save_in();
    let keeper = start(&world, mode, steps);
    world.console_with("done");
    eventually("the memory is known", || {
        let answer = keeper.connect().ask("record_working_set");
        (answer["ok"] == json!(true)).then_some(())
    });
    (world, keeper)
}

fn wrong(problem: &str) -> String {
    format!("what the VMM says of its memory is wrong: {problem}")
}

#[test]
fn what_is_no_list_of_regions_is_refused() {
    let spaces = format!("text:{}", " ".repeat(3000));
    let endless: Vec<&str> = ["text:["]
        .into_iter()
        .chain((0..7).flat_map(|_| [&spaces[..], "send"]))
        .collect();
    assert_killed("mapped", &endless, &wrong("it is too long"));
    for (text, problem) in [
        ("text:hello", "expected value at line 1"),
        ("text:{}", "invalid type: map, expected a sequence"),
        (
            r#"text:[{"size":65536}]"#,
            "missing field `base_host_virt_addr`",
        ),
        (
            r#"text:[{"base_host_virt_addr":-1,"size":1,"offset":0}]"#,
            "invalid value: integer `-1`",
        ),
        (
            r#"text:[{"base_host_virt_addr":0,"size":65536,"offset":0,"page_size":2097152}]"#,
            "the pages at 0 are not of 4096 bytes",
        ),
        (
            r#"text:[{"base_host_virt_addr":0,"size":65536,"offset":0}]"#,
            "the pages at 0 are not of 4096 bytes",
        ),
        (r#"text:[] []"#, "trailing characters"),
    ] {
        assert_killed("mapped", &[text, "send"], &wrong(problem));
    }
    for half in [&["text:[{", "send", "close"][..], &["close"]] {
        assert_killed("mapped", half, &wrong("it ends in the middle"));
    }
}

#[test]
fn regions_that_are_not_the_whole_memory_are_refused() {
    let region = |address: &str, size: u64, offset: u64| {
        format!(
            r#"{{"base_host_virt_addr":{address},"size":{size},"offset":{offset},"page_size_kib":4096}}"#
        )
    };
    let whole_pages = "the VMM's regions of guest memory are not whole pages, side by side";
    for (regions, reason) in [
        (
            String::new(),
            "the VMM has 0 bytes of guest memory, not 65536",
        ),
        (
            region("ADDRESS", 61440, 0),
            "the VMM has 61440 bytes of guest memory, not 65536",
        ),
        (
            region("ADDRESS", 69632, 0),
            "the VMM has 69632 bytes of guest memory, not 65536",
        ),
        (region("ADDRESS", 65537, 0), whole_pages),
        (region("1", 65536, 0), whole_pages),
        (region("ADDRESS", 65536, 4096), whole_pages),
        (region("18446744073709547520", 65536, 0), whole_pages),
        (
            region("ADDRESS", 65536, 0) + "," + &region("0", 18446744073709547520, 65536),
            "the VMM has 18446744073709551615 bytes of guest memory, not 65536",
        ),
        (
            region("ADDRESS", 32768, 0) + "," + &region("ADDRESS", 32768, 0),
            whole_pages,
        ),
    ] {
        let text = format!("text:[{regions}]");
        assert_killed("mapped", &[&text, "send"], reason);
    }
}

#[test]
fn a_userfaultfd_comes_in_paged_mode_and_nothing_else_does() {
    for (mode, steps, reason) in [
        (
            "mapped",
            &[REGION, "pipe", "send"][..],
            wrong("it came with 1 descriptors, not 0"),
        ),
        (
            "paged",
            &[REGION, "send"],
            wrong("it came with 0 descriptors, not 1"),
        ),
        (
            "paged",
            &[REGION, "userfaultfd", "pipe", "send"],
            wrong("it came with 2 descriptors, not 1"),
        ),
        (
            "paged",
            &[REGION, "pipe", "send"],
            "the descriptor that the VMM has sent is no userfaultfd".into(),
        ),
    ] {
        assert_killed(mode, steps, &reason);
    }
    // More than there is room for.
    let many = [&[REGION, "userfaultfd"][..], &["pipe"; 7], &["send"]].concat();
    assert_killed(
        "paged",
        &many,
        "hear where the VMM's memory is: Argument list too long",
    );
    let nowhere = REGION.replace("ADDRESS", "18446744073709420544");
    assert_killed(
        "paged",
        &[&nowhere, "userfaultfd", "send"],
        "try the VMM's userfaultfd: Invalid argument",
    );
}

#[test]
fn a_message_may_come_in_pieces_and_say_more_than_is_known() {
    let pieces = [
        r#"text:[{"base_host_virt_addr":ADDRESS,"size":65536,"#,
        "send",
        r#"text:"offset":0,"page_size":4096,"page_size_kib":4096,"colour":"red"}"#,
        "userfaultfd",
        "send",
        "text:]",
        "send",
        "touch:0",
        "touch:15",
    ];
    let (world, keeper) = assert_taken("paged", &pieces);
    assert!(world.read("console.log").contains("page 15: 0x0"));
    // They are missing, as with a VMM that does not know which are zero; so they were asked for.
    let stats = keeper.connect().ask("stats")["memory"].clone();
    assert_eq!(stats["zero_faults"], json!(1), "{stats}");
    assert_eq!(stats["faults"], json!(1), "{stats}");
}

#[test]
fn only_the_vmm_is_listened_to_and_only_once() {
    let world = world_to_save_in();
    let keeper = start(&world, "mapped", &["pause", REGION, "send"]);
    let mut other = UnixStream::connect(world.path("vm/memory.sock")).unwrap();
    // The VMM has connected before, so it is heard first; this one waits its turn, which never comes.
    let _ = other.write_all(b"[]");
    fs::write(world.path("vm/go-on"), "").unwrap();
    world.console_with("done");
    eventually("the memory is known", || {
        let answer = keeper.connect().ask("record_working_set");
        (answer["ok"] == json!(true)).then_some(())
    });
    let refused = UnixStream::connect(world.path("vm/memory.sock"));
    assert!(refused.is_err(), "nobody listens any more");
}

#[test]
fn a_stranger_who_comes_first_is_sent_away_and_the_vmm_heard() {
    let world = world_to_save_in();
    let mut memory = memory_config(16, None);
    memory["save_folder"] = json!(world.path("saved"));
    put_sentinel(&world, &memory);
    // The shell is the VMM; it becomes the program when the stranger has spoken.
    let mut config = world.config(&format!(
        "while ! [ -e /vm/go-on ]; do busybox usleep 1000; done; exec /bin/hostile-vmm '{REGION}' send"
    ));
    add_example(&world, &mut config, "hostile-vmm");
    config["memory"] = memory;
    let keeper = Keeper::start(&config).unwrap();
    let mut stranger = UnixStream::connect(world.path("vm/memory.sock")).unwrap();
    // It may be gone by then.
    let _ = stranger.write_all(b"[]");
    eventually("it is noted", || {
        world
            .read("vmm.log")
            .contains("which is not the VMM, spoke of its memory")
            .then_some(())
    });

    fs::write(world.path("vm/go-on"), "").unwrap();

    world.console_with("done");
    assert!(keeper.vmm.is_running());
}

#[test]
fn a_fault_where_no_memory_was_told_of_ends_the_vmm() {
    let half = [
        r#"text:[{"base_host_virt_addr":140000000000000,"size":65536,"offset":0,"page_size":4096}]"#,
        "userfaultfd",
        "send",
        "touch:3",
    ];
    assert_killed(
        "paged",
        &half,
        "the page server has failed: a page fault at 0x",
    );
}

#[test]
fn a_vmm_may_end_at_any_point() {
    for steps in [
        &["exit"][..],
        &["text:[{", "send", "exit"],
        &[REGION, "userfaultfd", "send", "exit"],
        &[REGION, "userfaultfd", "send", "touch:1", "exit"],
    ] {
        let world = world_to_save_in();
        let mut keeper = start(&world, "paged", steps);
        assert!(keeper.wait().success(), "{steps:?}");
        let exit: Value = serde_json::from_str(&world.read("exit.json")).unwrap();
        // A message that ends in the middle may be noted before the end itself.
        let as_it_did = exit["code"] == json!(7) || exit["signal"] == json!(9);
        assert!(as_it_did, "{steps:?}: {exit}");
    }
}
