//! Answers that are wrong as HTTP, whatever was asked.

use std::io::{self, Write};
use std::net::TcpStream;

use crate::tell::{answer, be_silent, drip, flood};
use crate::words::{FORGED, forged_json};

/// Where a redirect leads that names no port: nobody is there.
const NOWHERE: &str = "1";

/// `None`: it is no kind of this file.
pub fn hostility(kind: &str, stream: &mut TcpStream) -> Option<io::Result<()>> {
    Some(match kind {
        "silence" => be_silent(stream),
        "drip" => drip(stream, slow_answer()),
        "drip-headers" => drip(stream, endless_headers()),
        "no-http" => stream.write_all(format!("{FORGED}\r\n\r\n").as_bytes()),
        "endless-headers" => begin(stream, "200 OK", &[])
            .and_then(|()| flood(stream, b"x-more: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")),
        "endless-body" => begin(stream, "200 OK", &["transfer-encoding: chunked", ""])
            .and_then(|()| flood(stream, &chunk(&[b'x'; 16 * 1024]))),
        "bytewise-body" => bytewise(stream),
        "endless-news" => flood(stream, b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"),
        "short-body" => whole(stream, "200 OK", &["content-length: 1000"], b"short"),
        "odd-length" => whole(stream, "200 OK", &["content-length: -1"], b"x"),
        "two-lengths" => whole(
            stream,
            "200 OK",
            &["content-length: 1", "content-length: 1000000000"],
            b"x",
        ),
        "length-and-chunks" => whole(
            stream,
            "200 OK",
            &["content-length: 3", "transfer-encoding: chunked"],
            b"3\r\nabc\r\n0\r\n\r\n",
        ),
        "vast-length" => begin(stream, "200 OK", &["content-length: 999999999999999", ""])
            .and_then(|()| flood(stream, &[b'x'; 1024])),
        "bad-chunks" => whole(
            stream,
            "200 OK",
            &["transfer-encoding: chunked"],
            b"zzz\r\nabc\r\n",
        ),
        "packed" => whole(
            stream,
            "200 OK",
            &["content-encoding: gzip", "content-length: 4"],
            &[0x1f, 0x8b, 8, 0],
        ),
        "odd-type" => answer(stream, "200 OK", "application/\u{9b}31m", "{}"),
        "odd-status" => answer(stream, "999 Fine", "text/plain", "fine"),
        "forged-words" => refuse(stream, "500 Internal", &forged_json()),
        "forged-headers" => whole(
            stream,
            "500 Internal",
            &[
                "x-words: \u{9b}2J",
                "__proto__: x",
                "set-cookie: a=b",
                "content-length: 2",
            ],
            b"{}",
        ),
        "long-words" => refuse(
            stream,
            "500 Internal",
            &format!("\"{}\"", "\\u001b[2J".repeat(6_000)),
        ),
        "no-message" => refuse(stream, "500 Internal", "{\"toString\":null,\"length\":-1}"),
        _ => return redirect(kind, stream),
    })
}

/// `redirect` or `redirect-PORT`, of the host's own loopback.
fn redirect(kind: &str, stream: &mut TcpStream) -> Option<io::Result<()>> {
    let port = kind.strip_prefix("redirect")?.trim_start_matches('-');
    let port = if port.is_empty() { NOWHERE } else { port };
    let location = format!("location: http://127.0.0.1:{port}/stolen");
    Some(whole(
        stream,
        "307 Elsewhere",
        &[&location, "content-length: 0"],
        b"",
    ))
}

/// A body in which every byte is a chunk, and a packet, of its own, for as long as the host takes them.
fn bytewise(stream: &mut TcpStream) -> io::Result<()> {
    begin(stream, "200 OK", &["transfer-encoding: chunked", ""])?;
    flood(stream, &chunk(b"x"))
}

/// envd's form of an error; `message` is JSON.
fn refuse(stream: &mut TcpStream, status: &str, message: &str) -> io::Result<()> {
    let body = format!("{{\"message\":{message},\"code\":500}}");
    answer(stream, status, "application/json", body)
}

fn whole(stream: &mut TcpStream, status: &str, fields: &[&str], body: &[u8]) -> io::Result<()> {
    begin(stream, status, fields)?;
    stream.write_all(b"connection: close\r\n\r\n")?;
    stream.write_all(body)
}

/// Status line and fields; an empty field ends the head.
fn begin(stream: &mut TcpStream, status: &str, fields: &[&str]) -> io::Result<()> {
    let fields = fields.iter().map(|field| format!("{field}\r\n"));
    let fields = fields.collect::<String>();
    // One byte for each character: the eight-bit controls as they are.
    let text = format!("HTTP/1.1 {status}\r\n{fields}");
    let bytes = text.chars().map(|character| character as u8);
    stream.write_all(&bytes.collect::<Vec<_>>())
}

fn chunk(content: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{:x}\r\n", content.len()).into_bytes();
    bytes.extend_from_slice(content);
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// A whole answer with a body that outlasts everybody's patience.
fn slow_answer() -> impl Iterator<Item = u8> {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
    head.iter().copied().chain(std::iter::repeat(b'x'))
}

fn endless_headers() -> impl Iterator<Item = u8> {
    let line = b"HTTP/1.1 200 OK\r\nx: ";
    line.iter().copied().chain(std::iter::repeat(b'x'))
}
