//! What the VMM sees of the machine's files, and what it can do to them. Tried by a shell in its
//! place.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use serde_json::json;

use crate::support::{GID, Keeper, UID, WAIT, World, assert_begins};

#[test]
fn the_vmm_sees_its_root_its_mounts_and_devices_and_nothing_else_of_the_machine_n3() {
    let world = World::new();
    let script =
        format!("cd /; echo *; echo dev/*; echo vm/*; busybox cat /ro/file; echo done; {WAIT}");
    let keeper = world.start(&script);

    let console = world.console_with("done");
    let lines: Vec<_> = console.lines().collect();
    assert_eq!(
        lines,
        [
            "bin dev ro vm",
            "dev/null dev/urandom dev/zero",
            "vm/*",
            "shown",
            "done"
        ]
    );

    let mounts = keeper.vmm.file("mountinfo");
    let points: Vec<_> = mounts
        .lines()
        .map(|line| line.split(' ').nth(4).unwrap())
        .collect();
    assert_eq!(points, ["/", "/dev", "/vm", "/ro"], "{mounts}");
    for (line, restrictions) in mounts.lines().zip([
        "ro,nosuid,nodev",
        "ro,nosuid,noexec",
        "rw,nosuid,nodev,noexec",
        "ro,nosuid,nodev",
    ]) {
        assert!(
            line.split(' ').nth(5).unwrap().starts_with(restrictions),
            "{line}"
        );
    }
}

#[test]
fn only_the_writable_mounts_can_be_written_and_what_is_there_cannot_be_executed_n3() {
    let world = World::new();
    let script = format!(
        "for f in /x /bin/x /dev/x /ro/x /vm/x; do (: > $f) && echo wrote $f; done 2>/dev/null
         busybox cp /bin/busybox /vm/busybox && /vm/busybox echo executed
         busybox rm /bin/busybox; busybox mknod /vm/null c 1 3
         (: > /dev/null) && echo null; busybox head -c 1 /dev/urandom | busybox wc -c
         echo done; {WAIT}"
    );
    let keeper = world.start(&script);

    let console = world.console_with("done");
    assert_eq!(
        console.lines().collect::<Vec<_>>(),
        ["wrote /vm/x", "null", "1", "done"]
    );
    let written = fs::metadata(world.path("vm/x")).unwrap();
    assert_eq!(
        (written.uid(), written.gid(), written.mode() & 0o777),
        (UID, GID, 0o600)
    );
    drop(keeper);
}

#[test]
fn a_symbolic_link_in_the_root_cannot_lead_a_mount_out_of_it() {
    let world = World::new();
    std::os::unix::fs::symlink("/vm", world.path("root/link")).unwrap();
    let mut config = world.config(&format!("cd /vm; echo *; echo done; {WAIT}"));
    config["mounts"] =
        json!([{ "source": world.path("ro"), "target": "/link", "read_only": true }]);

    let keeper = Keeper::start(&config).unwrap();

    assert_eq!(world.console_with("done"), "file\ndone\n");
    drop(keeper);
}

#[test]
fn a_file_can_be_mounted_over_a_file_and_inside_another_mount() {
    let world = World::new();
    fs::write(world.path("vm/disk.0"), "").unwrap();
    fs::write(world.path("disk"), "its bytes\n").unwrap();
    let mut config = world.config(&format!("busybox cat /vm/disk.0; echo done; {WAIT}"));
    let disk = json!({ "source": world.path("disk"), "target": "/vm/disk.0", "read_only": true });
    config["mounts"].as_array_mut().unwrap().push(disk);
    fs::set_permissions(world.path("disk"), Permissions::from_mode(0o444)).unwrap();

    let keeper = Keeper::start(&config).unwrap();

    assert_eq!(world.console_with("done"), "its bytes\ndone\n");
    assert_eq!(
        fs::read(world.path("vm/disk.0")).unwrap(),
        b"",
        "the host does not see that mount"
    );
    drop(keeper);
}

#[test]
fn a_kvm_device_belongs_to_the_vmms_user_whoever_owns_the_machines() {
    let world = World::new();
    let mut config = world.config(&format!(
        "busybox stat -c '%u %g %a %t:%T' /dev/kvm; echo done; {WAIT}"
    ));
    config["devices"] = json!(["null", "kvm"]);

    let started = Keeper::start(&config);

    let Ok(before) = fs::metadata("/dev/kvm") else {
        let error = started.err().unwrap();
        assert_begins(&error, "look at the device /dev/kvm: No such file");
        return;
    };
    let keeper = started.unwrap();

    let console = world.console_with("done");
    assert!(
        console.starts_with(&format!("{UID} {GID} 600 a:e8\n")),
        "{console}"
    );
    let after = fs::metadata("/dev/kvm").unwrap();
    let facts = |node: &fs::Metadata| (node.uid(), node.gid(), node.mode());
    assert_eq!(facts(&before), facts(&after));
    drop(keeper);
}

#[test]
fn no_mount_of_a_sandbox_shows_on_the_machine() {
    let world = World::new();
    let keeper = world.start(WAIT);
    assert_eq!(world.mounts(), [""; 0]);
    drop(keeper);
}
