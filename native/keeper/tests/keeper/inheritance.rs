//! What the VMM is handed over `exec`, and what the keeper keeps.

use std::fs;
use std::os::unix::fs::MetadataExt;

use serde_json::json;

use crate::support::{Keeper, TAP_FD, WAIT, World};

#[test]
fn the_arguments_are_exactly_those_asked_for() {
    let world = World::new();
    let mut config = world.config("");
    let script = "for a; do echo \"<$a>\"; done; echo done; busybox sleep 3600";
    config["argv"] = json!([
        "/bin/busybox",
        "sh",
        "-c",
        script,
        "sh",
        "",
        "a  b",
        "é'$(x)"
    ]);

    let keeper = Keeper::start(&config).unwrap();

    assert_eq!(world.console_with("done"), "<>\n<a  b>\n<é'$(x)>\ndone\n");
    drop(keeper);
}

#[test]
fn the_environment_is_exactly_the_one_asked_for() {
    let world = World::new();
    let mut config = world.config("");
    // Not a shell, which would add to it.
    config["argv"] = json!(["/bin/busybox", "sleep", "3600"]);
    config["env"] = json!({ "PATH": "/bin", "A": "", "B": "x=y z\n" });

    let keeper = Keeper::start(&config).unwrap();

    assert_eq!(keeper.vmm.file("environ"), "A=\0B=x=y z\n\0PATH=/bin\0");
}

#[test]
fn the_vmm_inherits_its_four_descriptors_and_no_other() {
    let world = World::new();
    let keeper = world.start(&format!("echo out; echo err >&2; echo done; {WAIT}"));
    world.console_with("done");

    let descriptors = keeper.vmm.descriptors();
    let numbers: Vec<_> = descriptors.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [0, 1, 2, TAP_FD], "{descriptors:?}");
    assert_eq!(descriptors[0].1.to_str(), Some("/dev/null"));
    assert_eq!(descriptors[3].1.to_str(), Some("/dev/net/tun"));
    let tap = keeper.vmm.file(&format!("fdinfo/{TAP_FD}"));
    assert!(tap.lines().any(|line| line == "iff:\ttap0"), "{tap}");
    assert_eq!(world.read("vmm.log"), "err\n");
}

#[test]
fn any_number_can_be_the_taps_and_a_vmm_can_do_without_one() {
    for tap_fd in [3, 4, 5, 6, 7, 8, 10, 12, 20, 255] {
        let world = World::new();
        let mut config = world.config(WAIT);
        config["tap_fd"] = json!(tap_fd);
        let keeper = Keeper::start(&config).unwrap();
        let descriptors = keeper.vmm.descriptors();
        assert_eq!(descriptors.len(), 4, "{descriptors:?}");
        assert_eq!(descriptors[3], (tap_fd, "/dev/net/tun".into()));
    }
    let world = World::new();
    let mut config = world.config(WAIT);
    config["tap"] = json!(null);
    assert_eq!(Keeper::start(&config).unwrap().vmm.descriptors().len(), 3);
}

#[test]
fn the_vmm_begins_with_plain_signals_a_strict_umask_and_no_core_dumps() {
    let world = World::new();
    // A shell ignores signals of its own.
    let mut config = world.config("");
    config["argv"] = json!(["/bin/busybox", "sleep", "3600"]);
    let keeper = Keeper::start(&config).unwrap();

    assert_eq!(keeper.vmm.status("SigIgn"), "0000000000000000");
    assert_eq!(keeper.vmm.status("SigBlk"), "0000000000000000");
    assert_eq!(keeper.vmm.status("Umask"), "0077");
    let inode = |name| fs::metadata(keeper.vmm.path(name)).unwrap().ino();
    assert_eq!(inode("cwd"), inode("root"));
    assert_eq!(keeper.vmm.file("oom_score_adj"), "500\n");
    let limits = keeper.vmm.file("limits");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(
        core.split_whitespace().collect::<Vec<_>>()[4..6],
        ["1", "1"],
        "{core}"
    );
}

#[test]
fn the_files_of_a_keeper_are_roots_alone() {
    let world = World::new();
    let keeper = world.start(WAIT);

    for file in ["keeper.sock", "exit.json", "console.log", "vmm.log"] {
        let facts = fs::metadata(world.path(file)).unwrap();
        assert_eq!(
            (facts.uid(), facts.gid(), facts.mode() & 0o7777),
            (0, 0, 0o600),
            "{file}"
        );
    }
    assert_eq!(world.read("exit.json"), "", "empty while the VMM runs");
    drop(keeper);
}
