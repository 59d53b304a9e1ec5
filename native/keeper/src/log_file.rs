//! A log that cannot fill the disk: when it would grow past its limit, its older half is dropped,
//! in place.
//!
//! In place because the keeper may neither create nor rename anything where logs lie. Someone who
//! reads while this happens may see a piece twice or miss one, once in half a log's length.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use confine::{Result, WhileDoing};

/// How much is copied at a time.
const STEP: usize = 64 * 1024;

/// An open log. Its length never exceeds the limit.
pub struct LogFile {
    file: File,
    length: u64,
    limit: u64,
}

impl LogFile {
    /// Continues `file`; if it is longer than `limit` already, with its newer half.
    pub fn new(file: File, limit: u64) -> Result<Self> {
        let what = || "prepare a log file".into();
        let length = file.metadata().while_doing(what)?.len();
        let mut log = Self {
            file,
            length,
            limit,
        };
        if length > limit {
            log.drop_older().while_doing(what)?;
        }
        Ok(log)
    }

    /// Adds `bytes`. After an error some of them may be missing; the log can be used further.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let half = usize::try_from(self.limit / 2).unwrap_or(usize::MAX);
        let mut rest = &bytes[bytes.len().saturating_sub(half)..];
        if self.length + rest.len() as u64 > self.limit {
            self.drop_older()?;
        }
        while !rest.is_empty() {
            let written = self.file.write_at(rest, self.length)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.length += written as u64;
            rest = &rest[written..];
        }
        Ok(())
    }

    /// Keeps the last half of what the limit allows, from the first whole line on.
    fn drop_older(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; STEP];
        let mut from = self.length - (self.limit / 2).min(self.length);
        let first = self.file.read_at(&mut buffer, from)?;
        if let Some(end_of_line) = buffer[..first].iter().position(|&byte| byte == b'\n') {
            from += end_of_line as u64 + 1;
        }
        let mut to = 0;
        loop {
            let read = self.file.read_at(&mut buffer, from)?;
            if read == 0 {
                break;
            }
            self.file.write_all_at(&buffer[..read], to)?;
            from += read as u64;
            to += read as u64;
        }
        self.file.set_len(to)?;
        self.length = to;
        Ok(())
    }
}
