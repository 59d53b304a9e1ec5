//! The end of the machine: processes, disk, power.

use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::mount::{MountFlags, mount_remount};
use rustix::process::{Signal, WaitOptions, wait};
use rustix::system::{RebootCommand, reboot};

use super::console;
use super::signals::Signals;

/// How long processes get between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// Ends every process but this one: asked first, then killed. Returns once all are reaped.
pub fn end_processes(signals: &Signals) {
    signal_all(Signal::TERM);
    let deadline = Instant::now() + GRACE;
    while !all_reaped() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            signal_all(Signal::KILL);
            break;
        }
        signals.wait(Some(left));
    }
}

/// Writes everything to the disk and lets nobody write again: the next mount has no journal to replay.
pub fn settle_disk() -> Result<(), Errno> {
    rustix::fs::sync();
    mount_remount("/", MountFlags::RDONLY, "")
}

/// Ends the machine. Under `reboot=t` a restart is a triple fault, which ends QEMU (run with `-no-reboot`) and
/// Firecracker; unlike powering off it needs no ACPI.
pub fn power_off() -> ! {
    let errno = reboot(RebootCommand::Restart).err().unwrap_or(Errno::INVAL);
    // PID 1 that ends makes the kernel panic; with `panic=-1` that ends the machine too.
    console::complain(&format!("restart: {errno}"));
    std::process::exit(1)
}

fn signal_all(signal: Signal) {
    // SAFETY: kill(2) takes no pointers. -1 is every process but this one.
    unsafe { libc::kill(-1, signal.as_raw()) };
}

fn all_reaped() -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => return false,
            Err(errno) => return errno == Errno::CHILD,
        }
    }
}
