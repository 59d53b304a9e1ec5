//! Files put together from pieces.

use std::fs;
use std::os::unix::fs::MetadataExt;

use serde_json::{Value, json};

use crate::support::Server;

fn compose(server: &Server, request: &Value) -> (u16, Value) {
    let (status, body) = server.post("/files/compose", request);
    (status, serde_json::from_slice(&body).unwrap())
}

#[test]
fn pieces_become_one_file_in_their_order_and_are_gone() {
    let server = Server::new();
    let pieces: Vec<_> = (0..3).map(|n| server.path(&format!("piece {n}"))).collect();
    for (n, piece) in pieces.iter().enumerate() {
        fs::write(piece, vec![n as u8; 1_000_000 + n]).unwrap();
    }
    let whole = server.path("new/folder/whole");
    let order = [&pieces[2], &pieces[0], &pieces[1], &pieces[0]];
    let request = json!({"source_paths": order, "destination": whole, "username": "nobody"});
    let (status, written) = compose(&server, &request);
    assert_eq!(
        (status, written),
        (200, json!({"path": whole, "name": "whole", "type": "file"}))
    );
    let expected = [2, 0, 1, 0].map(|n| vec![n as u8; 1_000_000 + n]).concat();
    assert!(fs::read(&whole).unwrap() == expected);
    assert!(pieces.iter().all(|piece| !fs::exists(piece).unwrap()));
    let owner = server.shell("id -u nobody").stdout;
    let owner: u32 = String::from_utf8(owner).unwrap().trim().parse().unwrap();
    assert_eq!(fs::metadata(&whole).unwrap().uid(), owner);
}

#[test]
fn what_cannot_be_composed_changes_nothing() {
    let server = Server::new();
    let (a, whole) = (server.path("a"), server.path("whole"));
    fs::write(&a, "a").unwrap();
    fs::write(&whole, "before").unwrap();
    fs::hard_link(&whole, server.path("same")).unwrap();
    let cases = [
        (json!([]), &whole, 400),
        (json!([a, server.path("missing")]), &whole, 404),
        (json!([a, server.path("")]), &whole, 400),
        (json!([a, whole]), &whole, 400),
        (json!([a, server.path("same")]), &whole, 400),
        (json!([a]), &server.path(""), 400),
        (json!([a]), &String::new(), 400),
    ];
    for (sources, destination, status) in cases {
        let request = json!({"source_paths": sources, "destination": destination});
        assert_eq!(compose(&server, &request).0, status, "{request}");
    }
    assert_eq!(compose(&server, &json!({"destination": whole})).0, 400);
    let stranger = json!({"source_paths": [a], "destination": whole, "username": "no one"});
    assert_eq!(compose(&server, &stranger).0, 401);
    assert_eq!(fs::read(&a).unwrap(), b"a");
    assert_eq!(fs::read(&whole).unwrap(), b"before");
    assert_eq!(
        fs::read_dir(server.path("")).unwrap().count(),
        3,
        "nothing is left behind"
    );
}
