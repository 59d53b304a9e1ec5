//! PID 1, from the first instruction in the initramfs to the end of the machine.
//!
//! ```text
//! initramfs: /dev → modules → root disk → switch root ─┐
//! guest:     mounts → network → names → init (server, orphans, end)
//! ```
//!
//! A step that fails says so in one line on the console, and the machine ends: nobody would find a guest that is half up.

mod console;
mod failure;
mod identity;
mod init;
mod modules;
mod mounts;
mod network;
mod root;
mod shutdown;
mod signals;

use failure::Failure;

pub use mounts::USERS_CGROUP;

/// Runs PID 1. Never returns.
pub fn run() -> ! {
    match boot().and_then(|()| init::run()) {
        Ok(()) => console::note("the machine ends"),
        Err(failure) => console::complain(&format!("{failure}; the machine ends")),
    }
    shutdown::power_off()
}

fn boot() -> Result<(), Failure> {
    root::switch()?;
    mounts::make()?;
    network::set_up()?;
    identity::assume(network::GATEWAY);
    Ok(())
}
