//! What is particular to paged memory: pages are brought in time, once, and never other ones.

use std::fs;
use std::path::{Path, PathBuf};

use memory_format::{PageRun, WorkingSet};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::guest::{Guest, PAGE, assert_same, memory_config, memory_in, world_to_save_in};
use crate::support::{World, eventually};

const PAGES: u64 = 8192;

/// A generation with `PAGES` pages, none of them zero.
fn full(world: &World) -> PathBuf {
    let mut guest = Guest::start(world, PAGES, None);
    guest.write(0, PAGES, 1);
    guest.saved("1", 1);
    world.path("saved/1")
}

fn paged(from: &Path, wanted: &[PageRun], world: &World) -> Value {
    let mut set = WorkingSet::new();
    wanted.iter().for_each(|&run| set.push(run));
    fs::write(world.path("set"), set.to_bytes()).unwrap();
    let mut memory = memory_config(PAGES, Some(from));
    memory["mode"] = json!("paged");
    memory["working_set"] = json!(world.path("set"));
    memory
}

/// Counts, once `field` has come to `expected`.
fn stats_with(guest: &mut Guest, field: &str, expected: u64) -> Value {
    eventually(&format!("{field} is {expected}"), || {
        let stats = guest.stats();
        (stats[field] == json!(expected)).then_some(stats)
    })
}

#[test]
fn what_is_wanted_is_brought_without_a_fault_and_every_page_once() {
    let world = world_to_save_in();
    let from = full(&world);
    let wanted = [
        PageRun {
            first: 5000,
            pages: 3000,
        },
        PageRun {
            first: 1,
            pages: 1000,
        },
    ];
    let mut guest = Guest::start_with(&world, paged(&from, &wanted, &world));

    let stats = stats_with(&mut guest, "prefetched_bytes", 4000 * PAGE);
    assert_eq!(stats["faults"], json!(0), "{stats}");
    guest.command(&format!("touch {} {}", 5000 * PAGE, 3000 * PAGE));
    assert_eq!(guest.stats()["faults"], json!(0));
    assert_same(&guest.memory(), &memory_in(&from, &[]));
    let stats = guest.stats();

    // Windows of 16 pages; at the edges of what was there they bring less than they count.
    let left = PAGES - 4000;
    let copied = stats["copied_bytes"].as_u64().unwrap() / PAGE;
    assert!((left..left + 64).contains(&copied), "{stats}");
    let faults = stats["faults"].as_u64().unwrap();
    assert!((left / 16..=left / 16 + 4).contains(&faults), "{stats}");
    assert!(stats["fault_us_p50"].as_f64().unwrap() > 0.0, "{stats}");
    assert!(stats["fault_us_p99"].as_f64() >= stats["fault_us_p50"].as_f64());
}

#[test]
fn the_guests_first_look_is_right_while_pages_are_still_being_pushed() {
    let world = world_to_save_in();
    let from = full(&world);
    let expected = memory_in(&from, &[]);
    let wanted = [PageRun {
        first: 0,
        pages: PAGES,
    }];
    for _ in 0..5 {
        let mut guest = Guest::start_with(&world, paged(&from, &wanted, &world));
        // Over and over the same pages from both sides: some are there, some just come.
        guest.command(&format!("write {} {} 9", 4000 * PAGE, 10 * PAGE));
        let memory = guest.memory();
        assert_same(&memory[..4000 * 4096], &expected[..4000 * 4096]);
        assert_same(&memory[4010 * 4096..], &expected[4010 * 4096..]);
        assert_ne!(
            memory[4000 * 4096..4010 * 4096],
            expected[4000 * 4096..4010 * 4096]
        );
    }
}

#[test]
fn what_a_guest_gives_back_is_zero_now_and_in_its_next_generation() {
    let world = world_to_save_in();
    let from = full(&world);
    for (generation, wanted) in [(2, 0), (3, PAGES)] {
        let wanted = [PageRun {
            first: 0,
            pages: wanted,
        }];
        let mut guest = Guest::start_with(&world, paged(&from, &wanted, &world));
        let mut expected = memory_in(&from, &[]);
        // Not yet there, there, written; some is looked at again afterwards, some never.
        guest.command(&format!("touch {} {}", 2000 * PAGE, 100 * PAGE));
        guest.write(2100, 100, 7);
        for (first, pages) in [(0_usize, 300), (2050, 120), (8191, 1)] {
            guest.command(&format!("give-back {} {}", first * 4096, pages * 4096));
            expected[first * 4096..(first + pages) * 4096].fill(0);
        }
        guest.write(100, 1, 8);
        guest.command(&format!("touch {} {}", 2060 * PAGE, 20 * PAGE));

        let name = generation.to_string();
        guest.saved(&name, generation);

        let saved = memory_in(&world.path(&format!("saved/{name}")), &[&from]);
        assert_same(&saved, &guest.memory());
        let written = 100 * 4096..101 * 4096;
        expected[written.clone()].copy_from_slice(&saved[written]);
        let written = 2170 * 4096..2200 * 4096;
        expected[written.clone()].copy_from_slice(&saved[written]);
        assert_same(&saved, &expected);
    }
}

#[test]
fn a_keeper_killed_in_the_middle_of_a_fault_leaves_no_wrong_page_behind() {
    let world = world_to_save_in();
    let from = full(&world);
    let expected = memory_in(&from, &[]);
    for kill_after in [1, 20, 150, 400] {
        let mut guest = Guest::start_with(&world, paged(&from, &[], &world));
        // Of every window one page, so that each is a fault.
        guest.command("log-reads 16");
        eventually("it has begun", || {
            (reads(&world).len() >= kill_after).then_some(())
        });

        guest.keeper.process.signal(Signal::KILL);

        guest.keeper.vmm.ended();
        let reads = reads(&world);
        for (page, word) in &reads {
            let at = page * 4096;
            assert_eq!(
                word[..],
                expected[at..at + 8],
                "page {page}, after {}",
                reads.len()
            );
        }
    }
}

/// What has been read so far: pages, and their first bytes.
fn reads(world: &World) -> Vec<(usize, [u8; 8])> {
    let log = fs::read(world.path("vm/reads")).unwrap_or_default();
    log.as_chunks::<16>()
        .0
        .iter()
        .map(|entry| {
            let (page, word) = (&entry.as_chunks::<8>().0[0], entry.as_chunks::<8>().0[1]);
            (u64::from_ne_bytes(*page) as usize, word)
        })
        .take_while(|(page, _)| *page > 0)
        .map(|(page, word)| (page - 1, word))
        .collect()
}

#[test]
fn a_keeper_that_stands_still_makes_the_guest_stand_still() {
    let world = world_to_save_in();
    let from = full(&world);
    let mut guest = Guest::start_with(&world, paged(&from, &[], &world));
    guest.keeper.process.signal(Signal::STOP);

    guest.begin("log-reads 16");
    eventually("somebody waits for a page", || {
        let tasks = fs::read_dir(guest.keeper.vmm.path("task")).unwrap();
        tasks
            .filter_map(|task| fs::read_to_string(task.unwrap().path().join("wchan")).ok())
            .any(|place| place.contains("userfault"))
            .then_some(())
    });
    assert_eq!(reads(&world), []);
    guest.keeper.process.signal(Signal::CONT);

    eventually("all has been read", || {
        (reads(&world).len() == 512).then_some(())
    });
    let expected = memory_in(&from, &[]);
    for (page, word) in reads(&world) {
        assert_eq!(
            word[..],
            expected[page * 4096..page * 4096 + 8],
            "page {page}"
        );
    }
}
