//! Clients that are broken or mean no good: none of them harms the keeper or another.

use std::io::{ErrorKind, Write};

use serde_json::{Value, json};

use crate::support::{Client, Keeper, WAIT, World, eventually};

fn error(answer: &Value) -> &str {
    assert_eq!(answer["ok"], json!(false), "{answer}");
    answer["error"].as_str().unwrap()
}

fn serves(keeper: &Keeper) {
    assert_eq!(keeper.connect().ask("status")["state"], json!("running"));
}

#[test]
fn what_is_no_request_gets_an_error_and_the_connection_ends() {
    let world = World::new();
    let keeper = world.start(WAIT);
    for (sent, problem) in [
        ("\n", "not a request: EOF"),
        ("hello\n", "not a request: expected value"),
        ("{}\n", "not a request: missing field `op`"),
        (
            "{\"op\":\"status\",\"more\":1}\n",
            "not a request: unknown field `more`",
        ),
        (
            "{\"op\":\"status\",\"id\":[1]}\n",
            "the id of a request is a string or a number",
        ),
        ("{\"op\":\"reboot\",\"id\":1}\n", "unknown operation"),
        ("{\"op\":7}\n", "not a request: invalid type"),
    ] {
        let mut client = keeper.connect();
        client.send(&format!("{sent}{{\"op\":\"kill\"}}\n"));
        let answer = client.line().unwrap();
        assert!(error(&answer).starts_with(problem), "{sent:?}: {answer}");
        assert_eq!(client.line(), None, "what follows is not read");
    }
    let mut client = keeper.connect();
    client
        .reader
        .get_mut()
        .write_all(b"{\"op\":\"\xff\"}\n")
        .unwrap();
    assert!(error(&client.line().unwrap()).starts_with("not a request: "));
    serves(&keeper);
}

#[test]
fn a_line_of_64_kib_is_read_and_a_longer_one_refused_whether_or_not_it_ends() {
    let world = World::new();
    let keeper = world.start(WAIT);
    let padded = |length: usize| {
        let request = "{\"op\":\"status\"}";
        format!("{request}{}", " ".repeat(length - request.len()))
    };
    let mut client = keeper.connect();
    client.send(&format!("{}\n", padded(65536)));
    assert_eq!(client.line().unwrap()["state"], json!("running"));

    for line in [
        format!("{}\n", padded(65537)),
        padded(65537),
        format!("{}\n", "[".repeat(65536)),
    ] {
        let mut client = keeper.connect();
        client.send(&line);
        let problem = client.line().unwrap();
        assert!(
            error(&problem).starts_with("a line is longer than 65536 bytes")
                || line.starts_with('['),
            "{problem}"
        );
        assert_eq!(client.line(), None);
    }
    serves(&keeper);
}

#[test]
fn a_client_that_asks_without_end_and_never_listens_costs_next_to_nothing() {
    let world = World::new();
    let mut keeper = world.start(WAIT);
    serves(&keeper);
    let before = resident_kib(&keeper);
    let requests = "{\"op\":\"status\",\"id\":\"abcdefghijklmnopqrstuvwxyz\"}\n".repeat(1000);

    let greedy: Vec<Client> = (0..60)
        .map(|_| {
            let mut client = keeper.connect();
            client.reader.get_mut().set_nonblocking(true).unwrap();
            fill(&mut client, requests.as_bytes());
            client
        })
        .collect();

    serves(&keeper);
    let grown = resident_kib(&keeper).saturating_sub(before);
    assert!(
        grown < 1024,
        "{grown} KiB more for {} clients",
        greedy.len()
    );
    // Nor do they hold up the end.
    keeper.connect().ask("kill");
    assert!(keeper.wait().success());
}

/// Sends until neither the keeper nor the kernel takes any more.
fn fill(client: &mut Client, requests: &[u8]) {
    let mut refused = 0;
    while refused < 10 {
        match client.reader.get_mut().write(requests) {
            Ok(_) => refused = 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                refused += 1;
                std::thread::yield_now();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn resident_kib(keeper: &Keeper) -> u64 {
    keeper
        .process
        .status("VmRSS")
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn there_are_at_most_64_connections_and_one_that_goes_makes_room() {
    let world = World::new();
    let keeper = world.start(WAIT);
    let mut clients: Vec<Client> = (0..64).map(|_| keeper.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.ask("status")["state"], json!("running"));
    }

    let mut refused = keeper.connect();
    assert_eq!(error(&refused.line().unwrap()), "too many connections");
    assert_eq!(refused.line(), None);
    assert_eq!(
        clients[63].ask("status")["state"],
        json!("running"),
        "the others do not notice"
    );

    clients.truncate(60);
    eventually("there is room again", || {
        let mut client = keeper.connect();
        let _ = client.reader.get_mut().write_all(b"{\"op\":\"status\"}\n");
        (client.line()?["ok"] == json!(true)).then_some(())
    });
}

#[test]
fn clients_that_vanish_in_the_middle_of_anything_leave_no_trace() {
    let world = World::new();
    let keeper = world.start(WAIT);
    let before = keeper.process.descriptors().len();
    for round in 0..300 {
        let mut client = keeper.connect();
        client.send(["", "{\"op\":", "{\"op\":\"status\"}\n", "nonsense\n"][round % 4]);
    }
    eventually("their descriptors are closed", || {
        (keeper.process.descriptors().len() == before).then_some(())
    });
    serves(&keeper);
}
