//! Answers that are wrong as the events of a command.

use std::io::{self, Write};
use std::net::TcpStream;

use crate::tell::{
    be_silent, drip, end_of_stream, ended, envelope, events, flood, keepalive, started, stdout,
};
use crate::words::{FORGED, forged_json};

/// As large as a message may be, with room for its own framing.
const LARGE: usize = 1000 * 1000;

/// A command as it should be.
pub fn honest(stream: &mut TcpStream) -> io::Result<()> {
    tell(
        stream,
        &[
            stdout(b"fine\n"),
            ended(0, "exit status 0"),
            end_of_stream("{}"),
        ],
    )
}

/// `None`: it is no kind of this file.
pub fn hostility(kind: &str, stream: &mut TcpStream) -> Option<io::Result<()>> {
    Some(match kind {
        "endless-output" => {
            tell(stream, &[]).and_then(|()| flood(stream, &stdout(&[b'x'; 60 * 1024])))
        }
        "large-output" => tell(stream, &[]).and_then(|()| flood(stream, &stdout(&[0xff; LARGE]))),
        "bytewise-output" => tell(stream, &[]).and_then(|()| flood(stream, &stdout(b"x"))),
        "endless-starts" => tell(stream, &[]).and_then(|()| flood(stream, &started())),
        "endless-keepalives" => tell(stream, &[]).and_then(|()| flood(stream, &keepalive())),
        "empty-envelopes" => tell(stream, &[]).and_then(|()| flood(stream, &envelope(0, b""))),
        "no-end" | "endless-kill" => tell(stream, &[]).and_then(|()| be_silent(stream)),
        "vast-envelope" => {
            tell(stream, &[vec![0, 0xff, 0xff, 0xff, 0xff]]).and_then(|()| flood(stream, b"x"))
        }
        "garbage" => tell(stream, &[envelope(0, &[0xff; 600])]),
        "packed-envelope" => tell(stream, &[envelope(1, &[0x1f, 0x8b, 8, 0])]),
        "dripped-envelope" => tell(stream, &[]).and_then(|()| drip(stream, slow_message())),
        "cut" => tell(stream, &[]),
        "cut-envelope" => tell(stream, &[vec![0, 0, 0, 1, 0, 1, 2, 3]]),
        "forged-end" => tell(stream, &[end_of_stream(&forged_error("internal"))]),
        "forged-refusal" => events(stream)
            .and_then(|()| stream.write_all(&end_of_stream(&forged_error("invalid_argument")))),
        "deep-end" => tell(stream, &[end_of_stream(&"[".repeat(LARGE))]),
        "odd-exit" => tell(
            stream,
            &[
                stdout(FORGED.as_bytes()),
                ended(u32::MAX / 2, FORGED),
                end_of_stream("{}"),
            ],
        ),
        _ => return None,
    })
}

/// A stream that begins as it should.
fn tell(stream: &mut TcpStream, then: &[Vec<u8>]) -> io::Result<()> {
    events(stream)?;
    stream.write_all(&started())?;
    then.iter().try_for_each(|bytes| stream.write_all(bytes))
}

/// Connect's form of an error, with everything in it that is the guest's to choose.
fn forged_error(code: &str) -> String {
    let words = forged_json();
    format!(
        "{{\"error\":{{\"code\":\"{code}\",\"message\":{words},\"details\":[{{\"type\":{words},\"value\":\"AAAA\",\"debug\":{words}}}]}},\
         \"metadata\":{{\"x-words\":[\"fine\"],\"__proto__\":[\"x\"]}}}}"
    )
}

/// A message of some size, never complete.
fn slow_message() -> impl Iterator<Item = u8> {
    let head = [0, 0, 0, 0xff, 0xff];
    head.into_iter().chain(std::iter::repeat(b'x'))
}
