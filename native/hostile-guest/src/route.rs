//! Which answer a request gets.

use std::io::{self, Write};
use std::net::TcpStream;

use crate::request::Request;
use crate::{commands, health, http, tell};

/// Answers one request; the connection ends with it.
pub fn answer(mut stream: TcpStream) -> io::Result<()> {
    let Some(request) = Request::read(&mut stream)? else {
        return Ok(());
    };
    let stream = &mut stream;
    let route = request.path.split('?').next().unwrap_or_default();
    match (route, request.kind.as_str()) {
        ("/health", _) => health::answer(stream),
        ("/init", "") => tell::nothing(stream),
        ("/files", "") => honest_file(&request, stream),
        ("/files", "early-answer") => tell::answer(stream, "200 OK", "application/json", "[]"),
        ("/files", "takes-nothing") => take_nothing(),
        ("/process.Process/Start", "") => commands::honest(stream),
        ("/process.Process/Start" | "/process.Process/Connect", kind) => {
            commands::hostility(kind, stream)
                .or_else(|| http::hostility(kind, stream))
                .unwrap_or_else(|| unknown(stream))
        }
        ("/process.Process/SendSignal", "endless-kill") => {
            http::hostility("endless-body", stream).unwrap_or_else(|| unknown(stream))
        }
        (calls, _) if calls.starts_with("/process.Process/") => {
            // A signal is taken note of, and nothing follows from it.
            tell::answer(stream, "200 OK", "application/proto", "")
        }
        (_, kind) => {
            if kind == "silence" || request.complete {
                return http::hostility(kind, stream).unwrap_or_else(|| unknown(stream));
            }
            let outcome = http::hostility(kind, stream).unwrap_or_else(|| unknown(stream));
            // Else the kernel would reset the connection, and with it what was just answered.
            outcome.and_then(|()| stream.shutdown(std::net::Shutdown::Write))?;
            tell::be_silent(stream)
        }
    }
}

fn honest_file(request: &Request, stream: &mut TcpStream) -> io::Result<()> {
    if request.method == "GET" {
        return tell::answer(stream, "200 OK", "application/octet-stream", "fine\n");
    }
    if !request.complete {
        tell::until_last_chunk(stream)?;
    }
    tell::answer(stream, "200 OK", "application/json", "[]")
}

/// Neither reads nor answers, for as long as the machine lives.
fn take_nothing() -> io::Result<()> {
    loop {
        std::thread::park();
    }
}

/// A test that misspells a kind shall hear of it.
fn unknown(stream: &mut TcpStream) -> io::Result<()> {
    tell::answer(
        stream,
        "501 Unknown",
        "application/json",
        "{\"message\":\"no such hostility\",\"code\":501}",
    )?;
    stream.flush()
}
