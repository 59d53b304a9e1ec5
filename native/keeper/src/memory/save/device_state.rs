//! The VMM's device state on its way from a socket to a file.

use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use confine::{Failure, Result, WhileDoing};
use rustix::event::{PollFd, PollFlags, poll};

use super::attempt::Attempt;
use crate::memory::new_generation::NewFile;

/// Without memory it is well under a megabyte. A VMM that sends without end must not fill the disk.
const LONGEST: u64 = 64 * 1024 * 1024;

const STEP: usize = 256 * 1024;

/// Takes it from the first connection to its end, and answers how many bytes it was. Whether that
/// was all of it, the VMM tells elsewhere (QMP).
pub fn receive(listener: &UnixListener, file: &mut NewFile, attempt: &Attempt) -> Result<u64> {
    let mut stream = accept(listener, attempt)?;
    let mut buffer = vec![0; STEP];
    let mut received = 0;
    loop {
        wait_for(stream.as_fd(), attempt)?;
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(received),
            Ok(read) => {
                received += read as u64;
                if received > LONGEST {
                    return Err(Failure::new(format!(
                        "the device state is longer than {LONGEST} bytes"
                    )));
                }
                file.put(&buffer[..read])?;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).while_doing(|| "receive the device state".into()),
        }
    }
}

/// Lets go of connections that nobody has taken: they are of a save that has ended.
pub fn turn_away(listener: &UnixListener) {
    while listener.accept().is_ok() {}
}

fn accept(listener: &UnixListener, attempt: &Attempt) -> Result<UnixStream> {
    let what = || "accept the device state".to_owned();
    loop {
        wait_for(listener.as_fd(), attempt)?;
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).while_doing(what)?;
                return Ok(stream);
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error).while_doing(what),
        }
    }
}

/// Until there is something to read, unless the save is to stop.
fn wait_for(fd: BorrowedFd<'_>, attempt: &Attempt) -> Result<()> {
    let stopped = attempt.stopped();
    let mut watched = [
        PollFd::from_borrowed_fd(fd, PollFlags::IN),
        PollFd::from_borrowed_fd(stopped, PollFlags::IN),
    ];
    rustix::io::retry_on_intr(|| poll(&mut watched, None))
        .while_doing(|| "wait for the device state".into())?;
    attempt.check()
}
