//! A start that must fail, and leave nothing: no file, no process in the cgroup, no mount.

use serde_json::{Value, json};

use super::{Cgroup, Keeper, WAIT, World};

/// Starts a keeper after `spoil` has had its way with the world and the configuration, and gives
/// its error.
pub fn failure(spoil: impl FnOnce(&World, &mut Value)) -> String {
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

/// The same, of one field changed.
pub fn failure_with(field: &str, value: Value) -> String {
    failure(|_, config| config[field] = value)
}

/// Says both if it does not.
pub fn assert_begins(error: &str, expected: &str) {
    assert!(
        error.starts_with(expected),
        "{error:?} should begin with {expected:?}"
    );
}
