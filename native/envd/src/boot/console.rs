//! What PID 1 has to say goes to the kernel's log, and through it to the console, whatever the image holds.

use std::fs::OpenOptions;
use std::io::Write;

/// One line at the kernel's level "error": `quiet` on the kernel's command line does not hide it.
pub fn complain(message: &str) {
    write_line(3, message);
}

/// One line at the kernel's level "info": in the log, not on a quiet console.
pub fn note(message: &str) {
    write_line(6, message);
}

fn write_line(level: u8, message: &str) {
    // A message in several lines would lose its level and name after the first.
    let line = format!("<{level}>envd: {}\n", message.replace('\n', " "));
    let written = OpenOptions::new()
        .write(true)
        .open("/dev/kmsg")
        .and_then(|mut log| log.write_all(line.as_bytes()));
    if written.is_err() {
        // Before /dev is mounted there is only the console that the kernel opened for us.
        let _ = std::io::stderr().write_all(&line.as_bytes()[3..]);
    }
}
