//! Watching folders: everything that happens is told, once, in its order and under its name.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::Server;
use crate::support::watch::{create, next, text, told, watch, watcher};

fn set_mode(path: &str, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_happens_in_a_folder_is_told_in_its_order() {
    let server = Server::new();
    let (a, b) = (server.path("a"), server.path("b ü"));
    let mut stream = watch(&server, json!({"path": server.path("")}));
    fs::write(&a, "text").unwrap();
    set_mode(&a, 0o600);
    fs::rename(&a, &b).unwrap();
    fs::remove_file(&b).unwrap();
    set_mode(&server.path(""), 0o755);
    let expected = [
        "create a",
        "write a",
        "chmod a",
        "rename a",
        "create b ü",
        "remove b ü",
        "chmod .",
    ];
    assert_eq!(next(&mut stream, 7), expected);
}

#[test]
fn a_file_that_is_written_piece_by_piece_is_told_once() {
    let server = Server::new();
    let id = watcher(&server);
    server.shell(&format!(
        "for i in $(seq 100); do echo $i; done > {}",
        server.path("log")
    ));
    assert_eq!(told(&server, &id), ["create log", "write log"]);
    fs::write(server.path("log"), "again").unwrap();
    assert_eq!(told(&server, &id), ["write log"]);
}

#[test]
fn below_a_folder_is_told_only_if_wanted() {
    let server = Server::new();
    fs::create_dir(server.path("old")).unwrap();
    let flat = create(&server, &json!({"path": server.path("")})).ok();
    let flat = flat["watcherId"].as_str().unwrap();
    let deep = watcher(&server);
    fs::write(server.path("old/x"), "").unwrap();
    fs::create_dir(server.path("new")).unwrap();
    fs::write(server.path("new/y"), "").unwrap();
    assert_eq!(told(&server, flat), ["create new"]);
    assert_eq!(
        told(&server, &deep),
        ["create old/x", "create new", "create new/y"]
    );
}

#[test]
fn of_folders_that_appear_everything_is_told_once_however_fast_they_are_filled() {
    let server = Server::new();
    let id = watcher(&server);
    let make =
        "for i in $(seq 200); do mkdir -p $i/b/c; echo > $i/b/c/file; echo > $i/b/file; done";
    assert_eq!(
        server
            .shell(&format!("cd {} && {make}", server.path("")))
            .exit_code,
        0
    );
    let mut created = told(&server, &id);
    created.retain(|event| event.starts_with("create"));
    created.sort();
    let mut expected: Vec<_> = (1..=200)
        .flat_map(|i| {
            ["", "/b", "/b/c", "/b/c/file", "/b/file"].map(|rest| format!("create {i}{rest}"))
        })
        .collect();
    expected.sort();
    assert_eq!(created, expected);
}

#[test]
fn a_folder_that_moves_is_followed_and_one_that_leaves_is_not() {
    let server = Server::new();
    let outside = tempfile::TempDir::new().unwrap();
    let away = outside.path().join("away");
    fs::create_dir_all(server.path("a/deep")).unwrap();
    let id = watcher(&server);
    fs::rename(server.path("a"), server.path("b")).unwrap();
    fs::write(server.path("b/deep/x"), "").unwrap();
    assert_eq!(
        told(&server, &id),
        ["rename a", "create b", "create b/deep/x"]
    );

    fs::rename(server.path("b"), &away).unwrap();
    assert_eq!(told(&server, &id), ["rename b"]);
    fs::write(away.join("deep/y"), "").unwrap();
    assert_eq!(told(&server, &id), [""; 0]);

    fs::rename(&away, server.path("c")).unwrap();
    let mut all = told(&server, &id);
    all.sort();
    assert_eq!(
        all,
        [
            "create c",
            "create c/deep",
            "create c/deep/x",
            "create c/deep/y"
        ]
    );
    fs::remove_file(server.path("c/deep/x")).unwrap();
    assert_eq!(told(&server, &id), ["remove c/deep/x"]);
}

#[test]
fn a_folder_that_is_made_again_is_watched_again() {
    let server = Server::new();
    let id = watcher(&server);
    for _ in 0..3 {
        fs::create_dir_all(server.path("d/e")).unwrap();
        assert_eq!(told(&server, &id), ["create d", "create d/e"]);
        fs::write(server.path("d/e/f"), "").unwrap();
        assert_eq!(told(&server, &id), ["create d/e/f"]);
        fs::remove_dir_all(server.path("d")).unwrap();
        assert_eq!(
            told(&server, &id),
            ["remove d/e/f", "remove d/e", "remove d"]
        );
    }
}

#[test]
fn entries_come_with_what_is_there_and_not_with_what_went() {
    let server = Server::new();
    let file = server.path("sub/file");
    fs::create_dir(server.path("sub")).unwrap();
    let request = json!({"path": server.path(""), "recursive": true, "includeEntry": true});
    let mut stream = watch(&server, request);
    fs::write(&file, "12345").unwrap();
    let created = stream.next_message().unwrap().unwrap()["filesystem"].clone();
    let entry = &created["entry"];
    assert_eq!(
        (&entry["name"], &entry["path"], &entry["type"]),
        (&json!("file"), &json!(file), &json!("FILE_TYPE_FILE"))
    );
    let written = stream.next_message().unwrap().unwrap()["filesystem"].clone();
    assert_eq!(written["entry"]["size"], "5");
    fs::remove_file(&file).unwrap();
    let removed = stream.next_message().unwrap().unwrap()["filesystem"].clone();
    assert_eq!(
        (text(&removed).as_str(), removed.get("entry")),
        ("remove sub/file", None)
    );
}

#[test]
fn a_silent_watch_is_kept_alive_if_the_client_asks_for_it() {
    let server = Server::new();
    let request = json!({"path": server.path("")});
    let headers = [("keepalive-ping-interval", "1")];
    let mut stream = server.stream("filesystem.Filesystem/WatchDir", &request, &headers);
    let mut next = || stream.next_message().unwrap().unwrap();
    assert_eq!(next(), json!({"start": {}}));
    for _ in 0..2 {
        assert_eq!(next(), json!({"keepalive": {}}));
    }
    fs::write(server.path("x"), "").unwrap();
    assert_eq!(text(&next()["filesystem"]), "create x");
}
