//! What a process uses, as `/proc` tells it.

use std::fs::File;
use std::io::Read;
use std::os::fd::BorrowedFd;

use confine::{Failure, Result, WhileDoing};
use rustix::fs::{Mode, OFlags};
use serde::Serialize;

/// Of the VMM with all its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// User and system time.
    cpu_ms: u64,
    rss_bytes: u64,
    threads: u64,
}

impl Usage {
    /// `proc_folder` is the process's folder in `/proc`.
    pub fn read(proc_folder: BorrowedFd<'_>) -> Result<Self> {
        let mut stat = String::new();
        rustix::fs::openat(
            proc_folder,
            "stat",
            OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(std::io::Error::from)
        .and_then(|file| File::from(file).read_to_string(&mut stat))
        .while_doing(|| "read the VMM's stat file".into())?;
        let (ticks, page) = (
            rustix::param::clock_ticks_per_second(),
            rustix::param::page_size() as u64,
        );
        Self::parse(&stat, ticks, page)
            .ok_or_else(|| Failure::new("the VMM's stat file is not as expected"))
    }

    /// See proc_pid_stat(5). The second field, the program's name, is in parentheses and may itself
    /// hold any of them.
    fn parse(stat: &str, ticks_per_second: u64, page_size: u64) -> Option<Self> {
        let after_name = stat.get(stat.rfind(')')? + 1..)?;
        let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
        // What the manual numbers n is here at n - 3.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu_ms: (field(14)? + field(15)?) * 1000 / ticks_per_second.max(1),
            threads: field(20)?,
            rss_bytes: field(24)? * page_size,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER_NAME: &str =
        "S 1 1 1 0 -1 4194560 10 0 0 0 250 50 7 7 20 0 3 0 100 1048576 25 18446744073709551615 1 1";

    #[test]
    fn user_and_system_time_are_added_and_units_converted() {
        let usage = Usage::parse(&format!("7 (qemu) {AFTER_NAME}"), 100, 4096);
        assert_eq!(
            usage,
            Some(Usage {
                cpu_ms: 3000,
                rss_bytes: 25 * 4096,
                threads: 3
            })
        );
    }

    #[test]
    fn a_program_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let usage = Usage::parse(&format!("7 (a) R 9 (b) {AFTER_NAME}"), 100, 4096);
        assert_eq!(usage.map(|usage| usage.threads), Some(3));
    }

    #[test]
    fn a_text_cut_short_is_refused() {
        assert_eq!(Usage::parse("7 (qemu) S 1 1", 100, 4096), None);
        assert_eq!(Usage::parse("", 100, 4096), None);
    }
}
