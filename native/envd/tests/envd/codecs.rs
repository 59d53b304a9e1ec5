//! Both codecs of Connect, and bodies that are neither.

use buffa::Message;
use envd::r#gen::filesystem::{StatRequest, StatResponse};
use envd::r#gen::process::process_event::Event;
use envd::r#gen::process::process_event::data_event::Output;
use envd::r#gen::process::pty::Size;
use envd::r#gen::process::{PTY, ProcessConfig, StartRequest, StartResponse};
use serde_json::json;
use ureq::SendBody;

use crate::support::{Frames, Server, frame, whole};

fn post(
    server: &Server,
    path: &str,
    kind: &str,
    body: Vec<u8>,
) -> ureq::http::Response<ureq::Body> {
    let request = server.request("POST", path).header("content-type", kind);
    server.send(
        request
            .body(SendBody::from_owned_reader(std::io::Cursor::new(body)))
            .unwrap(),
    )
}

#[test]
fn a_process_can_be_started_and_followed_with_the_binary_codec() {
    let server = Server::new();
    let request = StartRequest {
        process: ProcessConfig {
            cmd: "sh".into(),
            args: vec!["-c".into(), "printf 'a\\377'; printf b >&2; exit 9".into()],
            ..ProcessConfig::default()
        }
        .into(),
        stdin: Some(false),
        ..StartRequest::default()
    };
    let response = post(
        &server,
        "/process.Process/Start",
        "application/connect+proto",
        frame(&request.encode_to_vec()),
    );
    assert_eq!(
        response.headers()["content-type"],
        "application/connect+proto"
    );
    let frames: Vec<_> = Frames(response.into_body().into_reader()).collect();
    let (last, events) = frames.split_last().unwrap();
    assert_eq!((last.0, last.1.as_slice()), (2, &b"{}"[..]));

    let (mut stdout, mut stderr, mut exit_code) = (Vec::new(), Vec::new(), None);
    for (_, payload) in events {
        let response = StartResponse::decode_from_slice(payload).unwrap();
        match response.event.into_option().unwrap().event.unwrap() {
            Event::Start(start) => assert!(start.pid > 0),
            Event::Data(data) => match data.output.unwrap() {
                Output::Stdout(bytes) => stdout.extend(bytes),
                Output::Stderr(bytes) => stderr.extend(bytes),
                Output::Pty(_) => panic!("there is no terminal"),
            },
            Event::End(end) => exit_code = Some(end.exit_code),
            Event::Keepalive(_) => panic!("none was asked for"),
        }
    }
    assert_eq!(
        (stdout.as_slice(), stderr.as_slice(), exit_code),
        (&b"a\xff"[..], &b"b"[..], Some(9))
    );
}

#[test]
fn a_terminal_can_be_had_with_the_binary_codec() {
    let server = Server::new();
    let request = StartRequest {
        process: ProcessConfig {
            cmd: "stty".into(),
            args: vec!["size".into()],
            ..ProcessConfig::default()
        }
        .into(),
        pty: PTY {
            size: Size { cols: 33, rows: 11 }.into(),
        }
        .into(),
        ..StartRequest::default()
    };
    let response = post(
        &server,
        "/process.Process/Start",
        "application/connect+proto",
        frame(&request.encode_to_vec()),
    );
    let mut screen = Vec::new();
    for (flags, payload) in Frames(response.into_body().into_reader()) {
        let response = (flags == 0).then(|| StartResponse::decode_from_slice(&payload).unwrap());
        let event = response.and_then(|response| response.event.into_option()?.event);
        if let Some(Event::Data(data)) = event {
            match data.output {
                Some(Output::Pty(bytes)) => screen.extend(bytes),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(screen, b"11 33\r\n");
}

#[test]
fn unary_calls_speak_both_codecs() {
    let server = Server::new();
    let request = StatRequest {
        path: "/etc/passwd".into(),
    };
    let (status, body) = whole(post(
        &server,
        "/filesystem.Filesystem/Stat",
        "application/proto",
        request.encode_to_vec(),
    ));
    assert_eq!(status, 200);
    let entry = StatResponse::decode_from_slice(&body)
        .unwrap()
        .entry
        .into_option()
        .unwrap();
    assert_eq!(entry.name, "passwd");
    let json = server
        .call(
            "filesystem.Filesystem/Stat",
            &json!({"path": "/etc/passwd"}),
        )
        .ok();
    assert_eq!(json["entry"]["size"], entry.size.to_string());
}

#[test]
fn nonsense_is_refused_and_harms_nothing() {
    let server = Server::new();
    let cases: [(&str, &[u8]); 4] = [
        ("application/json", b"{"),
        ("application/json", br#"{"process": 7}"#),
        ("application/proto", &[0xff; 64]),
        ("text/plain", b"hello"),
    ];
    for (kind, body) in cases {
        let (status, _) = whole(post(
            &server,
            "/process.Process/SendSignal",
            kind,
            body.to_vec(),
        ));
        assert!((400..500).contains(&status), "{kind}: {status}");
    }
    let head_of_a_gigabyte = [0, 0x40, 0, 0, 0, b'x'];
    let response = post(
        &server,
        "/process.Process/Start",
        "application/connect+json",
        head_of_a_gigabyte.to_vec(),
    );
    let frames: Vec<_> = Frames(response.into_body().into_reader()).collect();
    assert!(String::from_utf8_lossy(&frames.last().unwrap().1).contains("error"));
    assert_eq!(server.get("/health").0, 204);
}
