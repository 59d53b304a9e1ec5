//! Moving into control groups.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use crate::{Result, WhileDoing};

/// Moves this process into the cgroup whose `cgroup.procs` file is `procs`.
///
/// Works the same on cgroup v2 and in each hierarchy of v1. Writing `0` means "whoever writes", so
/// that no process id, which might be of another PID namespace, is involved. The file is opened,
/// never made.
pub fn enter(procs: &Path) -> Result<()> {
    OpenOptions::new()
        .write(true)
        .open(procs)
        .and_then(|mut file| file.write_all(b"0"))
        .while_doing(|| format!("enter the cgroup {}", procs.display()))
}
