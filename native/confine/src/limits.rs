//! Small per-process settings that a child inherits.

use std::os::fd::BorrowedFd;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::{Result, WhileDoing};

/// A crash leaves no core dump, which would hold the memory of a guest.
///
/// The limit is 1 byte, not 0: where the machine pipes core dumps to a program (apport,
/// systemd-coredump), the kernel does so whatever the limit, except for exactly 1.
pub fn no_core_dump() -> Result<()> {
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(1),
            maximum: Some(1),
        },
    )
    .while_doing(|| "forbid core dumps".into())
}

/// Sets how much rather than others this process is killed when memory runs out: -1000 (never) to
/// 1000 (first).
///
/// `proc` is an open `/proc` of the host, since the path may be out of sight by now. To go below
/// what one has, one must be root.
pub fn oom_score(proc: BorrowedFd<'_>, score: i32) -> Result<()> {
    rustix::fs::openat(
        proc,
        "self/oom_score_adj",
        OFlags::WRONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .and_then(|file| rustix::io::write(&file, score.to_string().as_bytes()))
    .map(drop)
    .while_doing(|| format!("set oom_score_adj to {score}"))
}
