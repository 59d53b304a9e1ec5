//! Many streams, slow ones, and clients that do not keep to the protocol: memory stays small, and nobody else notices.

use std::io::Write;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Raw, Server};

const INPUT: &str = "process.Process/StreamInput";

/// Kibibytes by which the server may grow for one stream: windows, buffers, and one message.
const SOME: u64 = 16 << 10;

fn start(server: &Server, command: &str, arguments: &[&str]) -> (crate::support::Stream, u64) {
    let request = json!({"process": {"cmd": command, "args": arguments}});
    let mut stream = server.start_with(&request);
    let pid = stream.pid();
    (stream, pid)
}

fn input_to(pid: u64) -> Value {
    json!({"start": {"process": {"pid": pid}}})
}

fn data(bytes: &[u8]) -> Value {
    json!({"data": {"input": {"stdin": STANDARD.encode(bytes)}}})
}

#[test]
fn two_hundred_streams_at_once_are_whole_and_a_slow_one_slows_nobody() {
    let server = Server::new();
    let (stalled, pid) = start(&server, "yes", &[]);
    let mut streams: Vec<_> = (0..200)
        .map(|n| server.start("seq", &[&n.to_string(), &(n + 20_000).to_string()]))
        .collect();
    while let Some(stream) = streams.pop() {
        let n = streams.len();
        let expected: String = (n..=n + 20_000).map(|line| format!("{line}\n")).collect();
        assert!(stream.finish().stdout == expected.as_bytes(), "stream {n}");
    }
    server.signal(pid, 9).ok();
    stalled.finish();
}

#[test]
fn a_reader_that_stops_reading_stops_the_writer_not_the_memory() {
    let server = Server::new();
    let before = server.resident();
    let mut streams: Vec<_> = (0..4).map(|_| server.start("yes", &[])).collect();
    streams.push(server.start_with(&json!({"process": {"cmd": "yes"}, "pty": {}})));
    let pids: Vec<_> = streams.iter_mut().map(|stream| stream.pid()).collect();
    // What they burn of the processor's time tells whether they still write.
    let ticks = || -> u64 { pids.iter().map(|&pid| ticks_of(pid)).sum() };
    let (mut last, mut unchanged) = (ticks(), 0);
    while unchanged < 10 {
        std::thread::sleep(Duration::from_millis(100));
        let now = ticks();
        unchanged = if now == last { unchanged + 1 } else { 0 };
        last = now;
    }
    assert!(
        server.resident() < before + SOME,
        "{} then {}",
        before,
        server.resident()
    );
    for pid in pids {
        server.signal(pid, 9).ok();
    }
    assert!(
        streams
            .into_iter()
            .all(|stream| stream.finish().status == "signal: killed")
    );
}

fn ticks_of(pid: u64) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<_> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn a_process_that_does_not_read_stops_its_sender_not_the_memory() {
    let server = Server::new();
    let (stream, pid) = start(&server, "sleep", &["1000"]);
    let before = server.resident();
    let mut raw = Raw::begin(&server, INPUT);
    raw.send(&input_to(pid));
    raw.0
        .set_write_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    let message = crate::support::frame(data(&[b'x'; 48 << 10]).to_string().as_bytes());
    let mut sent = 0_usize;
    while raw.send_bytes(&message).is_ok() {
        sent += message.len();
        assert!(sent < 256 << 20, "nobody stops the sender");
    }
    assert!(
        server.resident() < before + SOME,
        "{} then {}",
        before,
        server.resident()
    );
    // Who waits for it is told when it ends.
    server.signal(pid, 9).ok();
    stream.finish();
    let answer = raw.answer();
    assert!(
        answer.contains("has closed its input") || answer.contains("has ended"),
        "{answer}"
    );
}

