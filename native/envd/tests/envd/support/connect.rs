//! Connect by hand, with the JSON codec: what a client written from the protocol's description would send and see.

use std::io::{self, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use ureq::{BodyReader, SendBody};

use super::Server;
use super::server::whole;

/// A unary call's answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// The message of a call that worked.
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// The code of one that did not.
    pub fn code(&self) -> &str {
        assert_ne!(
            self.status, 200,
            "it should have been refused: {}",
            self.body
        );
        self.body["code"].as_str().unwrap()
    }
}

/// How a process ended, as the stream told it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ended {
    pub exit_code: i64,
    pub exited: bool,
    pub status: String,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// What came of a terminal.
    pub screen: Vec<u8>,
    pub keepalives: usize,
}

impl Server {
    /// A unary call.
    pub fn call(&self, method: &str, message: &Value) -> Answer {
        self.call_with(method, message, &[])
    }

    /// A unary call with more headers.
    pub fn call_with(&self, method: &str, message: &Value, headers: &[(&str, &str)]) -> Answer {
        let mut request = self
            .request("POST", &format!("/{method}"))
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = io::Cursor::new(message.to_string());
        let (status, body) =
            whole(self.send(request.body(SendBody::from_owned_reader(body)).unwrap()));
        let body =
            serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body)));
        Answer { status, body }
    }

    /// A call whose answer is a stream.
    pub fn stream(&self, method: &str, message: &Value, headers: &[(&str, &str)]) -> Stream {
        let mut request = self
            .request("POST", &format!("/{method}"))
            .header("content-type", "application/connect+json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = io::Cursor::new(frame(message.to_string().as_bytes()));
        let response = self.send(request.body(SendBody::from_owned_reader(body)).unwrap());
        let dropped = response
            .headers()
            .get("roost-output-dropped")
            .map(|value| value.to_str().unwrap().parse().unwrap());
        Stream {
            dropped,
            frames: Frames(response.into_body().into_reader()),
        }
    }

    /// Starts a command without input and follows it.
    pub fn start(&self, command: &str, arguments: &[&str]) -> Stream {
        self.start_with(&json!({"process": {"cmd": command, "args": arguments}, "stdin": false}))
    }

    /// Starts what the request describes.
    pub fn start_with(&self, request: &Value) -> Stream {
        self.stream("process.Process/Start", request, &[])
    }

    /// Runs a shell's line to its end.
    pub fn shell(&self, line: &str) -> Ended {
        self.start("sh", &["-c", line]).finish()
    }

    /// Signals a process.
    pub fn signal(&self, pid: u64, signal: i32) -> Answer {
        self.call(
            "process.Process/SendSignal",
            &json!({"process": {"pid": pid}, "signal": signal}),
        )
    }

    /// Takes up a process that was started before.
    pub fn attach(&self, pid: u64) -> Stream {
        self.stream(
            "process.Process/Connect",
            &json!({"process": {"pid": pid}}),
            &[],
        )
    }
}

/// The 5-byte head of Connect's streams, and a message.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend((message.len() as u32).to_be_bytes());
    frame.extend(message);
    frame
}

/// Flags and payload of each frame.
pub struct Frames(pub BodyReader<'static>);

impl Iterator for Frames {
    type Item = (u8, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut head = [0; 5];
        self.0.read_exact(&mut head).ok()?;
        let mut payload = vec![0; u32::from_be_bytes(head[1..].try_into().unwrap()) as usize];
        self.0.read_exact(&mut payload).unwrap();
        Some((head[0], payload))
    }
}

/// A stream of process events. Dropping it closes the connection.
pub struct Stream {
    /// What the headers tell of output that was dropped.
    pub dropped: Option<u64>,
    pub frames: Frames,
}

impl Stream {
    /// The next event of a process, or `None` after a stream that ended well. An error ends the test.
    pub fn next_event(&mut self) -> Option<Value> {
        let message = self
            .next_message()
            .unwrap_or_else(|error| panic!("{error}"));
        message.map(|message| message["event"].clone())
    }

    /// The next message; `None` after a stream that ended well, an error after one that did not.
    pub fn next_message(&mut self) -> Result<Option<Value>, Value> {
        let (flags, payload) = self
            .frames
            .next()
            .expect("a stream ends with its own last frame");
        let message: Value = serde_json::from_slice(&payload).unwrap();
        if flags & 2 == 0 {
            return Ok(Some(message));
        }
        match message.get("error") {
            None => Ok(None),
            Some(error) => Err(error.clone()),
        }
    }

    /// The process id, which comes first.
    pub fn pid(&mut self) -> u64 {
        self.next_event().unwrap()["start"]["pid"].as_u64().unwrap()
    }

    /// Reads until this text has come on stdout.
    pub fn expect(&mut self, text: &str) {
        let mut seen = String::new();
        while !seen.contains(text) {
            let event = self
                .next_event()
                .unwrap_or_else(|| panic!("{text:?} never came, only {seen:?}"));
            seen += &String::from_utf8_lossy(&bytes(&event, "stdout"));
        }
    }

    /// Reads it to its end.
    pub fn finish(mut self) -> Ended {
        let mut ended = Ended::default();
        let mut over = false;
        while let Some(event) = self.next_event() {
            assert!(!over, "nothing comes after the end");
            ended.stdout.extend(bytes(&event, "stdout"));
            ended.stderr.extend(bytes(&event, "stderr"));
            ended.screen.extend(bytes(&event, "pty"));
            ended.keepalives += usize::from(event.get("keepalive").is_some());
            if let Some(end) = event.get("end") {
                over = true;
                ended.exit_code = end["exitCode"].as_i64().unwrap_or(0);
                ended.exited = end["exited"].as_bool().unwrap_or(false);
                ended.status = end["status"].as_str().unwrap_or_default().to_owned();
            }
        }
        assert!(over, "a process that is over says so");
        ended
    }

    /// The error that ends it.
    pub fn error(mut self) -> Value {
        let (flags, payload) = self.frames.next().unwrap();
        assert_eq!(flags, 2, "{}", String::from_utf8_lossy(&payload));
        serde_json::from_slice::<Value>(&payload).unwrap()["error"].clone()
    }
}

/// What an event holds of a stream.
pub fn bytes(event: &Value, stream: &str) -> Vec<u8> {
    let text = event["data"][stream].as_str().unwrap_or_default();
    STANDARD.decode(text).unwrap()
}
