//! Our end of a stream of a process, be it a pipe or a terminal: read and written as it is ready, so that nobody waits for it
//! but who asked.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::{ioctl_fionbio, ioctl_fionread, read, retry_on_intr, write};
use tokio::io::unix::AsyncFd;

/// As large as a pipe. It is on the stack: a silent process holds none.
const PIECE: usize = 64 << 10;

/// One end.
#[derive(Debug)]
pub struct Channel(AsyncFd<OwnedFd>);

impl Channel {
    /// Takes the end over. Must be called within the runtime.
    pub fn new(end: OwnedFd) -> io::Result<Self> {
        ioctl_fionbio(&end, true)?;
        // SAFETY: the descriptor is open and owned by the AsyncFd, which gives only borrows of it away.
        Ok(Self(unsafe { AsyncFd::register(end) }?))
    }

    /// Waits until something is there, and gives it to `take`. Tells how much it was: nothing at the end of the stream.
    pub async fn read(&self, mut take: impl FnMut(&[u8])) -> io::Result<usize> {
        loop {
            let mut ready = self.0.readable().await?;
            if let Ok(outcome) = ready.try_io(|end| read_piece(end.get_ref(), &mut take)) {
                return outcome;
            }
        }
    }

    /// Writes all of it, at the pace at which the other side takes it.
    pub async fn write(&self, data: &[u8]) -> io::Result<()> {
        let mut rest = data;
        while !rest.is_empty() {
            let mut ready = self.0.writable().await?;
            let once = |end: &AsyncFd<OwnedFd>| Ok(retry_on_intr(|| write(end.get_ref(), rest))?);
            if let Ok(written) = ready.try_io(once) {
                rest = &rest[written?..];
            }
        }
        Ok(())
    }

    /// How much could be read at once.
    pub fn waiting(&self) -> u64 {
        ioctl_fionread(&self.0).unwrap_or(0)
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

fn read_piece(end: &OwnedFd, take: &mut impl FnMut(&[u8])) -> io::Result<usize> {
    let mut piece = [0; PIECE];
    let length = retry_on_intr(|| read(end, &mut piece))?;
    if length > 0 {
        take(&piece[..length]);
    }
    Ok(length)
}
