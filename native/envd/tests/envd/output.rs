//! What a process writes comes out whole, in order, to whoever listens, and nobody has to.

use std::io::Read;

use serde_json::json;

use crate::support::Server;

const MIB: usize = 1 << 20;

#[test]
fn fifty_megabytes_of_output_come_whole_and_in_order() {
    let server = Server::new();
    let ended = server.start("seq", &["1", "6700000"]).finish();
    assert!(
        ended.stdout.len() > 50 * 1000 * 1000,
        "{}",
        ended.stdout.len()
    );
    let mut lines = ended.stdout.split(|&byte| byte == b'\n');
    assert!((1..=6_700_000).all(|number: u32| lines.next() == Some(number.to_string().as_bytes())));
    assert_eq!(lines.next(), Some(&b""[..]));
    assert_eq!((ended.exit_code, ended.exited), (0, true));
}

#[test]
fn a_slow_reader_slows_the_process_and_loses_nothing() {
    let server = Server::new();
    let (mut stream, progress) = start_counting_writer(&server);
    let pid = stream.pid();
    let stood_still_at = await_standstill(&progress);
    // It goes on as soon as somebody reads.
    let mut received = 0;
    while written(&progress) == stood_still_at {
        received += data_in(&stream.next_event().unwrap());
    }
    // It stands still again, its pipe full, and is killed like that: what it wrote is there nevertheless.
    await_standstill(&progress);
    server.signal(pid, 9).ok();
    received += stream.finish().stdout.len();
    let written = written(&progress);
    // The last piece may have been written and not yet counted.
    assert!(
        received == written * PIECE || received == (written + 1) * PIECE,
        "{received} of {written} pieces"
    );
}

/// A pipe takes a piece of this size whole or not at all.
const PIECE: usize = 4096;

/// A process that writes pieces for ever, and the file in which it counts them.
fn start_counting_writer(server: &Server) -> (crate::support::Stream, String) {
    let progress = server.path("progress");
    let writer = format!(
        "while head -c {PIECE} /dev/zero; do n=$((n+1)); echo $n > {progress}.new; mv {progress}.new {progress}; done"
    );
    (server.start("sh", &["-c", &writer]), progress)
}

fn written(progress: &str) -> usize {
    std::fs::read_to_string(progress).map_or(0, |count| count.trim().parse().unwrap())
}

/// Nobody reads: some time the writer has to wait, and then its count stays what it is.
fn await_standstill(progress: &str) -> usize {
    let mut before = written(progress);
    let mut unchanged = 0;
    while unchanged < 10 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        let now = written(progress);
        unchanged = if now == before && now > 0 {
            unchanged + 1
        } else {
            0
        };
        before = now;
    }
    before
}

fn data_in(event: &serde_json::Value) -> usize {
    let text = event["data"]["stdout"].as_str().unwrap_or_default();
    base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text)
        .unwrap()
        .len()
}

#[test]
fn bytes_that_are_no_text_arrive_as_they_are() {
    let server = Server::new();
    let ended = server.shell(r"printf '\377\376\000\200x'; printf '\303\050' >&2");
    assert_eq!(ended.stdout, [0xff, 0xfe, 0, 0x80, b'x']);
    assert_eq!(ended.stderr, [0xc3, 0x28]);
}

#[test]
fn a_child_that_forked_away_does_not_hold_the_end_back() {
    let server = Server::new();
    let mut stream = server.start("sh", &["-c", "sleep 1000 & echo $!; exit 7"]);
    stream.pid();
    let ended = stream.finish();
    let left_behind = String::from_utf8(ended.stdout).unwrap();
    // It is still there, and was not harmed.
    assert!(server.shell(&format!("kill {}", left_behind.trim())).exited);
    assert_eq!((ended.exit_code, ended.exited), (7, true));
}

#[test]
fn a_child_that_forked_away_and_writes_on_is_neither_killed_nor_waited_for() {
    let server = Server::new();
    let beat = server.path("beat");
    let writer =
        format!("( while :; do echo on || exit; echo x >> {beat}; sleep 0.02; done ) & echo $!");
    let ended = server.shell(&writer);
    let pid = String::from_utf8_lossy(&ended.stdout)
        .lines()
        .next()
        .unwrap()
        .to_owned();
    let written = || std::fs::read(&beat).map_or(0, |beats| beats.len());
    let before = written();
    while written() < before + 20 {
        std::thread::yield_now();
    }
    assert_eq!(server.shell(&format!("kill {pid}")).exit_code, 0);
}

#[test]
fn what_was_written_just_before_the_end_is_not_lost() {
    let server = Server::new();
    for _ in 0..50 {
        let ended = server.shell("head -c 60000 /dev/zero; head -c 60000 /dev/zero >&2");
        assert_eq!((ended.stdout.len(), ended.stderr.len()), (60_000, 60_000));
    }
}

