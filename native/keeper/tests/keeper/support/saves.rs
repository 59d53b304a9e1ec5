//! What tests of saving look for.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{World, eventually};

/// An answer that says why not.
pub fn assert_refused(answer: &Value, with: &str) {
    assert_eq!(answer["ok"], json!(false), "{answer}");
    let error = answer["error"].as_str().unwrap();
    assert!(error.contains(with), "{error:?} should contain {with:?}");
}

pub fn assert_empty(folder: &Path) {
    let names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(names.is_empty(), "{names:?}");
}

/// The generation is under way: its folder is there.
pub fn begun(world: &World, name: &str) {
    let state = world.path("saved").join(name).join("vmstate");
    eventually("the save has begun", || state.exists().then_some(()));
}
