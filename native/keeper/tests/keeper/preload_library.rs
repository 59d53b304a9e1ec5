//! What the preload library makes of a program that maps its memory: here with the stand-in, in
//! which it is linked.

use serde_json::{Value, json};

use crate::support::Keeper;
use crate::support::guest::{
    add_example, memory_config, put_sentinel, start_example, world_to_save_in,
};

#[test]
fn it_gives_the_whole_memory_once_or_ends_the_vmm_with_a_reason() {
    for (lengths, reason) in [
        (
            &["4096"][..],
            "QEMU maps 4096 bytes from byte 0 on, but its memory has 65536 bytes",
        ),
        (
            &["131072"],
            "QEMU maps 131072 bytes from byte 0 on, but its memory has 65536 bytes",
        ),
        (&["65536"], "QEMU maps its memory a second time"),
    ] {
        for mode in ["mapped", "paged"] {
            let world = world_to_save_in();
            let mut keeper = start_example(&world, mode, "stand-in-vmm", lengths);
            assert!(keeper.wait().success());
            let exit: Value = serde_json::from_str(&world.read("exit.json")).unwrap();
            assert_eq!(exit["code"], json!(1), "{exit}");
            let log = world.read("vmm.log");
            assert_eq!(log, format!("roost-qemu-preload: {reason}\n"));
        }
    }
}

#[test]
fn without_a_keeper_to_tell_it_ends_the_vmm() {
    let world = world_to_save_in();
    let mut memory = memory_config(16, None);
    memory["save_folder"] = json!(world.path("saved"));
    put_sentinel(&world, &memory);
    let mut config = world.config("busybox rm /vm/memory.sock; exec /bin/stand-in-vmm");
    add_example(&world, &mut config, "stand-in-vmm");
    config["memory"] = memory;
    let mut keeper = Keeper::start(&config).unwrap_or_else(|error| panic!("{error}"));
    assert!(keeper.wait().success());
    let log = world.read("vmm.log");
    let reason = "roost-qemu-preload: cannot tell the keeper where the memory is: ";
    assert!(log.starts_with(reason), "{log}");
}
