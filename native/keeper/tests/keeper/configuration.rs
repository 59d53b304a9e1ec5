//! Which configurations are refused, before anything is touched, and how that is said.

use serde_json::json;

use crate::support::{Keeper, WAIT, World, assert_begins, failure, failure_with};

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
        &failure_with("color", json!("red")),
        "the configuration is wrong: unknown field `color`",
    );
    assert_begins(
        &failure_with("uid", json!("7")),
        "the configuration is wrong: invalid type: string \"7\", expected u32",
    );
    assert_begins(
        &failure_with("uid", json!(-1)),
        "the configuration is wrong: invalid value: integer `-1`, expected u32",
    );
    let extra = json!([{ "source": "/a", "target": "/b", "read_only": true, "more": 1 }]);
    assert_begins(
        &failure_with("mounts", extra),
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
            &failure_with(field, value),
            &format!("the configuration is wrong: {problem}"),
        );
    }
    let same = failure(|world, config| config["vmm_log"] = json!(world.path("console.log")));
    assert_begins(
        &same,
        "the configuration is wrong: vmm_log and console_log must not be the same file",
    );
}
