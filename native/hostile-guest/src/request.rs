//! What of a request decides its answer: the route, and the kind of hostility that it asks for.

use std::collections::HashMap;
use std::io::{self, Read};
use std::net::TcpStream;
use std::sync::{LazyLock, Mutex};

/// Nothing that names a kind is longer; an upload's body is left to its answer.
const LONGEST: usize = 256 * 1024;
/// How the host names a command, in `Start` and in whatever it asks about it later.
const TAG: &[u8] = b"roost-exec-";
const KIND: &[u8] = b"hostile-";

/// Kinds of the commands that were started, by their tags.
static COMMANDS: LazyLock<Mutex<HashMap<Vec<u8>, String>>> = LazyLock::new(Mutex::default);

/// A request, of which the body may still be on its way when it is an upload.
pub struct Request {
    /// Such as `POST`.
    pub method: String,
    /// With its query.
    pub path: String,
    /// Empty: none was asked for.
    pub kind: String,
    /// Whether the whole request has been read.
    pub complete: bool,
}

impl Request {
    /// Reads one. `None`: the connection ended before its head did.
    pub fn read(stream: &mut TcpStream) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        let head = loop {
            if let Some(end) = find(&bytes, b"\r\n\r\n") {
                break end + 4;
            }
            if !read_more(stream, &mut bytes)? {
                return Ok(None);
            }
        };
        let first_line = String::from_utf8_lossy(&bytes[..head]);
        let mut parts = first_line.split_ascii_whitespace().map(str::to_owned);
        let (method, path) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        if path.starts_with("/files") {
            let complete = is_complete(&bytes, head);
            let kind = word_after(KIND, path.as_bytes());
            return Ok(Some(Self {
                method,
                path,
                kind,
                complete,
            }));
        }
        while !is_complete(&bytes, head) && bytes.len() < LONGEST && read_more(stream, &mut bytes)?
        {
        }
        let kind = kind_of_command(&bytes);
        Ok(Some(Self {
            method,
            path,
            kind,
            complete: true,
        }))
    }
}

/// Told by the request itself, or by the one that started the command.
fn kind_of_command(bytes: &[u8]) -> String {
    let tag = word_after(TAG, bytes).into_bytes();
    let Ok(mut commands) = COMMANDS.lock() else {
        return String::new();
    };
    let kind = word_after(KIND, bytes);
    if tag.is_empty() {
        return kind;
    }
    if kind.is_empty() {
        return commands.get(&tag).cloned().unwrap_or_default();
    }
    commands.insert(tag, kind.clone());
    kind
}

fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<bool> {
    let mut piece = [0; 16 * 1024];
    let length = stream.read(&mut piece)?;
    bytes.extend_from_slice(&piece[..length]);
    Ok(length > 0)
}

/// Good enough for one honest client: a length, or chunks with the last one at the very end.
fn is_complete(bytes: &[u8], head: usize) -> bool {
    let fields = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    if let Some((_, rest)) = fields.split_once("content-length:") {
        let length = rest.lines().next().unwrap_or_default().trim().parse();
        return length.is_ok_and(|length: usize| bytes.len() >= head + length);
    }
    !fields.contains("transfer-encoding: chunked") || bytes.ends_with(b"0\r\n\r\n")
}

/// Small letters, digits and hyphens behind the first `marker`.
fn word_after(marker: &[u8], bytes: &[u8]) -> String {
    let Some(start) = find(bytes, marker) else {
        return String::new();
    };
    let is_word = |byte: &&u8| matches!(**byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let word = bytes[start + marker.len()..].iter().take_while(is_word);
    word.map(|byte| char::from(*byte)).collect()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
