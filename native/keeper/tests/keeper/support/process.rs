//! Looking at a process from outside, and waiting for its end.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Far more than anything here takes; only a failure ever waits that long.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A process, held by a descriptor: its number cannot come to mean another.
pub struct Process {
    pub pid: i32,
    /// None if it had ended, and had been reaped, before it could be opened.
    pidfd: Option<OwnedFd>,
}

impl Process {
    pub fn open(pid: i32) -> Self {
        let pidfd = match pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()) {
            Ok(pidfd) => Some(pidfd),
            Err(Errno::SRCH) => None,
            Err(errno) => panic!("process {pid}: {errno}"),
        };
        Self { pid, pidfd }
    }

    pub fn signal(&self, signal: Signal) {
        pidfd_send_signal(self.pidfd.as_ref().expect("it has ended"), signal).unwrap();
    }

    /// Ends it, if it has not ended.
    pub fn kill(&self) {
        if let Some(pidfd) = &self.pidfd {
            let _ = pidfd_send_signal(pidfd, Signal::KILL);
        }
    }

    /// Waits for its end.
    pub fn ended(&self) {
        assert!(
            self.ends_within(PATIENCE),
            "process {} has not ended",
            self.pid
        );
    }

    pub fn is_running(&self) -> bool {
        !self.ends_within(Duration::ZERO)
    }

    fn ends_within(&self, time: Duration) -> bool {
        let Some(pidfd) = &self.pidfd else {
            return true;
        };
        let mut watched = [PollFd::new(pidfd, PollFlags::IN)];
        let timeout = Timespec::try_from(time).unwrap();
        poll(&mut watched, Some(&timeout)).unwrap() == 1
    }

    pub fn file(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A field of its `status` file, its white space made plain.
    pub fn status(&self, field: &str) -> String {
        let status = self.file("status");
        let value = status
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let value = value.unwrap_or_else(|| panic!("no {field} in {status}"));
        value.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Which namespace of a kind it is in.
    pub fn namespace(&self, kind: &str) -> PathBuf {
        fs::read_link(self.path(&format!("ns/{kind}"))).unwrap()
    }

    /// Its descriptors, and what they lead to.
    pub fn descriptors(&self) -> Vec<(i32, PathBuf)> {
        let entries = fs::read_dir(self.path("fd")).unwrap();
        let mut descriptors: Vec<_> = entries
            .filter_map(|entry| {
                let entry = entry.unwrap();
                let number = entry.file_name().to_str().unwrap().parse().unwrap();
                // One that is closed while we look does not count.
                Some((number, fs::read_link(entry.path()).ok()?))
            })
            .collect();
        descriptors.sort();
        descriptors
    }

    pub fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.pid))
    }
}

/// Waits for something that announces itself to nobody.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "still not so: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
