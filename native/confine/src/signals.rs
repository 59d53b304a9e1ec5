//! Signals as a program expects to find them.

use crate::{Result, WhileDoing};

/// Gives every signal its default action and blocks none. Ignored signals and the mask survive `exec`: a program that was
/// started with SIGPIPE ignored or SIGTERM blocked behaves strangely, and does not know why.
pub fn reset() -> Result<()> {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: the default action runs no code of ours. That SIGKILL, SIGSTOP and two of the C library's own refuse is as it should be.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    let mut none = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `none` is written by sigemptyset before it is read, and the old mask is not asked for.
    let answer = unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut())
    };
    if answer == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }.while_doing(|| "unblock the signals".into())
}
