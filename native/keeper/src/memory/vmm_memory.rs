//! The VMM's address space, read from outside.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

use confine::{Failure, Result, WhileDoing};
use memory_format::PAGE_SIZE;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// Of each page in `/proc/PID/pagemap`.
const PAGEMAP_ENTRY: u64 = 8;

/// Its files in `/proc`. They belong to the program that was executed when they were opened, and to
/// no other that may come to have its number.
pub struct VmmMemory {
    mem: File,
    pagemap: File,
    /// The process's folder, as a path only.
    folder: OwnedFd,
}

impl VmmMemory {
    /// `folder` is the VMM's in `/proc`. To be opened as root: once the keeper is its user, Yama may
    /// forbid it. None if it has ended already.
    pub fn open(folder: BorrowedFd<'_>) -> Result<Option<Self>> {
        let open = || -> rustix::io::Result<Self> {
            Ok(Self {
                mem: open_in(folder, "mem")?,
                pagemap: open_in(folder, "pagemap")?,
                folder: rustix::io::fcntl_dupfd_cloexec(folder, 0)?,
            })
        };
        match open() {
            Err(Errno::SRCH) => Ok(None),
            opened => opened
                .map(Some)
                .while_doing(|| "open the VMM's memory".into()),
        }
    }

    /// Fills `bytes` with what is at `address`.
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> Result<()> {
        self.mem
            .read_exact_at(bytes, address)
            .map_err(|error| match error.kind() {
                // So it is with a process that has let go of its memory.
                ErrorKind::UnexpectedEof => ended(),
                _ => Failure::caused("read the VMM's memory", error),
            })
    }

    /// For `PAGEMAP_SCAN`.
    pub fn pagemap(&self) -> BorrowedFd<'_> {
        self.pagemap.as_fd()
    }

    /// What `/proc/PID/pagemap` says of the pages from `address` on.
    pub fn page_facts(&self, address: u64, facts: &mut [u64]) -> Result<()> {
        let mut bytes = vec![0; size_of_val(facts)];
        self.pagemap
            .read_exact_at(&mut bytes, address / PAGE_SIZE * PAGEMAP_ENTRY)
            .map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => ended(),
                _ => Failure::caused("read the VMM's pagemap", error),
            })?;
        for (fact, bytes) in facts.iter_mut().zip(bytes.as_chunks().0) {
            *fact = u64::from_ne_bytes(*bytes);
        }
        Ok(())
    }

    /// Fails if the VMM may have lost some of its memory: then a scan finds too few pages, and says
    /// nothing. `address` is any in its memory.
    ///
    /// The kernel takes the memory of a process away in two cases: it has ended, which its pagemap
    /// tells at once; or it is being killed, and, memory being short, the OOM killer does not wait
    /// for its end. The signal for that is there before.
    pub fn check_whole(&self, address: u64) -> Result<()> {
        self.page_facts(address, &mut [0])?;
        let mut status = String::new();
        open_in(self.folder.as_fd(), "status")
            .map_err(std::io::Error::from)
            .and_then(|mut file| file.read_to_string(&mut status))
            .while_doing(|| "read the VMM's status file".into())?;
        if is_being_killed(&status) {
            return Err(ended());
        }
        Ok(())
    }
}

fn open_in(folder: BorrowedFd<'_>, name: &str) -> rustix::io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    rustix::fs::openat(folder, name, flags, Mode::empty()).map(File::from)
}

/// What reading the memory of a VMM that has ended comes to.
pub fn ended() -> Failure {
    Failure::new("the VMM has ended")
}

/// See proc_pid_status(5). A text in which something is missing is of a process that is gone.
fn is_being_killed(status: &str) -> bool {
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
    };
    let kill = 1_u64 << (libc::SIGKILL - 1);
    let pends = |name| {
        field(name)
            .and_then(|signals| u64::from_str_radix(signals, 16).ok())
            .is_none_or(|signals| signals & kill != 0)
    };
    let is_gone = field("State").is_none_or(|state| state.starts_with(['Z', 'X']));
    is_gone || pends("SigPnd") || pends("ShdPnd")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_that_waits_for_the_process_or_a_thread_is_seen() {
        let status = |state: &str, own: &str, shared: &str| {
            format!(
                "Name:\tqemu\nState:\t{state}\nThreads:\t3\nSigPnd:\t{own}\nShdPnd:\t{shared}\n"
            )
        };
        let (none, kill) = ("0000000000000000", "0000000000000100");
        assert!(!is_being_killed(&status("S (sleeping)", none, none)));
        assert!(!is_being_killed(&status(
            "D (disk sleep)",
            none,
            "0000000000004000"
        )));
        assert!(is_being_killed(&status("S (sleeping)", kill, none)));
        assert!(is_being_killed(&status("R (running)", none, kill)));
        assert!(is_being_killed(&status("Z (zombie)", none, none)));
        assert!(is_being_killed("Name:\tqemu\nState:\tS (sleeping)\n"));
        assert!(is_being_killed(""));
    }
}
