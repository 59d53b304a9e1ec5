//! Words meant for whoever reads a log in a terminal.

use std::fmt::Write as _;

/// Sets the window's title, clears the screen, forges a log line, changes colour by an eight-bit control, reverses the reading
/// direction, breaks the line in Unicode's way.
pub const FORGED: &str = "\x1b]0;owned\x07\x1b[2J\r\n{\"level\":60,\"msg\":\"forged\"}\n\u{9b}31m\u{202e}drawkcab\u{2028}\0end";

/// The same as a JSON string, with its quotes.
pub fn forged_json() -> String {
    json_string(FORGED)
}

/// A JSON string of any text, as an honest program would write it.
pub fn json_string(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", control as u32);
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// PID 1 gives the server the console as its standard error: the sandbox's log, which people are shown.
pub fn onto_the_console() {
    eprintln!("{FORGED}");
}
