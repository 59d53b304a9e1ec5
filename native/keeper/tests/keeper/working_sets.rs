//! What a guest has used is written down, and there the next time, before it asks: in both modes.

use std::fs;

use memory_format::{PageRun, WorkingSet};
use serde_json::json;

use crate::support::generations::{MODES, PAGES, config, three_generations};
use crate::support::guest::{Guest, PAGE, assert_same, memory_in, world_to_save_in};

#[test]
fn what_was_used_is_recorded_and_present_the_next_time() {
    for mode in MODES {
        let world = world_to_save_in();
        let generation = three_generations(&world);
        let mut guest = Guest::start_with(&world, config(mode, Some(&generation), None));
        for page in [640, 64, 200] {
            guest.command(&format!("touch {} {PAGE}", page * PAGE));
        }

        let recorded = guest.keeper.connect().ask("record_working_set");

        let file = world.path("saved/working-set");
        assert_eq!(recorded["bytes"], json!(fs::metadata(&file).unwrap().len()));
        let set = WorkingSet::read(&file, PAGES * PAGE).unwrap();
        let pages: u64 = set.runs().iter().map(|run| run.pages).sum();
        assert!(pages >= 3, "{set:?}");
        // Neighbours come along (64 KiB in the one mode, what the kernel likes in the other).
        assert!(pages < 100, "{set:?}");
        let holds = |page| {
            set.runs()
                .iter()
                .position(|run| (run.first..run.first + run.pages).contains(&page))
        };
        let (first, second) = (holds(640).unwrap(), holds(64).unwrap());
        if mode == "paged" {
            assert!(first < second, "in the order of use: {set:?}");
        }
        assert_eq!(holds(500), None, "{set:?}");
        drop(guest);

        let memory = config(mode, Some(&generation), Some(&file));
        let mut guest = Guest::start_with(&world, memory);
        assert_same(&guest.memory(), &memory_in(&generation, &[]));
    }
}

#[test]
fn a_working_set_that_is_broken_is_ignored_and_one_that_repeats_itself_harmless() {
    for mode in MODES {
        let world = world_to_save_in();
        let generation = three_generations(&world);
        let expected = memory_in(&generation, &[]);
        let file = world.path("set");
        let mut repeating = WorkingSet::new();
        for _ in 0..200 {
            for first in [0, 7, 3, 998] {
                let pages = PAGES - first;
                repeating.push(PageRun { first, pages });
            }
        }
        for bytes in [
            repeating.to_bytes(),
            b"ROOSTWSS".into(),
            Vec::new(),
            vec![0xFF; 4096],
        ] {
            fs::write(&file, bytes).unwrap();
            let memory = config(mode, Some(&generation), Some(&file));
            assert_same(&Guest::start_with(&world, memory).memory(), &expected);
        }
        let log = world.read("vmm.log");
        assert_eq!(
            log.matches("the working set is ignored").count(),
            3,
            "{log}"
        );
        let nowhere = world.path("nowhere");
        let memory = config(mode, Some(&generation), Some(&nowhere));
        assert_same(&Guest::start_with(&world, memory).memory(), &expected);
    }
}
