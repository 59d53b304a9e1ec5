//! Signals to the keeper itself.
//!
//! SIGTERM asks for what `kill` does, so that a machine that shuts down gets an answer at once, and
//! an exit file. SIGINT and SIGHUP are ignored: what happens at the terminal of whoever started the
//! agent is none of a sandbox's business.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

use confine::{Result, WhileDoing};

/// SIGTERM as something to wait for.
pub struct Termination(OwnedFd);

impl Termination {
    /// From here on SIGTERM waits to be noticed, and SIGINT and SIGHUP do nothing. Inherited by
    /// children, which reset it.
    pub fn expect() -> Result<Self> {
        let mut signals = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: `signals` is written by sigemptyset before it is read; ignoring a signal runs no
        // code of ours; a descriptor that signalfd returns belongs to nobody else.
        let made = unsafe {
            libc::signal(libc::SIGINT, libc::SIG_IGN);
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            libc::sigemptyset(signals.as_mut_ptr());
            libc::sigaddset(signals.as_mut_ptr(), libc::SIGTERM);
            libc::sigprocmask(libc::SIG_BLOCK, signals.as_ptr(), std::ptr::null_mut());
            match libc::signalfd(-1, signals.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
                -1 => Err(std::io::Error::last_os_error()),
                fd => Ok(OwnedFd::from_raw_fd(fd)),
            }
        };
        Ok(Self(made.while_doing(|| "watch for SIGTERM".into())?))
    }

    /// Readable when SIGTERM has come.
    pub fn signals(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Whether it has come since the last time.
    pub fn is_asked(&self) -> bool {
        let mut signal = [0; size_of::<libc::signalfd_siginfo>()];
        rustix::io::read(&self.0, &mut signal).is_ok()
    }
}
