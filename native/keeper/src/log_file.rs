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
        let mut rest = bytes;
        if bytes.len() > half {
            // They alone are more than is kept: nothing older is, and of them the end.
            self.truncate(0)?;
            let newer = &bytes[bytes.len() - half..];
            rest = &newer[start_of_whole_line(newer)..];
        } else if self.length + bytes.len() as u64 > self.limit {
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
        let mut from = self.length.saturating_sub(self.limit / 2);
        let first = self.file.read_at(&mut buffer, from)?;
        from += start_of_whole_line(&buffer[..first]) as u64;
        let mut to = 0;
        loop {
            let read = self.file.read_at(&mut buffer, from)?;
            if read == 0 {
                return self.truncate(to);
            }
            self.file.write_all_at(&buffer[..read], to)?;
            from += read as u64;
            to += read as u64;
        }
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.length = length;
        Ok(())
    }
}

/// Where, in a text that begins anywhere in a line, the next line begins; its beginning if there is
/// no other.
fn start_of_whole_line(text: &[u8]) -> usize {
    // The end of the text begins nothing.
    let ends = text.split_last().map_or(text, |(_, but_last)| but_last);
    ends.iter()
        .position(|&byte| byte == b'\n')
        .map_or(0, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek};

    use super::*;

    /// A log of that limit with the numbers up to `last`, a line each, appended `lines` at a time.
    fn numbers(limit: u64, last: u32, lines: usize) -> String {
        let memory = rustix::fs::memfd_create("log", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        let file = File::from(memory);
        let mut log = LogFile::new(file.try_clone().unwrap(), limit).unwrap();
        let all: Vec<u32> = (1..=last).collect();
        for some in all.chunks(lines) {
            let text: String = some.iter().map(|number| format!("{number}\n")).collect();
            log.append(text.as_bytes()).unwrap();
            assert!(file.metadata().unwrap().len() <= limit);
        }
        let mut text = String::new();
        (&file).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn whatever_comes_at_a_time_the_newest_lines_stay_whole_and_without_a_gap() {
        for lines in [1, 2, 7, 100, 500, 1000, 5000, 100_000] {
            let text = numbers(4096, 20_000, lines);
            let kept: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
            assert_eq!(
                kept,
                (kept[0]..=20_000).collect::<Vec<_>>(),
                "{lines} at a time"
            );
            assert!((2040..=4096).contains(&text.len()), "{} bytes", text.len());
        }
    }

    #[test]
    fn one_long_line_is_cut_but_not_lost() {
        let memory = rustix::fs::memfd_create("log", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        let mut file = File::from(memory);
        let mut log = LogFile::new(file.try_clone().unwrap(), 4096).unwrap();
        for length in [100_000, 3000, 100_000] {
            log.append(format!("{}end\n", " ".repeat(length)).as_bytes())
                .unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            assert!(text.ends_with(" end\n"), "{} bytes", text.len());
            file.rewind().unwrap();
        }
    }

    #[test]
    fn a_log_that_fits_is_kept_whole() {
        assert_eq!(numbers(4096, 100, 3).lines().count(), 100);
    }
}
