//! The cgroup (v2) of users' processes: everything they start is in it, so that all of it can be frozen at once.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A process that sleeps in the kernel (on a slow disk) freezes only when it wakes.
const FREEZE_LIMIT: Duration = Duration::from_secs(5);

/// A cgroup that exists. Freezing it leaves alone what users froze themselves, in cgroups below.
#[derive(Debug)]
pub struct UsersCgroup {
    folder: PathBuf,
    procs: OwnedFd,
    closed: AtomicBool,
}

impl UsersCgroup {
    /// Opens it. A server that died while it was frozen is followed by one that knows.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let procs = File::options()
            .write(true)
            .open(folder.join("cgroup.procs"))?;
        let frozen = fs::read_to_string(folder.join("cgroup.freeze"))?.trim() == "1";
        Ok(Self {
            folder: folder.to_owned(),
            procs: procs.into(),
            closed: AtomicBool::new(frozen),
        })
    }

    /// `cgroup.procs`, for writing: who writes "0" to it enters.
    pub fn procs(&self) -> &OwnedFd {
        &self.procs
    }

    /// Whether processes must not be started: one that entered a frozen cgroup would never become the program, and the server
    /// would wait for it.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Lets no process be started from now on. To be called on the server's thread, which starts processes in one go: so none
    /// is on its way when `freeze` begins.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Stops every process in it, and returns once all stand still. Blocks; if they do not within some seconds, all run
    /// again.
    pub fn freeze(&self) -> io::Result<()> {
        self.write("1")
            .and_then(|()| self.await_frozen())
            .inspect_err(|_| {
                let _ = self.thaw();
            })
    }

    /// Lets them run, and new ones start.
    pub fn thaw(&self) -> io::Result<()> {
        self.write("0")?;
        self.closed.store(false, Ordering::Release);
        Ok(())
    }

    fn write(&self, state: &str) -> io::Result<()> {
        fs::write(self.folder.join("cgroup.freeze"), state)
    }

    fn await_frozen(&self) -> io::Result<()> {
        let path = self.folder.join("cgroup.events");
        let events = File::open(&path)?;
        let deadline = Instant::now() + FREEZE_LIMIT;
        // The file is read again after the descriptor to poll was opened, so no change goes unnoticed.
        while !fs::read_to_string(&path)?
            .lines()
            .any(|line| line == "frozen 1")
        {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "processes did not freeze in time",
                ));
            }
            let timeout = Timespec {
                tv_sec: left.as_secs() as i64,
                tv_nsec: i64::from(left.subsec_nanos()),
            };
            poll(&mut [PollFd::new(&events, PollFlags::PRI)], Some(&timeout))?;
        }
        Ok(())
    }
}
