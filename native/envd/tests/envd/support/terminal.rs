//! A terminal as a person has it: what was typed goes in, what is seen comes out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{Answer, Server, Stream};

/// A process on a terminal of its own.
pub struct Terminal<'a> {
    server: &'a Server,
    pub stream: Stream,
    pub pid: u64,
    /// What came, and was not expected yet.
    pending: String,
}

impl Server {
    /// Starts a command on a terminal of 100 columns and 30 rows.
    pub fn terminal(&self, command: &str, arguments: &[&str]) -> Terminal<'_> {
        let mut stream = self.start_with(&json!({
            "process": {"cmd": command, "args": arguments, "envs": {"PS1": "> "}},
            "pty": {"size": {"cols": 100, "rows": 30}},
        }));
        let pid = stream.pid();
        self.terminal_of(stream, pid)
    }

    /// The same of a stream that was begun in another way.
    pub fn terminal_of(&self, stream: Stream, pid: u64) -> Terminal<'_> {
        Terminal {
            server: self,
            stream,
            pid,
            pending: String::new(),
        }
    }
}

impl Terminal<'_> {
    /// Presses keys.
    pub fn press(&self, keys: impl AsRef<[u8]>) {
        self.try_press(keys.as_ref()).ok();
    }

    /// The same, whatever the answer.
    pub fn try_press(&self, keys: &[u8]) -> Answer {
        self.server.call(
            "process.Process/SendInput",
            &json!({"process": {"pid": self.pid}, "input": {"pty": STANDARD.encode(keys)}}),
        )
    }

    /// Drags its corner.
    pub fn resize(&self, columns: u32, rows: u32) -> Answer {
        self.server.call(
            "process.Process/Update",
            &json!({"process": {"pid": self.pid}, "pty": {"size": {"cols": columns, "rows": rows}}}),
        )
    }

    /// Reads until this was seen; what came after it is for the next.
    pub fn expect(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.pending.find(text) {
                let rest = self.pending.split_off(at + text.len());
                return std::mem::replace(&mut self.pending, rest);
            }
            let event = self
                .stream
                .next_event()
                .unwrap_or_else(|| panic!("{text:?} never came, only {:?}", self.pending));
            assert_eq!(
                event.get("end"),
                None,
                "before {text:?}: {:?}",
                self.pending
            );
            self.pending += &String::from_utf8_lossy(&super::connect::bytes(&event, "pty"));
        }
    }
}
