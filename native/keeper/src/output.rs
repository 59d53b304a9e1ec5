//! One of the VMM's output streams, on its way from a pipe to a log.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use crate::log_file::LogFile;

/// What is read from the pipe at a time: as much as a pipe usually holds.
const STEP: usize = 64 * 1024;

/// The reading end of a pipe, and the log that what comes out of it goes to.
pub struct Output {
    pipe: Option<OwnedFd>,
    log: LogFile,
    bytes: u64,
}

impl Output {
    /// `pipe` must be non-blocking.
    pub fn new(pipe: OwnedFd, log: LogFile) -> Self {
        Self {
            pipe: Some(pipe),
            log,
            bytes: 0,
        }
    }

    /// What to wait for: nothing any more once the writers are gone.
    pub fn pipe(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// How much came through, whether or not the log still has it.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Moves one pipeful, and no more: a guest that writes without end must not keep the keeper
    /// from its other work. Answers whether there may be more.
    ///
    /// A log that cannot be written (a full disk) loses lines; the guest is not stopped for that.
    pub fn move_some(&mut self, buffer: &mut Buffer) -> bool {
        let Some(pipe) = &self.pipe else { return false };
        match rustix::io::read(pipe, &mut buffer.0[..]) {
            Ok(0) => self.pipe = None,
            Ok(read) => {
                self.bytes += read as u64;
                let _ = self.log.append(&buffer.0[..read]);
                return true;
            }
            Err(Errno::INTR) => return true,
            Err(Errno::AGAIN) => {}
            Err(_) => self.pipe = None,
        }
        false
    }
}

/// Where bytes stay between pipe and log: one for all outputs.
pub struct Buffer(Box<[u8]>);

impl Buffer {
    /// An empty one.
    pub fn new() -> Self {
        Self(vec![0; STEP].into())
    }
}
