//! A fork whose child is PID 1 of a new PID namespace.

use std::io::{Error, Result};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use rustix::process::Pid;

/// Which of the two we are.
pub enum Forked {
    Child,
    Parent { child: Pid, pidfd: OwnedFd },
}

/// Not `unshare` and `fork`: a process that has unshared its PID namespace can start no thread any
/// more, and the keeper's page server will want one. `clone3` makes the namespace for the child
/// alone, and a descriptor of the child with it.
pub fn fork_into_pid_namespace() -> Result<Forked> {
    let mut pidfd: RawFd = -1;
    // SAFETY: all zero is a valid `clone_args`: no flags, no signal, the parent's stack.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = (libc::CLONE_NEWPID | libc::CLONE_PIDFD) as u64;
    arguments.pidfd = &raw mut pidfd as u64;
    arguments.exit_signal = libc::SIGCHLD as u64;
    let size = size_of_val(&arguments);
    // SAFETY: without CLONE_VM this is a fork. The process has one thread, so that the child finds
    // no lock held by another, and may use the allocator. `arguments` and `pidfd` outlive the call.
    let answer = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size) };
    if answer == 0 {
        return Ok(Forked::Child);
    }
    let child = i32::try_from(answer).ok().filter(|&pid| pid > 0);
    let child = child
        .and_then(Pid::from_raw)
        .ok_or_else(Error::last_os_error)?;
    // SAFETY: the kernel has just stored a new descriptor there, which nobody else knows.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Forked::Parent { child, pidfd })
}
