//! Signals as a program expects to find them.

use crate::{Result, WhileDoing};

/// The kernel's signals, as a program finds them in `SigIgn` of its status file.
const SIGNALS: std::ops::RangeInclusive<libc::c_int> = 1..=64;
/// What the kernel calls a sigaction, all zero: the default action, no flags, an empty mask.
const DEFAULT_ACTION: [u64; 4] = [0; 4];
const SIZE_OF_MASK: usize = 8;

/// Gives every signal its default action and blocks none. Ignored signals and the mask survive
/// `exec`: a program that is started with SIGPIPE ignored, or SIGTERM blocked, behaves strangely
/// and does not know why.
///
/// The C library's `signal` will not touch the two that it uses itself, though those, too, may have
/// come to us ignored. So the kernel is asked.
pub fn reset() -> Result<()> {
    for signal in SIGNALS {
        // SAFETY: the action is alive, as large as the kernel expects, and runs no code of ours.
        // That SIGKILL and SIGSTOP refuse is as it should be.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                DEFAULT_ACTION.as_ptr(),
                std::ptr::null::<u64>(),
                SIZE_OF_MASK,
            )
        };
    }
    let mut none = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `none` is written by sigemptyset before it is read, and the old mask is not asked
    // for.
    let answer = unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut())
    };
    if answer == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
    .while_doing(|| "unblock the signals".into())
}