#[test]
fn twenty_megabytes_of_input_arrive_exactly_through_little_memory() {
    let server = Server::new();
    let (stream, pid) = start(&server, "sha256sum", &[]);
    let before = server.resident();
    let mut raw = Raw::begin(&server, INPUT);
    raw.send(&input_to(pid));
    let mut hash = sha2::Sha256::default();
    let mut number = 1_u32;
    for _ in 0..300 {
        let piece: Vec<u8> = (0..16_384)
            .flat_map(|_| {
                number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                number.to_le_bytes()
            })
            .collect();
        sha2::Digest::update(&mut hash, &piece);
        raw.send(&data(&piece));
    }
    assert!(
        server.resident() < before + SOME,
        "{} then {}",
        before,
        server.resident()
    );
    let answer = raw.end();
    assert!(
        answer.starts_with("HTTP/1.1 200") && !answer.contains("error"),
        "{answer}"
    );
    let close = json!({"process": {"pid": pid}});
    server.call("process.Process/CloseStdin", &close).ok();
    let digest = sha2::Digest::finalize(hash);
    let expected: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        String::from_utf8(stream.finish().stdout).unwrap(),
        format!("{expected}  -\n")
    );
}

#[test]
fn streams_of_input_that_are_not_as_they_should_be_are_refused_with_the_reason() {
    let server = Server::new();
    let (stream, pid) = start(&server, "cat", &[]);
    let cases = [
        (vec![data(b"x")], "invalid_argument"),
        (
            vec![json!({"keepalive": {}}), data(b"x")],
            "invalid_argument",
        ),
        (vec![json!({"start": {}})], "invalid_argument"),
        (vec![json!({"start": {"process": {}}})], "invalid_argument"),
        (vec![json!({})], "invalid_argument"),
        (vec![input_to(1)], "not_found"),
        (
            vec![json!({"start": {"process": {"tag": "nobody"}}})],
            "not_found",
        ),
        (vec![input_to(pid), input_to(pid)], "invalid_argument"),
        (vec![input_to(pid), json!({"data": {}})], "invalid_argument"),
        (
            vec![input_to(pid), json!({"data": {"input": {"pty": "eA=="}}})],
            "failed_precondition",
        ),
    ];
    for (messages, code) in cases {
        let mut raw = Raw::begin(&server, INPUT);
        for message in &messages {
            raw.send(message);
        }
        let answer = raw.end();
        assert!(
            answer.contains(&format!("\"code\":\"{code}\"")),
            "{messages:?}: {answer}"
        );
    }
    let close = json!({"process": {"pid": pid}});
    server.call("process.Process/CloseStdin", &close).ok();
    assert_eq!(
        stream.finish().stdout,
        b"",
        "nothing of it reached the process"
    );
}

#[test]
fn a_message_that_is_too_large_is_refused_before_it_is_there() {
    let server = Server::new();
    let before = server.resident();
    for length in [u32::MAX, (16 << 20) + 1] {
        let mut raw = Raw::begin(&server, INPUT);
        let mut head = vec![0];
        head.extend(length.to_be_bytes());
        raw.send_bytes(&head).unwrap();
        let answer = raw.answer();
        assert!(
            answer.contains("\"code\":\"resource_exhausted\""),
            "{answer}"
        );
    }
    // One of compressed zeros is no smaller for it.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&vec![0; 20 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    let mut stream = server.connect();
    let head = format!(
        "POST /process.Process/List HTTP/1.1\r\nhost: envd\r\nconnection: close\r\ncontent-encoding: gzip\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        bomb.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&bomb).unwrap();
    let answer = Raw(stream).answer();
    assert!(
        answer.contains("\"code\":\"resource_exhausted\""),
        "{answer}"
    );
    assert!(
        server.resident() < before + (40 << 10),
        "{} then {}",
        before,
        server.resident()
    );
}

#[test]
fn connections_that_break_off_anywhere_leave_nothing_behind() {
    let server = Server::new();
    let (stream, pid) = start(&server, "cat", &[]);
    drop(stream);
    let whole = crate::support::frame(input_to(pid).to_string().as_bytes());
    for cut in 0..whole.len() {
        let mut raw = Raw::begin(&server, INPUT);
        raw.send_bytes(&whole[..cut.max(1)]).unwrap();
    }
    let mut half_a_head = server.connect();
    half_a_head
        .write_all(b"POST /process.Process/Start HT")
        .unwrap();
    let mut unended = Raw::begin(&server, INPUT);
    unended.send(&input_to(pid));
    unended.send(&data(b"whole"));
    drop(unended);
    drop(half_a_head);
    server.await_disconnected();

    // The process is there as before, with what was whole.
    let close = json!({"process": {"pid": pid}});
    server.call("process.Process/CloseStdin", &close).ok();
    assert_eq!(server.attach(pid).finish().stdout, b"whole");
}
