//! The VMM's output: kept, but within bounds, and never in anybody's way.

use std::ffi::CString;
use std::fs;
use std::path::PathBuf;

use rustix::mount::{MountFlags, UnmountFlags};
use serde_json::json;

use crate::support::{Keeper, WAIT, World, eventually};

const LIMIT: u64 = 65536;

#[test]
fn a_log_never_exceeds_its_limit_and_keeps_whole_newest_lines() {
    let world = World::new();
    let mut keeper = world.start("busybox seq 1 300000; busybox seq 1 30000 >&2");

    while keeper.process.is_running() {
        for log in ["console.log", "vmm.log"] {
            let length = fs::metadata(world.path(log)).map_or(0, |facts| facts.len());
            assert!(length <= LIMIT, "{log} is {length} bytes long");
        }
    }
    assert!(keeper.wait().success());

    for (log, last) in [("console.log", 300_000), ("vmm.log", 30_000)] {
        let text = world.read(log);
        assert!(
            (LIMIT / 2 - 100..=LIMIT).contains(&(text.len() as u64)),
            "{log}: {}",
            text.len()
        );
        let numbers: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
        let first = numbers[0];
        assert_eq!(
            numbers,
            (first..=last).collect::<Vec<_>>(),
            "{log}: nothing torn, nothing missing"
        );
    }
}

#[test]
fn output_without_lines_is_cut_all_the_same() {
    let world = World::new();
    let mut keeper = world.start("busybox head -c 5000000 /dev/zero; echo end");
    assert!(keeper.wait().success());

    let text = fs::read(world.path("console.log")).unwrap();
    assert!(text.len() as u64 <= LIMIT);
    assert!(text.ends_with(b"\0\0end\n"));
}

#[test]
fn a_log_longer_than_the_limit_is_cut_when_it_is_continued() {
    let world = World::new();
    let old: String = (0..20_000).map(|number| format!("{number}\n")).collect();
    fs::write(world.path("console.log"), &old).unwrap();

    let mut keeper = world.start("echo new");
    assert!(keeper.wait().success());

    let text = world.read("console.log");
    assert!(
        text.len() as u64 <= LIMIT / 2 + 4 && text.ends_with("19999\nnew\n"),
        "{}",
        text.len()
    );
}

#[test]
fn stats_count_all_that_was_written_and_the_vmms_time_memory_and_threads() {
    let world = World::new();
    let keeper = world.start(&format!(
        "busybox seq 1 100000; echo oops >&2; echo done; {WAIT}"
    ));
    world.console_with("done");
    let mut client = keeper.connect();

    let stats = eventually("both streams are counted", || {
        let stats = client.ask("stats");
        (stats["vmm_bytes"] == json!(5)).then_some(stats)
    });

    assert_eq!(stats["console_bytes"], json!(588_895 + 5));
    assert_eq!(stats["threads"], json!(1));
    assert!(stats["rss_bytes"].as_u64().unwrap() >= 4096, "{stats}");
    assert!(stats["cpu_ms"].is_u64(), "{stats}");
    assert_eq!(stats.as_object().unwrap().len(), 6, "{stats}");
}

#[test]
fn a_guest_that_writes_without_end_does_not_keep_the_keeper_from_answering() {
    let world = World::new();
    let mut keeper = world.start("exec busybox yes without end");
    let mut client = keeper.connect();
    let mut before = 0;
    for _ in 0..20 {
        let bytes = eventually("more has come", || {
            let bytes = client.ask("stats")["console_bytes"].as_u64().unwrap();
            (bytes > before).then_some(bytes)
        });
        before = bytes;
    }
    client.ask("kill");
    assert!(keeper.wait().success());
}

#[test]
fn a_log_that_cannot_be_written_stops_neither_vmm_nor_keeper() {
    let world = World::new();
    let disk = SmallDisk::mount(&world);
    let mut config = world.config(&format!("busybox seq 1 100000; echo > /vm/done; {WAIT}"));
    config["console_log"] = json!(world.path("small/console.log"));
    let keeper = Keeper::start(&config).unwrap();

    eventually("the VMM gets to its end", || {
        world.path("vm/done").exists().then_some(())
    });

    let mut client = keeper.connect();
    eventually("all was read", || {
        (client.ask("stats")["console_bytes"] == json!(588_895)).then_some(())
    });
    let text = world.read("small/console.log");
    assert!(
        (1..=SmallDisk::BYTES).contains(&text.len()),
        "{}",
        text.len()
    );
    drop((keeper, disk));
}

/// A file system in the world's folder that is full at once.
struct SmallDisk(PathBuf);

impl SmallDisk {
    const BYTES: usize = 16384;

    fn mount(world: &World) -> Self {
        let folder = world.path("small");
        fs::create_dir(&folder).unwrap();
        let size = CString::new(format!("size={}", Self::BYTES)).unwrap();
        rustix::mount::mount(
            "tmpfs",
            &folder,
            "tmpfs",
            MountFlags::empty(),
            size.as_c_str(),
        )
        .unwrap();
        Self(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(&self.0, UnmountFlags::DETACH);
    }
}
