//! What `roost-keeper` does with a generation that lies on the disk, without a VMM.

mod compact;
mod exchange;
mod manifest;
mod verify;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use confine::{Failure, Result, WhileDoing};

pub use compact::compact;
pub use exchange::exchange;
pub use verify::verify;

/// Opens a regular file, and never what a link leads to.
pub fn open_file(path: &Path) -> Result<File> {
    let what = || format!("open {}", path.display());
    // Non-blocking, in case it is a FIFO: it is refused, but opening it must not wait for a peer.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
        .while_doing(what)?;
    if file.metadata().while_doing(what)?.is_file() {
        Ok(file)
    } else {
        Err(Failure::new(format!(
            "{} is not a regular file",
            path.display()
        )))
    }
}
