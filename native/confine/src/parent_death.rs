//! Dying with one's parent.

use rustix::process::{Signal, set_parent_process_death_signal};

use crate::{Failure, Result, WhileDoing};

/// Has the kernel send SIGKILL to this process when the *thread* that forked it ends.
///
/// The parent may have died before the kernel was asked, and then nothing would ever be sent. So
/// `parent_is_there` is asked afterwards, and must see a parent that is gone: compare `getppid()`,
/// or, across PID namespaces, where that is always 0, watch a pipe whose other end only the parent
/// holds.
///
/// A change of user, or executing a set-uid program, takes the request away: call it after the one,
/// and set no_new_privs against the other.
pub fn die_with_parent(parent_is_there: impl FnOnce() -> bool) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .while_doing(|| "ask to die with the parent".into())?;
    if parent_is_there() {
        Ok(())
    } else {
        Err(Failure::new("the parent process has ended already"))
    }
}
