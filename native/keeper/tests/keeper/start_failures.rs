//! What the machine can refuse: the start then says so in one line, and leaves nothing.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use serde_json::json;

use crate::support::{
    Cgroup, Keeper, WAIT, World, assert_begins, eventually, failure, failure_with,
};

#[test]
fn what_is_missing_on_the_machine_is_named() {
    for (field, path, problem) in [
        (
            "cgroup_procs",
            json!(["/sys/fs/cgroup/no/cgroup.procs"]),
            "enter the cgroup /sys/fs/cgroup/no/cgroup.procs: No such file",
        ),
        (
            "netns",
            json!("/run/netns/no"),
            "enter the network namespace /run/netns/no: No such file",
        ),
        (
            "netns",
            json!("/etc/passwd"),
            "enter the network namespace /etc/passwd: Invalid argument",
        ),
        (
            "tap",
            json!("tap1"),
            "there is no TAP device tap1 in the network namespace",
        ),
        (
            "tap",
            json!("lo"),
            "open the TAP device lo: Invalid argument",
        ),
        (
            "root",
            json!("/no/root"),
            "copy the mount of /no/root: No such file",
        ),
        (
            "socket",
            json!("/no/keeper.sock"),
            "open the folder /no: No such file",
        ),
        (
            "vmm_log",
            json!("/no/vmm.log"),
            "open the folder /no: No such file",
        ),
        ("argv", json!(["/bin/no"]), "execute /bin/no: No such file"),
        (
            "argv",
            json!(["/ro/file"]),
            "execute /ro/file: Permission denied",
        ),
        (
            "mounts",
            json!([{ "source": "/no", "target": "/vm", "read_only": true }]),
            "copy the mount of /no: No such file",
        ),
    ] {
        assert_begins(&failure_with(field, path), problem);
    }
    let error = failure_with(
        "mounts",
        json!([{ "source": "/", "target": "/no", "read_only": true }]),
    );
    assert_begins(&error, "mount / on /no in ");
    assert!(
        error.ends_with("No such file or directory (os error 2)"),
        "{error}"
    );
}

#[test]
fn a_folder_cannot_be_mounted_on_a_file_nor_devices_without_a_place_for_them() {
    let error = failure(|world, config| {
        config["mounts"] =
            json!([{ "source": world.path("vm"), "target": "/bin/busybox", "read_only": true }]);
    });
    assert!(error.contains(" on /bin/busybox in "), "{error}");
    let error = failure(|world, _| fs::remove_dir(world.path("root/dev")).unwrap());
    assert_begins(&error, "mount the devices on /dev in ");
}

#[test]
fn a_program_that_is_none_is_not_started() {
    let error = failure(|world, config| {
        let program = world.path("root/bin/text");
        fs::write(&program, "no program").unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        config["argv"] = json!(["/bin/text"]);
    });
    assert_begins(&error, "execute /bin/text: Exec format error");
}

#[test]
fn what_lies_where_a_file_should_be_made_is_not_harmed() {
    let error = failure(|world, config| config["socket"] = json!(world.path("ro/file")));
    assert!(
        error.ends_with("/ro/file exists and is not a socket"),
        "{error}"
    );
    let error = failure(|world, config| config["console_log"] = json!(world.path("ro")));
    assert!(error.contains("/ro: Is a directory"), "{error}");
    let error = failure(|world, config| {
        std::os::unix::fs::symlink("ro/file", world.path("link")).unwrap();
        config["vmm_log"] = json!(world.path("link"));
    });
    assert!(
        error.contains("/link: Too many levels of symbolic links"),
        "{error}"
    );
    let error = failure(|world, config| {
        let _ = UnixListener::bind(world.path("other.sock")).unwrap();
        config["vmm_log"] = json!(world.path("other.sock"));
    });
    assert!(
        error.contains("/other.sock: No such device or address"),
        "{error}"
    );
}

#[test]
fn a_log_that_was_there_before_a_failed_start_is_there_after_it() {
    let error = failure(|world, config| {
        fs::write(world.path("console.log"), "of an earlier VMM\n").unwrap();
        config["argv"] = json!(["/bin/no"]);
    });
    assert_begins(&error, "execute /bin/no");
}

#[test]
fn a_keeper_that_is_killed_at_any_moment_of_its_start_leaves_no_vmm_behind() {
    let world = World::new();
    let cgroup = Cgroup::new(&world.name);
    let mut config = world.config(WAIT);
    config["cgroup_procs"] = json!(cgroup.procs());
    // Every moment there is, from before it has read its configuration to after the VMM runs.
    for moment in (0..100).map(|step| Duration::from_micros(200 * step)) {
        let mut keeper = Keeper::spawn(&config.to_string());
        std::thread::sleep(moment);
        keeper.kill().unwrap();
        keeper.wait().unwrap();

        eventually("the cgroup is empty", || {
            (cgroup.populations().iter().sum::<usize>() == 0).then_some(())
        });
    }
}
