//! Leaving the host's namespaces.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

use crate::{Result, WhileDoing};

/// Enters the network namespace that is mounted at `path` (as `ip netns add` does it).
pub fn enter_network(path: &Path) -> Result<()> {
    let what = || format!("enter the network namespace {}", path.display());
    let namespace = File::open(path).while_doing(what)?;
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).while_doing(what)
}

/// Gives this process a mount namespace of its own: a copy of what it saw until now.
pub fn leave_mounts() -> Result<()> {
    leave(UnshareFlags::NEWNS, "mount")
}

/// Gives this process System V IPC and POSIX message queues of its own, empty.
pub fn leave_ipc() -> Result<()> {
    leave(UnshareFlags::NEWIPC, "IPC")
}

/// Gives this process a host name of its own, so that the machine's is not told.
pub fn leave_host_name(own_name: &str) -> Result<()> {
    leave(UnshareFlags::NEWUTS, "UTS")?;
    rustix::system::sethostname(own_name.as_bytes())
        .while_doing(|| format!("set the host name {own_name}"))
}

fn leave(flag: UnshareFlags, name: &str) -> Result<()> {
    // SAFETY: no flag of this module is FILES, the only one that can surprise another thread's
    // descriptors.
    unsafe { unshare_unsafe(flag) }.while_doing(|| format!("make a {name} namespace"))
}
