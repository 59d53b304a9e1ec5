//! A save that does not come to its end: an error, nothing left in the folder, and the guest can be
//! saved after it.

use std::fs;
use std::path::Path;

use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};
use serde_json::json;

use crate::support::guest::{
    Guest, ask_to_save, assert_same, give_to_vmm, memory_in, world_to_save_in,
};
use crate::support::saves::{assert_empty, assert_refused, begun};

/// A small file system, for as long as it is in scope.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn new(folder: &'a Path, size: &str) -> Self {
        let options = std::ffi::CString::new(format!("size={size}")).unwrap();
        mount(
            "tmpfs",
            folder,
            "tmpfs",
            MountFlags::empty(),
            Some(&*options),
        )
        .unwrap();
        give_to_vmm(folder);
        Self(folder)
    }

    fn grow(&self, size: &std::ffi::CStr) {
        mount_remount(self.0, MountFlags::empty(), size).unwrap();
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = unmount(self.0, UnmountFlags::DETACH);
    }
}

#[test]
fn on_a_full_disk_nothing_is_left_and_with_room_it_works() {
    let world = world_to_save_in();
    let folder = world.path("small");
    fs::create_dir(&folder).unwrap();
    let disk = SmallDisk::new(&folder, "4m");
    let mut guest = Guest::start_saving_to(&world, 4096, None, &folder);
    guest.write(0, 3000, 1);

    let answer = guest.save("1", 1);

    assert_refused(&answer, "No space left on device");
    assert_empty(&folder);
    disk.grow(c"size=64m");
    guest.saved("1", 1);
    assert_same(&memory_in(&folder.join("1"), &[]), &guest.memory());
}

#[test]
fn a_cancelled_save_leaves_nothing_and_can_be_repeated() {
    let world = world_to_save_in();
    let mut guest = Guest::start(&world, 1024, None);
    guest.write(0, 500, 1);
    let mut saving = guest.keeper.connect();
    ask_to_save(&mut saving, "1", 1);
    begun(&world, "1");

    let cancelled = guest.keeper.connect().ask("cancel_save");

    assert_eq!(cancelled, json!({ "ok": true }));
    assert_empty(&world.path("saved"));
    assert_refused(&saving.line().unwrap(), "cancelled");
    guest.saved("1", 1);
    assert_same(&memory_in(&world.path("saved/1"), &[]), &guest.memory());
}

#[test]
fn a_save_can_be_cancelled_at_any_moment() {
    let world = world_to_save_in();
    let mut guest = Guest::start(&world, 8192, None);
    guest.write(0, 8192, 1);
    let (mut ended, mut saved) = (0, 0);
    for turn in 0_u32..40 {
        let mut saving = guest.keeper.connect();
        ask_to_save(&mut saving, "1", 1);
        guest.command("state 1000");
        // As long as half of them take, or twice that: some are caught at each of their steps.
        std::thread::sleep(std::time::Duration::from_millis(u64::from(turn * 2)));
        let cancelled = guest.keeper.connect().ask("cancel_save");
        assert_eq!(cancelled["ok"], json!(true));
        let answer = saving.line().unwrap();
        if answer["ok"] == json!(true) {
            assert_same(&memory_in(&world.path("saved/1"), &[]), &guest.memory());
            fs::remove_dir_all(world.path("saved/1")).unwrap();
            saved += 1;
        } else {
            assert_refused(&answer, "cancelled");
            ended += 1;
        }
        assert_empty(&world.path("saved"));
    }
    println!("{ended} cancelled, {saved} done before");
}

#[test]
fn device_state_of_a_save_that_was_cancelled_is_not_taken_for_that_of_the_next() {
    let world = world_to_save_in();
    let mut guest = Guest::start(&world, 16, None);
    guest.command("state 10");
    assert_eq!(guest.keeper.connect().ask("cancel_save")["ok"], json!(true));
    assert_eq!(guest.saved("1", 1)["state_bytes"], json!(70000));
}

#[test]
fn device_state_without_end_is_refused() {
    let world = world_to_save_in();
    let mut guest = Guest::start(&world, 16, None);
    let mut client = guest.keeper.connect();
    ask_to_save(&mut client, "1", 1);
    guest.command(&format!("state {}", 80 * 1024 * 1024));
    assert_refused(&client.line().unwrap(), "device state is longer");
    assert_empty(&world.path("saved"));
}

#[test]
fn a_vmm_that_ends_as_it_is_saved_leaves_nothing_and_is_told_of() {
    // Waiting for the device state; in the middle of it; with the memory on its way.
    for hold in [None, Some("hold-state"), Some("state 100")] {
        let world = world_to_save_in();
        let mut guest = Guest::start(&world, 16384, None);
        guest.write(0, 16384, 1);
        let mut client = guest.keeper.connect();
        ask_to_save(&mut client, "1", 1);
        begun(&world, "1");
        if let Some(command) = hold {
            guest.command(command);
        }

        guest.keeper.vmm.kill();

        let answer = client.line().unwrap();
        assert_refused(&answer, "the VMM has ended");
        assert_eq!(client.line().unwrap()["event"], json!("exit"));
        assert!(guest.keeper.wait().success());
        assert_empty(&world.path("saved"));
    }
}
