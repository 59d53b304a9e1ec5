//! How a VMM ended.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::WaitIdStatus;
use serde::Serialize;

/// What is written to the exit file and sent to every connection. Either `code` or `signal` is
/// there.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Exit {
    code: Option<i32>,
    signal: Option<i32>,
    killed: bool,
    at_ms: u64,
}

impl Exit {
    /// It ended just now. One that ended by itself while a kill was on its way was not killed.
    pub fn new(status: &WaitIdStatus, kill_asked: bool) -> Self {
        let signal = status.terminating_signal();
        Self {
            code: status.exit_status(),
            signal,
            killed: kill_asked && signal == Some(libc::SIGKILL),
            at_ms: now_ms(),
        }
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
