//! The VMM, as its parent sees it: started, watched, killed, reaped.
//!
//! ```text
//!            spawn               its program ends, or a signal
//!   Plan ──────────────▶ Vmm ─────────────────────────────────────▶ zombie ── reap ──▶ Exit
//!     │ cannot be         │                                            ▲
//!     ▼ executed          └─ kill (SIGKILL), or the keeper dies ───────┘
//!   Failure, reaped
//! ```
//!
//! The VMM is PID 1 of a PID namespace of its own. So nothing that it starts outlives it, and a
//! signal that it sends itself does nothing where the default would be to end it: `abort()` ends by
//! SIGSEGV, the C library's last resort, instead of SIGABRT.

mod child;
mod exit;
mod fork;
mod usage;

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use confine::{Failure, Result, WhileDoing};
use rustix::fs::{Mode, OFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};

pub use child::{Plan, Program};
pub use exit::{Exit, now_ms};
pub use usage::Usage;

use fork::Forked;

/// The longest reason that a child gives for not becoming the VMM.
const LONGEST_REASON: u64 = 4096;

/// A VMM that has been executed, and not yet reaped.
pub struct Vmm {
    pid: Pid,
    /// Becomes readable when it has ended.
    pidfd: OwnedFd,
    /// Its folder in the host's `/proc`, which has no name in the keeper's own root.
    proc_folder: OwnedFd,
    kill_asked: bool,
}

impl Vmm {
    /// Forks, and returns once the child has executed its program. If it could not, answers its
    /// reason and leaves no child.
    ///
    /// `proc` is the host's `/proc`. Call it from the process's main thread, as the VMM dies with
    /// the thread that forked it.
    pub fn spawn(plan: Plan, proc: BorrowedFd<'_>) -> Result<Self> {
        // The writing end is close-on-exec. That it is closed without a word is the news that the
        // program was executed.
        let (reasons, report) =
            pipe_with(PipeFlags::CLOEXEC).while_doing(|| "make a pipe".into())?;
        let (pid, pidfd) =
            match fork::fork_into_pid_namespace().while_doing(|| "fork the VMM".into())? {
                Forked::Child => {
                    drop(reasons);
                    child::become_vmm(&plan, report, proc)
                }
                Forked::Parent { child, pidfd } => (child, pidfd),
            };
        drop((report, plan));

        let started = hear(reasons).and_then(|()| {
            rustix::fs::openat(
                proc,
                pid.to_string(),
                OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
                Mode::empty(),
            )
            .while_doing(|| format!("open /proc/{pid}"))
        });
        match started {
            Ok(proc_folder) => Ok(Self {
                pid,
                pidfd,
                proc_folder,
                kill_asked: false,
            }),
            Err(failure) => {
                let _ = pidfd_send_signal(&pidfd, Signal::KILL);
                let _ = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED);
                Err(failure)
            }
        }
    }

    /// Its process id, as the host sees it.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_pid()
    }

    /// Its folder in `/proc`.
    pub fn proc_folder(&self) -> BorrowedFd<'_> {
        self.proc_folder.as_fd()
    }

    /// Readable once the VMM has ended: then `reap` does not wait.
    pub fn ended(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// What it uses now.
    pub fn usage(&self) -> Result<Usage> {
        Usage::read(self.proc_folder.as_fd())
    }

    /// Sends SIGKILL, as somebody has asked. The end is then seen as any other.
    pub fn kill(&mut self) {
        self.kill_asked = true;
        self.cut_off();
    }

    /// Sends SIGKILL, which nobody has asked for.
    pub fn cut_off(&self) {
        // It can only fail because the VMM has ended, and that is what was wanted.
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
    }

    /// Waits for its end and takes its status.
    pub fn reap(&self) -> Result<Exit> {
        loop {
            match waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED) {
                Ok(Some(status)) => return Ok(Exit::new(&status, self.kill_asked)),
                Ok(None) | Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno).while_doing(|| "reap the VMM".into()),
            }
        }
    }
}

/// Listens to a child until it has executed its program, or has said why it cannot.
fn hear(reasons: OwnedFd) -> Result<()> {
    let mut reason = Vec::new();
    File::from(reasons)
        .take(LONGEST_REASON)
        .read_to_end(&mut reason)
        .while_doing(|| "hear from the VMM's process".into())?;
    if reason.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(String::from_utf8_lossy(&reason)))
    }
}
