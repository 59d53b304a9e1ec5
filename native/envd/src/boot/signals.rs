//! Signals that PID 1 waits for. They stay blocked and are taken one by one, so no handler ever runs.

use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;
use std::time::Duration;

/// What a signal means to PID 1.
pub enum Told {
    /// A child ended.
    Child,
    /// The machine is to end.
    End,
}

/// By SIGTERM, SIGINT, SIGPWR, and as busybox's halt, poweroff and reboot do it: a sandbox that ends does not come back
/// by itself, so they all mean the same here.
const END: [libc::c_int; 5] = [
    libc::SIGTERM,
    libc::SIGINT,
    libc::SIGPWR,
    libc::SIGUSR1,
    libc::SIGUSR2,
];

/// The set of signals waited for, blocked in this thread.
pub struct Signals(libc::sigset_t);

impl Signals {
    /// Blocks them. Must be called before any other thread starts.
    pub fn block() -> io::Result<Self> {
        let set = set_of(&[&[libc::SIGCHLD], &END[..]].concat());
        // SAFETY: the set is valid, and no old mask is asked for.
        match unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) } {
            0 => Ok(Self(set)),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    /// Makes a program start with no signal blocked: a mask is inherited, and a process that inherited ours could not be
    /// asked to end.
    pub fn unblock_in(command: &mut Command) {
        let none = set_of(&[]);
        let unblock = move || {
            // SAFETY: the set is valid, and no old mask is asked for.
            match unsafe {
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut())
            } {
                0 => Ok(()),
                error => Err(io::Error::from_raw_os_error(error)),
            }
        };
        // SAFETY: the closure makes one system call, which is allowed between fork and exec.
        unsafe { command.pre_exec(unblock) };
    }

    /// Waits for one of them, at most as long as given. `None`: time is up (or something else interrupted the wait).
    pub fn wait(&self, at_most: Option<Duration>) -> Option<Told> {
        let timeout = at_most.map(|left| libc::timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: the set is initialised; the timeout is null or points to a value that outlives the call; no siginfo
        // is asked for.
        let signal = unsafe { libc::sigtimedwait(&raw const self.0, ptr::null_mut(), timeout) };
        match signal {
            libc::SIGCHLD => Some(Told::Child),
            signal if END.contains(&signal) => Some(Told::End),
            _ => None,
        }
    }
}

fn set_of(signals: &[libc::c_int]) -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set before anything reads it; the signal numbers are valid.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for &signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}
