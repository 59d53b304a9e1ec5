//! A start that fails says why in one line, and leaves nothing: no file, no process in the cgroup, no mount.

use std::fs;
use std::os::unix::net::UnixListener;

use serde_json::{Value, json};

use crate::support::{Cgroup, Keeper, WAIT, World};

/// Starts a keeper after `spoil` has had its way with the world and the configuration, and gives its error.
fn failure(spoil: impl FnOnce(&World, &mut Value)) -> String {
    let world = World::new();
    let cgroup = Cgroup::new(&world.name);
    let mut config = world.config(WAIT);
    config["cgroup_procs"] = json!(cgroup.procs());
    spoil(&world, &mut config);
    let names = world.names();

    let error = Keeper::start(&config).err().expect("it must not start");

    assert_eq!(world.names(), names, "after {error:?}");
    assert_eq!(world.mounts(), [""; 0], "after {error:?}");
    assert!(
        cgroup.populations().iter().all(|&count| count == 0),
        "after {error:?}"
    );
    error
}

fn with(field: &str, value: Value) -> String {
    failure(|_, config| config[field] = value)
}

fn assert_begins(error: &str, expected: &str) {
    assert!(
        error.starts_with(expected),
        "{error:?} should begin with {expected:?}"
    );
}

#[test]
fn what_is_no_configuration_is_refused() {
    let refused = |text: &str| Keeper::start_with(text).err().unwrap();
    assert_begins(&refused(""), "the configuration is wrong: EOF");
    assert_begins(&refused("{"), "the configuration is wrong: EOF");
    assert_begins(&refused("[]"), "the configuration is wrong: ");
    assert_begins(
        &refused("{}"),
        "the configuration is wrong: missing field `sandbox_id`",
    );
    assert_begins(
        &refused(&" ".repeat(1024 * 1024 + 1)),
        "the configuration is longer than 1048576 bytes",
    );
    let config = World::new().config(WAIT).to_string();
    assert_begins(
        &refused(&format!("{config} x")),
        "the configuration is wrong: trailing characters",
    );
}

#[test]
fn a_field_that_is_missing_unknown_or_of_another_type_is_refused() {
    let error = failure(|_, config| drop(config.as_object_mut().unwrap().remove("root")));
    assert_begins(&error, "the configuration is wrong: missing field `root`");
    assert_begins(
        &with("color", json!("red")),
        "the configuration is wrong: unknown field `color`",
    );
    assert_begins(
        &with("uid", json!("7")),
        "the configuration is wrong: invalid type: string \"7\", expected u32",
    );
    assert_begins(
        &with("uid", json!(-1)),
        "the configuration is wrong: invalid value: integer `-1`, expected u32",
    );
    let extra = json!([{ "source": "/a", "target": "/b", "read_only": true, "more": 1 }]);
    assert_begins(
        &with("mounts", extra),
        "the configuration is wrong: unknown field `more`",
    );
}

#[test]
fn a_value_out_of_its_range_is_refused_before_anything_is_touched() {
    let long = format!("/{}", "s".repeat(107));
    for (field, value, problem) in [
        (
            "sandbox_id",
            json!(""),
            "sandbox_id must be 1 to 128 letters, digits, - and _",
        ),
        (
            "sandbox_id",
            json!("a\nb"),
            "sandbox_id must be 1 to 128 letters, digits, - and _",
        ),
        (
            "socket",
            json!("keeper.sock"),
            "socket must be an absolute path",
        ),
        (
            "socket",
            json!("/run/../x"),
            "socket must be an absolute path",
        ),
        (
            "socket",
            json!("/run/a\0b"),
            "socket must be an absolute path",
        ),
        (
            "socket",
            json!(long),
            "socket must be at most 107 bytes long",
        ),
        ("exit_file", json!("/"), "exit_file must name a file"),
        (
            "log_limit_bytes",
            json!(4095),
            "log_limit_bytes must be at least 4096",
        ),
        (
            "cgroup_procs",
            json!(["/etc/passwd"]),
            "cgroup_procs must name files called cgroup.procs, not /etc/passwd",
        ),
        (
            "netns",
            json!("run/netns/x"),
            "netns must be an absolute path",
        ),
        ("tap", json!(""), "tap must be the name of a link"),
        ("tap", json!("a/b"), "tap must be the name of a link"),
        (
            "tap",
            json!("sixteen-letters-"),
            "tap must be the name of a link",
        ),
        ("tap_fd", json!(2), "tap_fd must be from 3 to 255"),
        ("tap_fd", json!(256), "tap_fd must be from 3 to 255"),
        (
            "uid",
            json!(0),
            "uid must be that of an unprivileged user, not 0",
        ),
        (
            "gid",
            json!(0),
            "gid must be that of an unprivileged user, not 0",
        ),
        (
            "uid",
            json!(u32::MAX),
            "uid must be that of an unprivileged user, not 4294967295",
        ),
        (
            "root",
            json!("/"),
            "root must be a folder of its own, not /",
        ),
        (
            "mounts",
            json!([{ "source": "/a", "target": "b", "read_only": true }]),
            "mounts.target must be an absolute path",
        ),
        (
            "mounts",
            json!([{ "source": "/a", "target": "/", "read_only": true }]),
            "mounts.target must not be /",
        ),
        (
            "mounts",
            json!([{ "source": "/a", "target": "/dev/x", "read_only": true }]),
            "mounts.target must not be /dev/x",
        ),
        (
            "devices",
            json!(["null", "null"]),
            "devices names null twice",
        ),
        ("devices", json!(["mem"]), "unknown variant `mem`"),
        ("argv", json!([]), "argv must begin with the VMM's program"),
        ("argv", json!(["sh"]), "argv[0] must be an absolute path"),
        (
            "argv",
            json!(["/bin/sh", "a\0b"]),
            "argv must not contain NUL",
        ),
        (
            "env",
            json!({ "A=B": "c" }),
            "env holds something that is no variable: \"A=B\"",
        ),
        (
            "env",
            json!({ "": "c" }),
            "env holds something that is no variable: \"\"",
        ),
    ] {
        assert_begins(
            &with(field, value),
            &format!("the configuration is wrong: {problem}"),
        );
    }
    let same = failure(|world, config| config["vmm_log"] = json!(world.path("console.log")));
    assert_begins(
        &same,
        "the configuration is wrong: vmm_log and console_log must not be the same file",
    );
}

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
        assert_begins(&with(field, path), problem);
    }
    let error = with(
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
        fs::set_permissions(
            &program,
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )
        .unwrap();
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
