//! Control groups of a test, in whatever hierarchies the machine has.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One group in each hierarchy that was found: of v1 `pids` and `memory`, and v2.
pub struct Cgroup {
    name: String,
    folders: Vec<PathBuf>,
}

impl Cgroup {
    pub fn new(name: &str) -> Self {
        let candidates = [
            "/sys/fs/cgroup",
            "/sys/fs/cgroup/unified",
            "/sys/fs/cgroup/pids",
            "/sys/fs/cgroup/memory",
        ];
        let is_hierarchy = |folder: &&&str| Path::new(folder).join("cgroup.procs").exists();
        let folders: Vec<_> = candidates
            .iter()
            .filter(is_hierarchy)
            .map(|folder| Path::new(folder).join(name))
            .collect();
        assert!(
            !folders.is_empty(),
            "no cgroup hierarchy is mounted under /sys/fs/cgroup"
        );
        for folder in &folders {
            fs::create_dir(folder).unwrap();
        }
        Self {
            name: name.into(),
            folders,
        }
    }

    /// What a keeper is told to enter.
    pub fn procs(&self) -> Vec<PathBuf> {
        self.folders
            .iter()
            .map(|folder| folder.join("cgroup.procs"))
            .collect()
    }

    /// How many processes each of the groups holds.
    pub fn populations(&self) -> Vec<usize> {
        self.procs()
            .iter()
            .map(|procs| fs::read_to_string(procs).unwrap().lines().count())
            .collect()
    }

    /// In how many hierarchies a process with this `cgroup` file is in the group.
    pub fn memberships(&self, cgroup_file: &str) -> usize {
        cgroup_file
            .lines()
            .filter(|line| line.ends_with(&format!("/{}", self.name)))
            .count()
    }

    pub fn hierarchies(&self) -> usize {
        self.folders.len()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for folder in &self.folders {
            // A process that has ended leaves its group a moment later.
            for _ in 0..1000 {
                if fs::remove_dir(folder).is_ok() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}
