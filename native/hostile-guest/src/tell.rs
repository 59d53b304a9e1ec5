//! The right form of things: HTTP answers, Connect envelopes, the events of a command. What is wrong is built from these.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

/// A whole answer, after which the connection ends.
pub fn answer(
    stream: &mut TcpStream,
    status: &str,
    kind: &str,
    body: impl AsRef<[u8]>,
) -> io::Result<()> {
    let body = body.as_ref();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)
}

/// 204, as `/health` and `/init` have it when all is well.
pub fn nothing(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
}

/// The head of a stream of a command's events.
pub fn events(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/connect+proto\r\n\r\n",
    )
}

/// A Connect envelope: flags, length, message.
pub fn envelope(flags: u8, message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![flags];
    bytes.extend_from_slice(&(message.len() as u32).to_be_bytes());
    bytes.extend_from_slice(message);
    bytes
}

/// The envelope that ends a stream.
pub fn end_of_stream(json: &str) -> Vec<u8> {
    envelope(2, json.as_bytes())
}

/// `StartResponse { event: ProcessEvent { start { pid: 7 } } }`
pub fn started() -> Vec<u8> {
    event(&field(1, &[0x08, 7]))
}

/// `… { data { stdout } }`
pub fn stdout(bytes: &[u8]) -> Vec<u8> {
    event(&field(2, &field(1, bytes)))
}

/// `… { end { exit_code, exited, status } }`
pub fn ended(exit_code: u32, status: &str) -> Vec<u8> {
    let mut end = vec![0x08];
    // sint32, of which a positive one is twice itself.
    end.extend(varint(u64::from(exit_code) * 2));
    end.extend([0x10, 1]);
    end.extend(field(3, status.as_bytes()));
    event(&field(3, &end))
}

/// `… { keepalive {} }`
pub fn keepalive() -> Vec<u8> {
    event(&field(4, &[]))
}

fn event(event: &[u8]) -> Vec<u8> {
    envelope(0, &field(1, event))
}

/// A field of protobuf with a length.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    bytes.extend(varint(content.len() as u64));
    bytes.extend_from_slice(content);
    bytes
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// The same bytes as fast as they are taken, until the host has had enough.
pub fn flood(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let many = bytes.repeat(64 * 1024 / bytes.len().max(1) + 1);
    loop {
        stream.write_all(&many)?;
    }
}

/// A byte a second.
pub fn drip(stream: &mut TcpStream, bytes: impl IntoIterator<Item = u8>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    for byte in bytes {
        stream.write_all(&[byte])?;
        thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

/// Holds the connection open and says nothing, until the host lets go of it.
pub fn be_silent(stream: &mut TcpStream) -> io::Result<()> {
    io::copy(stream, &mut io::sink()).map(|_| ())
}

/// Reads an upload to its end.
pub fn until_last_chunk(stream: &mut TcpStream) -> io::Result<()> {
    let mut end = Vec::new();
    let mut piece = [0; 16 * 1024];
    while !end.ends_with(b"0\r\n\r\n") {
        let length = stream.read(&mut piece)?;
        if length == 0 {
            break;
        }
        end.extend_from_slice(&piece[..length]);
        end.drain(..end.len().saturating_sub(5));
    }
    Ok(())
}
