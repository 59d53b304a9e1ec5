//! How an end is told: in the words of E2B's agent, which its clients show to people.

use super::output::Ending;
use crate::r#gen::process::process_event::EndEvent;

/// By signal number, from 1.
const SIGNALS: [&str; 31] = [
    "hangup",
    "interrupt",
    "quit",
    "illegal instruction",
    "trace/breakpoint trap",
    "aborted",
    "bus error",
    "floating point exception",
    "killed",
    "user defined signal 1",
    "segmentation fault",
    "user defined signal 2",
    "broken pipe",
    "alarm clock",
    "terminated",
    "stack fault",
    "child exited",
    "continued",
    "stopped (signal)",
    "stopped",
    "stopped (tty input)",
    "stopped (tty output)",
    "urgent I/O condition",
    "CPU time limit exceeded",
    "file size limit exceeded",
    "virtual timer expired",
    "profiling timer expired",
    "window changed",
    "I/O possible",
    "power failure",
    "bad system call",
];

/// The event that tells it. `exit_code` is -1 where a signal ended the process.
pub fn event(ending: Ending) -> EndEvent {
    let (exit_code, exited, status) = match ending {
        Ending::Exited(code) => (code, true, format!("exit status {code}")),
        Ending::Killed(signal) => (-1, false, format!("signal: {}", name(signal))),
    };
    let error = (exit_code != 0).then(|| status.clone());
    EndEvent {
        exit_code,
        exited,
        status,
        error,
    }
}

fn name(signal: i32) -> String {
    let known = usize::try_from(signal - 1)
        .ok()
        .and_then(|index| SIGNALS.get(index));
    known.map_or_else(|| format!("signal {signal}"), |&name| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_by_signal_is_told_from_an_exit() {
        let killed = event(Ending::Killed(libc::SIGKILL));
        assert_eq!(
            (killed.exit_code, killed.exited, killed.status.as_str()),
            (-1, false, "signal: killed")
        );
        let failed = event(Ending::Exited(255));
        assert_eq!(
            (failed.exit_code, failed.exited, failed.error.as_deref()),
            (255, true, Some("exit status 255"))
        );
        assert_eq!(event(Ending::Exited(0)).error, None);
        assert_eq!(
            event(Ending::Killed(libc::SIGSYS)).status,
            "signal: bad system call"
        );
        assert_eq!(event(Ending::Killed(64)).status, "signal: signal 64");
    }
}
