//! What clients note on files stays with them.

use serde_json::{Value, json};
use ureq::SendBody;

use crate::support::{Server, whole};

fn put(server: &Server, path: &str, noted: &[(&str, &str)]) -> (u16, Value) {
    let mut request = server.request("POST", &format!("/files?path={path}"));
    for (name, value) in noted {
        request = request.header(format!("X-Metadata-{name}"), *value);
    }
    let body = request
        .body(SendBody::from_owned_reader(&b"text"[..]))
        .unwrap();
    let (status, body) = whole(server.send(body));
    (status, serde_json::from_slice(&body).unwrap())
}

fn stat(server: &Server, path: &str) -> Value {
    let answer = server.call("filesystem.Filesystem/Stat", &json!({"path": path}));
    answer.ok()["entry"]["metadata"].clone()
}

#[test]
fn what_was_noted_is_told_until_the_file_is_written_again() {
    let server = Server::new();
    let path = server.path("file");
    let noted = json!({"author": "some one", "task-id": "7"});
    let (status, written) = put(&server, &path, &[("Author", "some one"), ("Task-Id", "7")]);
    assert_eq!((status, &written[0]["metadata"]), (200, &noted));
    assert_eq!(stat(&server, &path), noted);
    std::os::unix::fs::symlink(&path, server.path("link")).unwrap();
    assert_eq!(stat(&server, &server.path("link")), noted);
    let list = server
        .call(
            "filesystem.Filesystem/ListDir",
            &json!({"path": server.path("")}),
        )
        .ok();
    assert_eq!(list["entries"][0]["metadata"], noted);

    let moved = server.path("moved");
    let request = json!({"source": path, "destination": moved});
    assert_eq!(
        server.call("filesystem.Filesystem/Move", &request).ok()["entry"]["metadata"],
        noted
    );
    assert_eq!(put(&server, &moved, &[("Author", "another")]).0, 200);
    assert_eq!(stat(&server, &moved), json!({"author": "another"}));
    assert_eq!(put(&server, &moved, &[]).0, 200);
    assert_eq!(stat(&server, &moved), Value::Null);
}

#[test]
fn what_programs_note_is_told_if_it_is_ours_and_text() {
    use rustix::fs::{XattrFlags, setxattr};
    let server = Server::new();
    let folder = server.path("folder");
    std::fs::create_dir(&folder).unwrap();
    for (name, value) in [
        ("user.e2b.a", &b"b"[..]),
        ("user.other", b"x"),
        ("user.e2b.raw", b"\xff"),
    ] {
        setxattr(&*folder, name, value, XattrFlags::empty()).unwrap();
    }
    assert_eq!(stat(&server, &folder), json!({"a": "b"}));
}

#[test]
fn what_cannot_be_noted_writes_no_file() {
    let server = Server::new();
    let path = server.path("file");
    let long = "x".repeat(4096);
    for noted in [[("a", "ü")], [("a", long.as_str())], [(&long[..250], "a")]] {
        let (status, error) = put(&server, &path, &noted);
        assert_eq!((status, &error["code"]), (400, &json!(400)));
    }
    assert!(!std::fs::exists(&path).unwrap());
}

#[test]
fn what_was_noted_goes_along_to_another_file_system_if_that_can_keep_it() {
    use rustix::fs::{XattrFlags, setxattr};
    let server = Server::new();
    let other = tempfile::TempDir::new_in("/dev/shm").unwrap();
    let source = server.path("file");
    let destination = other.path().join("file");
    let destination = destination.to_str().unwrap();
    put(&server, &source, &[("author", "me")]);
    let request = json!({"source": source, "destination": destination});
    let moved = server.call("filesystem.Filesystem/Move", &request).ok();
    // A tmpfs keeps such attributes since Linux 6.6.
    let keeps = setxattr(destination, "user.test", b"x", XattrFlags::empty()).is_ok();
    let expected = if keeps {
        json!({"author": "me"})
    } else {
        Value::Null
    };
    assert_eq!(moved["entry"]["metadata"], expected);
}