#[test]
fn a_dropped_stream_leaves_the_process_running_and_connect_takes_it_up() {
    let server = Server::new();
    let go = server.path("go");
    let script = format!("echo first; until [ -e {go} ]; do sleep 0.01; done; echo second");
    let mut stream = server.start("sh", &["-c", &script]);
    let pid = stream.pid();
    stream.expect("first");
    drop(stream);
    server.await_disconnected();

    let mut again = server.attach(pid);
    assert_eq!(again.pid(), pid);
    std::fs::write(go, "").unwrap();
    assert_eq!(again.dropped, Some(0));
    let ended = again.finish();
    assert_eq!(String::from_utf8_lossy(&ended.stdout), "second\n");
}

#[test]
fn an_ended_process_tells_its_end_to_whoever_comes_late() {
    let server = Server::new();
    let go = server.path("go");
    let script = format!("until [ -e {go} ]; do sleep 0.01; done; echo unread; exit 3");
    let mut stream = server.start("sh", &["-c", &script]);
    let pid = stream.pid();
    drop(stream);
    server.await_disconnected();
    std::fs::write(go, "").unwrap();

    let first = server.attach(pid).finish();
    assert_eq!(
        (first.stdout.as_slice(), first.exit_code),
        (&b"unread\n"[..], 3)
    );
    // What was read is gone, how it ended is not.
    let second = server.attach(pid).finish();
    assert_eq!((second.stdout.as_slice(), second.exit_code), (&b""[..], 3));
    let running = server.call("process.Process/List", &json!({})).ok();
    assert_eq!(running, json!({}));
}

#[test]
fn of_a_process_nobody_reads_the_last_mebibyte_is_kept_and_the_rest_counted() {
    let server = Server::new();
    let done = server.path("done");
    let ready = server.path("ready");
    let script = format!(
        "until [ -e {ready} ]; do sleep 0.01; done; head -c 5000000 /dev/zero; printf last; touch {done}"
    );
    let mut stream = server.start("sh", &["-c", &script]);
    let pid = stream.pid();
    drop(stream);
    server.await_disconnected();
    std::fs::write(ready, "").unwrap();
    while !std::fs::exists(&done).unwrap() {
        std::thread::yield_now();
    }
    let stream = server.attach(pid);
    let dropped = stream.dropped.unwrap();
    let ended = stream.finish();
    assert!(ended.stdout.ends_with(b"last"));
    assert!(
        (MIB..MIB + 128 * 1024).contains(&ended.stdout.len()),
        "{}",
        ended.stdout.len()
    );
    assert_eq!(ended.stdout.len() as u64 + dropped, 5_000_004);
}

#[test]
fn two_readers_get_the_same() {
    let server = Server::new();
    let mut first = server.start_with(&json!({"process": {"cmd": "cat"}, "tag": "both"}));
    let pid = first.pid();
    let mut second = server.attach(pid);
    assert_eq!(second.pid(), pid);
    server
        .call(
            "process.Process/SendInput",
            &json!({"process": {"pid": pid}, "input": {"stdin": "aGVsbG8="}}),
        )
        .ok();
    server
        .call(
            "process.Process/CloseStdin",
            &json!({"process": {"tag": "both"}}),
        )
        .ok();
    assert_eq!(first.finish().stdout, b"hello");
    assert_eq!(second.finish().stdout, b"hello");
}

#[test]
fn a_silent_stream_is_kept_alive_if_the_client_asks_for_it() {
    let server = Server::new();
    let request = json!({"process": {"cmd": "cat"}});
    let mut asking = server.stream(
        "process.Process/Start",
        &request,
        &[("keepalive-ping-interval", "1")],
    );
    let pid = asking.pid();
    let silent = server.attach(pid);
    for _ in 0..2 {
        assert_eq!(asking.next_event(), Some(json!({"keepalive": {}})));
    }
    server
        .call(
            "process.Process/CloseStdin",
            &json!({"process": {"pid": pid}}),
        )
        .ok();
    assert!(asking.finish().exited);
    assert_eq!(silent.finish().keepalives, 0);
}

#[test]
fn a_streams_time_out_ends_the_stream_and_not_the_process() {
    let server = Server::new();
    let go = server.path("go");
    let script = format!("until [ -e {go} ]; do sleep 0.01; done; echo survived");
    let request = json!({"process": {"cmd": "sh", "args": ["-c", script]}});
    let mut stream = server.stream(
        "process.Process/Start",
        &request,
        &[("connect-timeout-ms", "2000")],
    );
    let pid = stream.pid();
    let mut rest = Vec::new();
    stream.frames.0.read_to_end(&mut rest).unwrap();
    assert!(String::from_utf8_lossy(&rest).contains("deadline_exceeded"));

    let again = server.attach(pid);
    std::fs::write(go, "").unwrap();
    assert_eq!(again.finish().stdout, b"survived\n");
}

#[test]
fn an_idle_server_does_not_wake_even_while_a_process_is_followed() {
    let server = Server::new();
    let mut stream = server.start("sleep", &["1000"]);
    let pid = stream.pid();
    // It goes to sleep after its last work; what comes after that would be a timer of its own.
    let mut before = server.times_slept();
    let mut unchanged = 0;
    while unchanged < 20 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        let now = server.times_slept();
        unchanged = if now == before { unchanged + 1 } else { 0 };
        before = now;
    }
    server.signal(pid, 9).ok();
}
