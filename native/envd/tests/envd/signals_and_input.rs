//! What reaches a process: signals, to all of its group, and input.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Server, frame};

fn send(server: &Server, pid: u64, input: &[u8]) -> crate::support::Answer {
    let message = json!({"process": {"pid": pid}, "input": {"stdin": STANDARD.encode(input)}});
    server.call("process.Process/SendInput", &message)
}

fn close(server: &Server, pid: u64) -> crate::support::Answer {
    server.call(
        "process.Process/CloseStdin",
        &json!({"process": {"pid": pid}}),
    )
}

#[test]
fn an_end_by_signal_is_reported_as_such() {
    let server = Server::new();
    for (signal, status) in [
        (15, "signal: terminated"),
        (9, "signal: killed"),
        (6, "signal: aborted"),
    ] {
        let mut stream = server.start("sleep", &["1000"]);
        let pid = stream.pid();
        server.signal(pid, signal).ok();
        let ended = stream.finish();
        assert_eq!(
            (ended.exit_code, ended.exited, ended.status.as_str()),
            (-1, false, status)
        );
    }
}

#[test]
fn a_signal_goes_to_the_whole_group() {
    let server = Server::new();
    let mut stream = server.start("sh", &["-c", "sleep 1000 & echo $!; wait"]);
    let pid = stream.pid();
    let mut child = String::new();
    while !child.ends_with('\n') {
        let event = stream.next_event().unwrap();
        child += &String::from_utf8(
            STANDARD
                .decode(event["data"]["stdout"].as_str().unwrap())
                .unwrap(),
        )
        .unwrap();
    }
    server
        .call(
            "process.Process/SendSignal",
            &json!({"process": {"pid": pid}, "signal": "SIGNAL_SIGTERM"}),
        )
        .ok();
    stream.finish();
    // Ended, though nobody may have reaped it yet.
    let stat = format!("/proc/{}/stat", child.trim());
    while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        std::thread::yield_now();
    }
}

#[test]
fn signals_that_do_not_exist_and_processes_that_are_gone_are_told_apart() {
    let server = Server::new();
    let mut stream = server.start("true", &[]);
    let pid = stream.pid();
    stream.finish();
    assert_eq!(server.signal(pid, 15).code(), "not_found");
    assert_eq!(server.signal(4_000_000, 15).code(), "not_found");
    for signal in [0, 32, 64, -9] {
        assert_eq!(
            server.signal(pid, signal).code(),
            "invalid_argument",
            "{signal}"
        );
    }
    let unnamed = server.call("process.Process/SendSignal", &json!({"signal": 9}));
    assert_eq!(unnamed.code(), "invalid_argument");
    let tag = server.call(
        "process.Process/SendSignal",
        &json!({"process": {"tag": "x"}, "signal": 9}),
    );
    assert_eq!(tag.code(), "not_found");
}

#[test]
fn input_arrives_in_order_until_it_is_closed() {
    let server = Server::new();
    // Without the field there is input, as for clients older than it.
    let mut stream = server.start_with(&json!({"process": {"cmd": "cat"}}));
    let pid = stream.pid();
    send(&server, pid, b"one\n").ok();
    send(&server, pid, &[0xff, 0, b'\n']).ok();
    close(&server, pid).ok();
    assert_eq!(stream.finish().stdout, b"one\n\xff\0\n");
}

#[test]
fn input_is_refused_where_there_is_none() {
    let server = Server::new();
    let mut stream = server.start("sleep", &["1000"]);
    let pid = stream.pid();
    assert_eq!(send(&server, pid, b"x").code(), "failed_precondition");
    assert_eq!(close(&server, pid).code(), "failed_precondition");
    let empty = server.call(
        "process.Process/SendInput",
        &json!({"process": {"pid": pid}}),
    );
    assert_eq!(empty.code(), "invalid_argument");
    server.signal(pid, 9).ok();
    stream.finish();
    assert_eq!(send(&server, pid, b"x").code(), "not_found");
}

#[test]
fn a_process_without_input_reads_its_end_at_once() {
    let server = Server::new();
    assert_eq!(server.start("cat", &[]).finish().exit_code, 0);
}

#[test]
fn more_input_than_a_pipe_holds_waits_for_the_process_to_read() {
    let server = Server::new();
    let mut stream =
        server.start_with(&json!({"process": {"cmd": "sh", "args": ["-c", "sleep 0.3; wc -c"]}}));
    let pid = stream.pid();
    send(&server, pid, &vec![b'x'; 1 << 20]).ok();
    close(&server, pid).ok();
    assert_eq!(stream.finish().stdout, b"1048576\n");
}

#[test]
fn a_stream_of_input_names_its_process_first() {
    let server = Server::new();
    let mut stream = server.start_with(&json!({"process": {"cmd": "cat"}, "tag": "reader"}));
    let pid = stream.pid();
    let data = |text: &str| json!({"data": {"input": {"stdin": STANDARD.encode(text)}}});
    let messages = [
        json!({"start": {"process": {"tag": "reader"}}}),
        data("a"),
        json!({"keepalive": {}}),
        data("b"),
    ];
    assert_eq!(stream_input(&server, &messages), json!({}));
    close(&server, pid).ok();
    assert_eq!(stream.finish().stdout, b"ab");
    assert_eq!(
        stream_input(&server, &[data("c")])["error"]["code"],
        "invalid_argument"
    );
}

/// The last frame of the answer.
fn stream_input(server: &Server, messages: &[Value]) -> Value {
    let body: Vec<u8> = messages
        .iter()
        .flat_map(|message| frame(message.to_string().as_bytes()))
        .collect();
    let request = server
        .request("POST", "/process.Process/StreamInput")
        .header("content-type", "application/connect+json");
    let body = ureq::SendBody::from_owned_reader(std::io::Cursor::new(body));
    let response = server.send(request.body(body).unwrap());
    let frames = crate::support::Frames(response.into_body().into_reader());
    serde_json::from_slice(&frames.last().unwrap().1).unwrap()
}
