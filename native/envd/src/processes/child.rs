//! Between fork and exec: what the child does before it becomes the program. Only system calls on what was prepared before:
//! the child is a copy of one thread, so no lock is safe to take, and memory's allocator has one.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Gid, Mode, OFlags};
use rustix::io::Errno;

use crate::limits::OpenFiles;
use crate::users::User;

/// Where it failed. Its number is written to the pipe that the parent reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Session = 1,
    User,
    Folder,
}

impl Step {
    /// The step with this number.
    pub fn of(number: u8) -> Option<Self> {
        [Self::Session, Self::User, Self::Folder]
            .into_iter()
            .find(|step| *step as u8 == number)
    }
}

/// What the child needs.
#[derive(Debug)]
pub struct ChildSide {
    /// An open `cgroup.procs`.
    pub cgroup: Option<OwnedFd>,
    pub open_files: OpenFiles,
    /// Its streams are a terminal's.
    pub has_terminal: bool,
    pub user: User,
    pub groups: Vec<Gid>,
    pub folder: CString,
    /// Where to go if there it cannot be.
    pub folder_if_not: Option<&'static CStr>,
    /// Closed by exec; before that the parent learns here which step failed.
    pub at: OwnedFd,
}

impl ChildSide {
    /// Makes this process what the program expects to find.
    pub fn settle(&self) -> io::Result<()> {
        self.tell(Step::Session, self.enter_session())?;
        self.tell(Step::User, self.become_user())?;
        self.tell(Step::Folder, self.enter_folder())
    }

    fn tell(&self, step: Step, result: Result<(), Errno>) -> io::Result<()> {
        if result.is_err() {
            let _ = rustix::io::write(&self.at, &[step as u8]);
        }
        result.map_err(io::Error::from)
    }

    fn enter_session(&self) -> Result<(), Errno> {
        if let Some(procs) = &self.cgroup {
            rustix::io::write(procs, b"0")?;
        }
        // When memory runs out the agent is spared; what it starts is not. And its own many files are its own.
        if let Ok(score) = rustix::fs::open(
            c"/proc/self/oom_score_adj",
            OFlags::WRONLY | OFlags::CLOEXEC,
            Mode::empty(),
        ) {
            let _ = rustix::io::write(&score, b"0");
        }
        self.open_files.restore();
        rustix::process::setsid()?;
        if self.has_terminal {
            // Its input is connected already. Without this Ctrl-C would be a character, and nothing would hang up.
            rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
        }
        Ok(())
    }

    /// These calls change one thread only, and this one is all that the child has.
    fn become_user(&self) -> Result<(), Errno> {
        if rustix::process::geteuid().is_root() {
            rustix::thread::set_thread_groups(&self.groups)?;
            rustix::thread::set_thread_res_gid(self.user.gid, self.user.gid, self.user.gid)?;
            rustix::thread::set_thread_res_uid(self.user.uid, self.user.uid, self.user.uid)?;
        }
        Ok(())
    }

    fn enter_folder(&self) -> Result<(), Errno> {
        match (
            rustix::process::chdir(self.folder.as_c_str()),
            self.folder_if_not,
        ) {
            (Err(_), Some(other)) => rustix::process::chdir(other),
            (result, _) => result,
        }
    }
}
