//! Signed addresses of files: they open what they were made for, and nothing else.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::json;
use sha2::{Digest, Sha256};
use ureq::SendBody;

use crate::support::{Server, whole};

/// A server that wants a token, and a file of its test's folder.
fn server() -> (Server, String) {
    let server = Server::new();
    let file = server.path("file");
    std::fs::write(&file, "content").unwrap();
    let told = json!({"accessToken": "secret", "defaultUser": "nobody", "defaultWorkdir": server.path("")});
    assert_eq!(server.post("/init", &told).0, 204);
    (server, file)
}

/// As E2B's clients make it.
fn sign(path: &str, operation: &str, user: &str, until: Option<u64>) -> String {
    let until = until.map(|until| format!(":{until}")).unwrap_or_default();
    let digest = Sha256::digest(format!("{path}:{operation}:{user}:secret{until}"));
    let encoded = STANDARD_NO_PAD.encode(digest).replace('+', "%2B");
    format!("v1_{}", encoded.replace('/', "%2F"))
}

fn send(server: &Server, method: &str, query: &str, headers: &[(&str, &str)]) -> (u16, Vec<u8>) {
    let mut request = server.request(method, &format!("/files?{query}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if method == "POST" { "written" } else { "" };
    whole(
        server.send(
            request
                .body(SendBody::from_owned_reader(body.as_bytes()))
                .unwrap(),
        ),
    )
}

#[test]
fn a_signature_opens_its_file_for_its_operation() {
    let (server, file) = server();
    let read = format!("path={file}&signature={}", sign(&file, "read", "", None));
    assert_eq!(send(&server, "GET", &read, &[]), (200, b"content".to_vec()));
    assert_eq!(send(&server, "POST", &read, &[]).0, 401);
    let other = read.replacen(&file, &format!("{file}2"), 1);
    assert_eq!(send(&server, "GET", &other, &[]).0, 401);

    let write = format!("path={file}&signature={}", sign(&file, "write", "", None));
    assert_eq!(send(&server, "GET", &write, &[]).0, 401);
    assert_eq!(send(&server, "POST", &write, &[]).0, 200);
    assert_eq!(std::fs::read(&file).unwrap(), b"written");
    // Nothing but files is opened by one.
    assert_eq!(
        server
            .get(&format!("/envs?signature={}", sign("", "read", "", None)))
            .0,
        401
    );
    assert_eq!(
        server
            .post(&format!("/files/compose?{write}"), &json!({}))
            .0,
        401
    );
}

#[test]
fn a_signature_is_of_one_user() {
    let (server, file) = server();
    let named = format!(
        "path={file}&username=root&signature={}",
        sign(&file, "read", "root", None)
    );
    assert_eq!(send(&server, "GET", &named, &[]).0, 200);
    assert_eq!(
        send(&server, "GET", &named.replace("root", "nobody"), &[]).0,
        401
    );
    // Not of one that is named beside it: whose the file is shows whom it was taken for.
    let write = format!("path=new&signature={}", sign("new", "write", "", None));
    let basic = format!("Basic {}", STANDARD.encode("root:"));
    assert_eq!(
        send(&server, "POST", &write, &[("authorization", &basic)]).0,
        200
    );
    let owner = server.call_with(
        "filesystem.Filesystem/Stat",
        &json!({"path": "new"}),
        &[("x-access-token", "secret")],
    );
    assert_eq!(owner.ok()["entry"]["owner"], "nobody");
}

#[test]
fn a_signature_ends_with_its_time() {
    let (server, file) = server();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    for (until, status) in [(now + 3600, 200), (now - 1, 401)] {
        let signature = sign(&file, "read", "", Some(until));
        let query = format!("path={file}&signature={signature}&signature_expiration={until}");
        assert_eq!(send(&server, "GET", &query, &[]).0, status);
        let later = query.replace(&until.to_string(), &(now + 9999).to_string());
        assert_eq!(send(&server, "GET", &later, &[]).0, 401);
    }
}

#[test]
fn a_wrong_token_is_not_helped_by_a_signature() {
    let (server, file) = server();
    let query = format!("path={file}&signature={}", sign(&file, "read", "", None));
    assert_eq!(
        send(&server, "GET", &query, &[("x-access-token", "wrong")]).0,
        401
    );
    assert_eq!(
        send(&server, "GET", &query, &[("x-access-token", "secret")]).0,
        200
    );
    for nonsense in ["signature=", "signature=v1_", "signature=a&signature=b"] {
        assert_eq!(
            send(&server, "GET", &format!("path={file}&{nonsense}"), &[]).0,
            401
        );
    }
}
