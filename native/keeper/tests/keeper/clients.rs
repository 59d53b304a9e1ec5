//! What a client of the socket can rely on.

use std::io::{Read, Write};

use serde_json::json;

use crate::support::{WAIT, World};

#[test]
fn status_tells_whose_keeper_it_is() {
    let world = World::new();
    let keeper = world.start(WAIT);

    let status = keeper.connect().ask("status");

    let started = status["started_at_ms"].as_u64().unwrap();
    assert!(started > 1_700_000_000_000, "{status}");
    let expected = json!({
        "ok": true, "sandbox_id": "sb_test", "state": "running", "started_at_ms": started,
        "keeper_pid": keeper.process.pid, "vmm_pid": keeper.vmm.pid,
    });
    assert_eq!(status, expected);
}

#[test]
fn requests_sent_together_are_answered_in_order_with_their_ids() {
    let world = World::new();
    let keeper = world.start(WAIT);
    let mut client = keeper.connect();

    let requests: String = (0..500)
        .map(|number| {
            format!(
                "{}\n",
                json!({ "op": if number % 2 == 0 { "status" } else { "stats" }, "id": number })
            )
        })
        .collect();
    client.send(&requests);

    for number in 0..500 {
        let answer = client.line().unwrap();
        assert_eq!(answer["id"], json!(number));
        assert_eq!(answer.get("state").is_some(), number % 2 == 0);
    }
    client.send("{\"op\":\"status\",\"id\":\"a\"}\n");
    assert_eq!(client.line().unwrap()["id"], json!("a"));
}

#[test]
fn a_request_may_come_in_pieces() {
    let world = World::new();
    let keeper = world.start(WAIT);
    let mut client = keeper.connect();
    for piece in ["{\"op\"", ": \"sta", "tus\"}", "\n{\"op\": \"stats\"}\n{"] {
        client.send(piece);
        assert_eq!(keeper.connect().ask("status")["state"], json!("running"));
    }
    assert_eq!(client.line().unwrap()["state"], json!("running"));
    assert!(client.line().unwrap()["threads"].is_u64());
    client.send("\"op\": \"status\"}\n");
    assert_eq!(client.line().unwrap()["state"], json!("running"));
}

#[test]
fn a_slow_listener_gets_every_answer() {
    let world = World::new();
    let keeper = world.start(WAIT);
    let mut client = keeper.connect();
    let mut writer = client.reader.get_ref().try_clone().unwrap();
    let count = 20_000;
    let sending = std::thread::spawn(move || {
        for number in 0..count {
            writer
                .write_all(format!("{{\"op\":\"status\",\"id\":{number}}}\n").as_bytes())
                .unwrap();
        }
    });
    for number in 0..count {
        assert_eq!(client.line().unwrap()["id"], json!(number));
    }
    sending.join().unwrap();
}

#[test]
fn a_client_that_only_writes_once_and_shuts_its_side_gets_its_answer() {
    let world = World::new();
    let keeper = world.start(WAIT);
    let mut client = keeper.connect();
    client.send("{\"op\":\"status\"}\n");
    client
        .reader
        .get_ref()
        .shutdown(std::net::Shutdown::Write)
        .unwrap();
    let mut text = String::new();
    client.reader.read_to_string(&mut text).unwrap();
    assert_eq!(text.matches("running").count(), 1, "{text}");

    let mut client = keeper.connect();
    client.send("{\"op\":\"kill\"}\n");
    client
        .reader
        .get_ref()
        .shutdown(std::net::Shutdown::Write)
        .unwrap();
    assert_eq!(client.line().unwrap()["exit"]["killed"], json!(true));
}
