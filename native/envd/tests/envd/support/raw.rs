//! A stream of requests as bytes on a connection, for clients that do not keep to the protocol.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::{Server, frame};

/// A call whose request is still being sent.
pub struct Raw(pub TcpStream);

impl Raw {
    /// Begins a call in the JSON codec.
    pub fn begin(server: &Server, method: &str) -> Self {
        let mut stream = server.connect();
        let head = format!(
            "POST /{method} HTTP/1.1\r\nhost: envd\r\nconnection: close\r\n\
             content-type: application/connect+json\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        Self(stream)
    }

    /// Sends a message.
    pub fn send(&mut self, message: &Value) {
        self.send_bytes(&frame(message.to_string().as_bytes()))
            .unwrap();
    }

    /// Sends what may be no message.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend(bytes);
        chunk.extend(b"\r\n");
        self.0.write_all(&chunk)
    }

    /// Ends the request, and gives all that is answered.
    pub fn end(mut self) -> String {
        // The server may have answered, and gone, already.
        let _ = self.0.write_all(b"0\r\n\r\n");
        self.answer()
    }

    /// All that is answered, also to a request that never ends: the connection outlives the answer.
    pub fn answer(mut self) -> String {
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        while !answer.ends_with(b"\r\n0\r\n\r\n") {
            match self.0.read(&mut piece) {
                Ok(0) | Err(_) => break,
                Ok(length) => answer.extend(&piece[..length]),
            }
        }
        String::from_utf8_lossy(&answer).into_owned()
    }
}
