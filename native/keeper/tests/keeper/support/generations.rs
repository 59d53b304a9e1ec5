//! Generations to restore a memory from.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::World;
use super::guest::{Guest, PAGE, memory_config};

pub const MODES: [&str; 2] = ["mapped", "paged"];
/// No multiple of what is brought at a time.
pub const PAGES: u64 = 1000;

/// Of a memory of `PAGES` pages.
pub fn config(mode: &str, from: Option<&Path>, working_set: Option<&Path>) -> Value {
    let mut memory = memory_config(PAGES, from);
    memory["mode"] = json!(mode);
    memory["working_set"] = json!(working_set);
    memory
}

/// Three generations in one folder, the last of many small ranges of all three and of zeros.
pub fn three_generations(world: &World) -> PathBuf {
    let mut guest = Guest::start_with(world, config("mapped", None, None));
    guest.write(3, 700, 1);
    guest.saved("1", 1);
    let mut from = world.path("saved/1");
    for generation in [2, 3] {
        drop(guest);
        guest = Guest::start_with(world, config("mapped", Some(&from), None));
        for page in (generation..PAGES - 40).step_by(37) {
            guest.write(page, 1 + page % 3, page);
        }
        guest.command(&format!("zero {} {}", (100 * generation) * PAGE, 20 * PAGE));
        guest.saved(&generation.to_string(), generation);
        let next = world.path(&format!("saved/{generation}"));
        share_layers(&from, &next);
        from = next;
    }
    from
}

/// A generation holds the layers of those before it.
pub fn share_layers(from: &Path, to: &Path) {
    for layer in fs::read_dir(from.join("memory")).unwrap() {
        let layer = layer.unwrap();
        let place = to.join("memory").join(layer.file_name());
        fs::hard_link(layer.path(), place).unwrap();
    }
}
