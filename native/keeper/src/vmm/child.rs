//! From the fork to the VMM's first instruction: the child's side.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use confine::{Failure, Result, WhileDoing};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A VMM dies before any service of the machine when memory runs out, and before its keeper, which
/// then tells of it.
const OOM_SCORE: i32 = 500;

/// All that a child needs to become the VMM. Made before the fork.
pub struct Plan {
    pub program: Program,
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
    /// What else it inherits, and the number that it is told to find each under.
    pub descriptors: Vec<(OwnedFd, RawFd)>,
    pub uid: u32,
    pub gid: u32,
}

/// What is executed, in the form that the kernel takes.
pub struct Program {
    argv: Vec<CString>,
    env: Vec<CString>,
}

impl Program {
    /// `argv` begins with the program's path; `env` is all of its environment.
    pub fn new(argv: &[String], env: &BTreeMap<String, String>) -> Result<Self> {
        let for_kernel = |text: String| {
            CString::new(text).map_err(|_| Failure::new("argv and env must not contain NUL"))
        };
        Ok(Self {
            argv: argv
                .iter()
                .cloned()
                .map(for_kernel)
                .collect::<Result<_>>()?,
            env: env
                .iter()
                .map(|(name, value)| for_kernel(format!("{name}={value}")))
                .collect::<Result<_>>()?,
        })
    }

    /// Returns only if it could not.
    fn execute(&self) -> Failure {
        let pointers = |strings: &[CString]| -> Vec<*const libc::c_char> {
            strings
                .iter()
                .map(|string| string.as_ptr())
                .chain([std::ptr::null()])
                .collect()
        };
        let (argv, env) = (pointers(&self.argv), pointers(&self.env));
        // SAFETY: both lists hold pointers to NUL-terminated strings that live in `self`, and end
        // in a null pointer.
        unsafe { libc::execve(argv[0], argv.as_ptr(), env.as_ptr()) };
        let error = std::io::Error::last_os_error();
        Failure::caused(format!("execute {}", self.argv[0].to_string_lossy()), error)
    }
}

/// Becomes the VMM, or writes to `report` why not, and ends.
pub fn become_vmm(plan: &Plan, report: OwnedFd, proc: BorrowedFd<'_>) -> ! {
    let mut report = report;
    let failure = match prepare(plan, &mut report, proc) {
        Ok(()) => plan.program.execute(),
        Err(failure) => failure,
    };
    let _ = rustix::io::write(&report, failure.to_string().as_bytes());
    // SAFETY: ends the process and does nothing else; `exit` would run what belongs to the parent.
    unsafe { libc::_exit(127) }
}

fn prepare(plan: &Plan, report: &mut OwnedFd, proc: BorrowedFd<'_>) -> Result<()> {
    confine::limits::oom_score(proc, OOM_SCORE)?;
    confine::limits::no_core_dump()?;
    confine::signals::reset()?;
    // Memory is frozen, and shared, page by page: a huge page is all changed with its first byte.
    // Where the kernel has none, there is nothing to turn off.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    place_descriptors(plan, report)?;
    confine::privileges::drop_to(plan.uid, plan.gid)?;
    confine::parent_death::die_with_parent(|| has_reader(report.as_fd()))
}

/// Puts the VMM's descriptors under their numbers; `exec` closes all others.
fn place_descriptors(plan: &Plan, report: &mut OwnedFd) -> Result<()> {
    let what = || "place the VMM's descriptors".to_owned();
    let numbers: Vec<RawFd> = plan.descriptors.iter().map(|(_, number)| *number).collect();
    let highest = numbers.iter().copied().max().unwrap_or(2);
    // A number that is to be filled may be in use by one of those that are to fill it: first move
    // all above.
    let above =
        |fd: BorrowedFd<'_>| rustix::io::fcntl_dupfd_cloexec(fd, highest + 1).while_doing(what);
    let (stdin, stdout, stderr) = (
        above(plan.stdin.as_fd())?,
        above(plan.stdout.as_fd())?,
        above(plan.stderr.as_fd())?,
    );
    *report = above(report.as_fd())?;
    let moved: Vec<OwnedFd> = plan
        .descriptors
        .iter()
        .map(|(descriptor, _)| above(descriptor.as_fd()))
        .collect::<Result<_>>()?;
    for (descriptor, number) in moved.iter().zip(&numbers) {
        // SAFETY: what had this number has been moved if it is still needed, and nobody here uses
        // it by the old one.
        let answer = unsafe { libc::dup2(descriptor.as_raw_fd(), *number) };
        if answer < 0 {
            return Err(std::io::Error::last_os_error()).while_doing(what);
        }
    }
    rustix::stdio::dup2_stdin(stdin)
        .and_then(|()| rustix::stdio::dup2_stdout(stdout))
        .and_then(|()| rustix::stdio::dup2_stderr(stderr))
        .while_doing(what)?;
    confine::descriptors::close_on_exec_except(&numbers)
}

/// The parent alone holds the reading end of `report`: it is gone when that is.
fn has_reader(report: BorrowedFd<'_>) -> bool {
    let mut watched = [PollFd::new(&report, PollFlags::empty())];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut watched, Some(&now)).is_ok_and(|_| !watched[0].revents().contains(PollFlags::ERR))
}
