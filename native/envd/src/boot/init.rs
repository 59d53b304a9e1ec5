//! PID 1 of the guest, for as long as it lives: keeps the server running, reaps orphans, and ends the machine when told.
//! It does nothing else, so that nothing else can end it.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, WaitOptions};

use super::failure::{Failure, Step};
use super::signals::{Signals, Told};
use super::{console, network, shutdown};

/// The one port of the guest's server.
const PORT: u16 = 49983;

/// A server that dies at once is started again after this long, then after twice as long, …
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// One that lived this long is not the server that fails at its start.
const STEADY: Duration = Duration::from_secs(60);

/// Runs until the machine is told to end.
pub fn run() -> Result<(), Failure> {
    let signals = Signals::block().step("block signals")?;
    raise_limits();
    // What `/init` told a server is kept here for the next one: a server without its access token would obey anybody.
    let session = memfd_create(c"envd-session", MemfdFlags::empty())
        .step("make the session's memory file")?;

    let mut delay = FIRST_DELAY;
    loop {
        let started = Instant::now();
        let server = start_server(&session).step("start the server")?;
        if let Ended::Told = attend(&signals, server) {
            break;
        }
        delay = if started.elapsed() >= STEADY {
            FIRST_DELAY
        } else {
            delay
        };
        console::complain(&format!(
            "the server ended; started again in {} ms",
            delay.as_millis()
        ));
        if let Ended::Told = wait_out(&signals, delay) {
            break;
        }
        delay = (delay * 2).min(LONGEST_DELAY);
    }
    shutdown::end_processes(&signals);
    shutdown::settle_disk().step("make the root disk read-only")
}

enum Ended {
    /// The server, or the time to wait.
    Awaited,
    /// Somebody wants the machine to end.
    Told,
}

fn attend(signals: &Signals, server: Pid) -> Ended {
    loop {
        match signals.wait(None) {
            Some(Told::End) => return Ended::Told,
            Some(Told::Child) | None => {}
        }
        // One SIGCHLD may stand for many children.
        let mut server_ended = false;
        while let Some(pid) = reap_one() {
            server_ended |= pid == server;
        }
        if server_ended {
            return Ended::Awaited;
        }
    }
}

fn wait_out(signals: &Signals, delay: Duration) -> Ended {
    let deadline = Instant::now() + delay;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match signals.wait(Some(left)) {
            Some(Told::End) => return Ended::Told,
            Some(Told::Child) => while reap_one().is_some() {},
            None if left.is_zero() => return Ended::Awaited,
            None => {}
        }
    }
}

fn reap_one() -> Option<Pid> {
    rustix::process::wait(WaitOptions::NOHANG)
        .ok()
        .flatten()
        .map(|(pid, _)| pid)
}

/// The server is this same program, wherever its file is: the initramfs is out of reach by name.
fn start_server(session: &OwnedFd) -> io::Result<Pid> {
    let console = File::options()
        .write(true)
        .open("/dev/console")
        .map_or_else(|_| Stdio::null(), Stdio::from);
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("envd")
        .arg("serve")
        .args(["--listen", &format!("0.0.0.0:{PORT}")])
        .args(["--gateway", &network::GATEWAY.to_string()])
        .args(["--session-fd", &session.as_raw_fd().to_string()])
        .arg("--guest")
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(console);
    Signals::unblock_in(&mut command);
    Ok(Pid::from_child(&command.spawn()?))
}

/// The kernel gives PID 1 at most 4096 open files, and all others inherit that: databases and file watchers want more.
fn raise_limits() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(1024),
            maximum: Some(1 << 20),
        },
    );
}
