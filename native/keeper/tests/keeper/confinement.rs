//! Who the VMM is, and how far it and its keeper are from the machine. Looked at from outside, in
//! /proc.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use rustix::io::FdFlags;
use serde_json::json;

use crate::support::{Cgroup, GID, Keeper, Process, UID, WAIT, World};

#[test]
fn the_vmm_runs_as_its_own_user_without_groups_or_capabilities_and_can_gain_none_n3() {
    let world = World::new();
    let keeper = world.start(WAIT);

    for process in [&keeper.vmm, &keeper.process] {
        assert_eq!(
            process.status("Uid"),
            [
                UID.to_string(),
                UID.to_string(),
                UID.to_string(),
                UID.to_string()
            ]
            .join(" ")
        );
        assert_eq!(
            process.status("Gid"),
            [
                GID.to_string(),
                GID.to_string(),
                GID.to_string(),
                GID.to_string()
            ]
            .join(" ")
        );
        assert_eq!(process.status("Groups"), "");
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(process.status(set), "0000000000000000", "{set}");
        }
        assert_eq!(process.status("NoNewPrivs"), "1");
    }
}

#[test]
fn neither_vmm_nor_keeper_holds_the_keys_of_their_starters_session_n3() {
    let world = World::new();
    // Of a user of its own: what another run has left may not have been reaped yet.
    let uid = UID + std::process::id();
    let mut config = world.config(WAIT);
    config["uid"] = json!(uid);
    let keeper = Keeper::start(&config).unwrap();

    // "user: references keys/instantiated …": each of the two has a keyring of its own.
    let users = fs::read_to_string("/proc/key-users").unwrap();
    let user = users
        .lines()
        .find(|line| line.trim_start().starts_with(&format!("{uid}:")));
    let user = user.unwrap_or_else(|| panic!("{uid} has no keyring: {users}"));
    assert!(user.contains(" 2/2 "), "{user}");
    drop(keeper);
}

#[test]
fn a_set_uid_program_in_the_root_gives_nothing_n3() {
    let world = World::new();
    let program = world.path("root/bin/set-uid/busybox");
    fs::create_dir(world.path("root/bin/set-uid")).unwrap();
    fs::copy("/bin/busybox", &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o4755)).unwrap();

    let keeper = world.start(&format!("/bin/set-uid/busybox id -u; echo done; {WAIT}"));

    assert_eq!(world.console_with("done"), format!("{UID}\ndone\n"));
    drop(keeper);
}

#[test]
fn the_vmm_is_process_1_of_namespaces_of_its_own_n3() {
    let world = World::new();
    let keeper = world.start(&format!("echo pid $$; busybox hostname; echo done; {WAIT}"));
    let host = Process::open(std::process::id().cast_signed());

    for kind in ["mnt", "pid", "ipc", "uts", "net"] {
        assert_ne!(keeper.vmm.namespace(kind), host.namespace(kind), "{kind}");
    }
    assert_eq!(keeper.process.namespace("pid"), host.namespace("pid"));
    let network = fs::metadata(format!("/run/netns/{}", world.name))
        .unwrap()
        .ino();
    assert_eq!(
        keeper.vmm.namespace("net").to_str(),
        Some(format!("net:[{network}]").as_str())
    );
    let console = world.console_with("done");
    assert_eq!(
        console.lines().collect::<Vec<_>>(),
        ["pid 1", "sandbox", "done"]
    );
}

#[test]
fn keeper_and_vmm_are_in_the_cgroup_of_every_hierarchy_named_n3() {
    let world = World::new();
    let cgroup = Cgroup::new(&world.name);
    let mut config = world.config(WAIT);
    config["cgroup_procs"] = json!(cgroup.procs());

    let keeper = Keeper::start(&config).unwrap();

    for process in [&keeper.vmm, &keeper.process] {
        let memberships = process.file("cgroup");
        assert_eq!(
            cgroup.memberships(&memberships),
            cgroup.hierarchies(),
            "{memberships}"
        );
    }
    drop(keeper);
}

#[test]
fn the_keeper_is_out_of_its_vmms_reach_and_holds_on_to_nothing_of_its_starters() {
    let world = World::new();
    let slipped = File::create(world.path("slipped")).unwrap();
    rustix::io::fcntl_setfd(&slipped, FdFlags::empty()).unwrap();
    let keeper = world.start(WAIT);

    // Not dumpable: though it runs as the VMM's user, its files in /proc are root's, and ptrace is
    // refused.
    assert_eq!(fs::metadata(keeper.process.path("mem")).unwrap().uid(), 0);
    assert_eq!(fs::metadata(keeper.vmm.path("mem")).unwrap().uid(), UID);
    assert_eq!(
        keeper.process.file("oom_score_adj"),
        fs::read_to_string("/proc/self/oom_score_adj").unwrap()
    );

    let descriptors = keeper.process.descriptors();
    for (number, target) in &descriptors[..2] {
        assert_eq!(target.to_str(), Some("/dev/null"), "{number}");
    }
    assert_eq!(descriptors[2].1, world.path("vmm.log"));
    let slipped = descriptors
        .iter()
        .find(|(_, target)| target.ends_with("slipped"));
    assert_eq!(slipped, None, "what its starter lets slip is not kept");
    let session = keeper.process.file("stat");
    let session = session
        .rsplit(") ")
        .next()
        .unwrap()
        .split(' ')
        .nth(3)
        .unwrap()
        .to_owned();
    assert_eq!(
        session,
        keeper.process.pid.to_string(),
        "a session of its own"
    );
}
