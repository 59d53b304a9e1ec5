//! A file that is being written, and what is known of it when it is done.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::{AsFd, AsRawFd};

use confine::{Result, WhileDoing};
use memory_format::Hasher;
use rustix::fs::{AtFlags, Mode, OFlags};
use serde::Serialize;

/// So much is written before the disk is told to begin with it: early enough that it does not idle,
/// late enough that it gets long pieces.
const STRETCH: u64 = 8 * 1024 * 1024;

/// Single pages are put together to pieces of this size: for the checksum, which is made of many
/// blocks at once, as well as for the file system.
const PIECE: usize = 256 * 1024;

/// Its checksum is made as it is written.
pub struct NewFile {
    name: String,
    pieces: BufWriter<Pieces>,
}

/// What has been written of it, in pieces.
struct Pieces {
    file: File,
    size: u64,
    /// The disk has been told to begin with the bytes before.
    begun: u64,
    hasher: Hasher,
}

/// What is said of a file that is on the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Within the generation's folder.
    pub name: String,
    pub size: u64,
    /// BLAKE3, in hexadecimal.
    pub checksum: String,
}

impl NewFile {
    /// Makes `file_name` in `folder`. `name` is what it is called within the generation.
    pub fn make(folder: impl AsFd, file_name: &str, name: String) -> Result<Self> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(folder, file_name, flags, Mode::RUSR | Mode::WUSR)
            .while_doing(|| format!("make {name}"))?;
        let pieces = Pieces {
            file: file.into(),
            size: 0,
            begun: 0,
            hasher: Hasher::new(),
        };
        Ok(Self {
            name,
            pieces: BufWriter::with_capacity(PIECE, pieces),
        })
    }

    /// Adds `bytes`.
    pub fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all(bytes)
            .while_doing(|| format!("write {}", self.name))
    }

    /// Tells the disk to begin with what it has not been told of. Nothing comes after it.
    pub fn begin_sync(&mut self) -> Result<()> {
        self.pieces
            .flush()
            .and_then(|()| self.pieces.get_mut().tell_disk())
            .while_doing(|| format!("write {}", self.name))
    }

    /// Waits until it is on the disk. Its name is not, before its folder is.
    pub fn sync(mut self) -> Result<Written> {
        self.pieces
            .flush()
            .and_then(|()| self.pieces.get_ref().file.sync_all())
            .while_doing(|| format!("fsync {}", self.name))?;
        let pieces = self.pieces.get_ref();
        Ok(Written {
            size: pieces.size,
            checksum: pieces.hasher.finalize().to_string(),
            name: self.name,
        })
    }

    /// Removes it from `folder`, in which it was made.
    pub fn take_away(self, folder: impl AsFd) -> Result<()> {
        let file_name = self.name.rsplit('/').next().unwrap_or(&self.name);
        rustix::fs::unlinkat(folder, file_name, AtFlags::empty())
            .while_doing(|| format!("remove {}", self.name))
    }
}

impl Pieces {
    fn tell_disk(&mut self) -> io::Result<()> {
        let (from, length) = (self.begun.cast_signed(), self.size - self.begun);
        self.begun = self.size;
        // SAFETY: speaks of an open file of ours, and touches no memory.
        let answer = unsafe {
            libc::sync_file_range(
                self.file.as_raw_fd(),
                from,
                length.cast_signed(),
                libc::SYNC_FILE_RANGE_WRITE,
            )
        };
        if answer == 0 {
            return Ok(());
        }
        match io::Error::last_os_error() {
            // A file system that cannot does all of it when it is asked to sync.
            error if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::ESPIPE)) => Ok(()),
            error => Err(error),
        }
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pieces.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pieces.flush()
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        if self.size - self.begun >= STRETCH {
            self.tell_disk()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
