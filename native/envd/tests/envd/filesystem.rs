//! The tree of files: told truly, changed as asked.

use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::{Value, json};

use crate::support::{Answer, Server};

fn call(server: &Server, method: &str, message: Value) -> Answer {
    server.call(&format!("filesystem.Filesystem/{method}"), &message)
}

#[test]
fn a_file_is_told_with_all_there_is_to_tell() {
    let server = Server::new();
    let path = server.path("a file ä");
    std::fs::write(&path, "12345").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    std::fs::File::open(&path)
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1))
        .unwrap();
    let mut entry = call(&server, "Stat", json!({"path": path})).ok()["entry"].take();
    let owner = entry["owner"].take();
    let group = entry["group"].take();
    assert!(owner.is_string() && group.is_string());
    let expected = json!({
        "name": "a file ä", "type": "FILE_TYPE_FILE", "path": path, "size": "5", "mode": 0o640, "permissions": "-rw-r-----",
        "owner": null, "group": null, "modifiedTime": "1970-01-01T00:00:01Z",
    });
    assert_eq!(entry, expected);
}

#[test]
fn a_link_is_told_with_what_it_leads_to() {
    let server = Server::new();
    let (target, link, dangling) = (
        server.path("target"),
        server.path("link"),
        server.path("dangling"),
    );
    std::fs::create_dir(&target).unwrap();
    symlink(&target, &link).unwrap();
    symlink("nowhere", &dangling).unwrap();
    let real = std::fs::canonicalize(&target).unwrap();
    let entry = call(&server, "Stat", json!({"path": link})).ok()["entry"].take();
    assert_eq!(
        (&entry["type"], &entry["symlinkTarget"]),
        (&json!("FILE_TYPE_DIRECTORY"), &json!(real))
    );
    assert_eq!(entry["permissions"], "Lrwxrwxrwx");
    let entry = call(&server, "Stat", json!({"path": dangling})).ok()["entry"].take();
    assert_eq!(
        (&entry["type"], &entry["symlinkTarget"]),
        (&Value::Null, &json!("nowhere"))
    );
}

#[test]
fn folders_are_made_with_their_parents_once() {
    let server = Server::new();
    let path = server.path("a/b/c");
    let made = call(&server, "MakeDir", json!({"path": path})).ok();
    assert_eq!(made["entry"]["type"], "FILE_TYPE_DIRECTORY");
    assert_eq!(
        call(&server, "MakeDir", json!({"path": path})).code(),
        "already_exists"
    );
    std::fs::write(server.path("file"), "").unwrap();
    assert_eq!(
        call(&server, "MakeDir", json!({"path": server.path("file")})).code(),
        "invalid_argument"
    );
    assert_eq!(
        call(
            &server,
            "MakeDir",
            json!({"path": server.path("file/below")})
        )
        .code(),
        "invalid_argument"
    );
}

#[test]
fn a_listing_goes_as_deep_as_asked_and_follows_no_links() {
    let server = Server::new();
    for folder in ["d/one/two", "d/other"] {
        std::fs::create_dir_all(server.path(folder)).unwrap();
    }
    std::fs::write(server.path("d/one/two/deep"), "").unwrap();
    symlink("..", server.path("d/up")).unwrap();
    let names = |depth: u32| -> Vec<String> {
        let listed = call(
            &server,
            "ListDir",
            json!({"path": server.path("d"), "depth": depth}),
        )
        .ok();
        let entries = listed["entries"].as_array().unwrap();
        entries
            .iter()
            .map(|entry| entry["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(0), ["one", "other", "up"]);
    assert_eq!(names(1), names(0));
    assert_eq!(names(2), ["one", "two", "other", "up"]);
    assert_eq!(names(9), ["one", "two", "deep", "other", "up"]);
    // The folder itself may be reached by a link.
    assert!(
        call(&server, "ListDir", json!({"path": server.path("d/up")})).ok()["entries"].is_array()
    );
    assert_eq!(
        call(&server, "ListDir", json!({"path": server.path("none")})).code(),
        "not_found"
    );
    assert_eq!(
        call(
            &server,
            "ListDir",
            json!({"path": server.path("d/one/two/deep")})
        )
        .code(),
        "invalid_argument"
    );
}

#[test]
fn things_move_with_the_folders_they_need() {
    let server = Server::new();
    std::fs::write(server.path("from"), "content").unwrap();
    let request =
        json!({"source": server.path("from"), "destination": server.path("new/folder/to")});
    assert_eq!(
        call(&server, "Move", request.clone()).ok()["entry"]["name"],
        "to"
    );
    assert_eq!(
        std::fs::read_to_string(server.path("new/folder/to")).unwrap(),
        "content"
    );
    assert_eq!(call(&server, "Move", request).code(), "not_found");
    let nothing = json!({"source": server.path("none"), "destination": server.path("other/to")});
    assert_eq!(call(&server, "Move", nothing).code(), "not_found");
    assert!(
        !std::fs::exists(server.path("other")).unwrap(),
        "nothing is made for a move that fails"
    );
}

#[test]
fn things_move_from_one_file_system_to_another_as_they_are() {
    use std::os::unix::fs::MetadataExt;
    let elsewhere = tempfile::TempDir::new_in("/dev/shm").unwrap();
    let server = Server::new();
    let device = |path: &std::path::Path| std::fs::metadata(path).unwrap().dev();
    if device(elsewhere.path()) == device(server.folder.path()) {
        return;
    }
    std::fs::create_dir_all(server.path("tree/inner")).unwrap();
    std::fs::write(server.path("tree/inner/script"), "content").unwrap();
    std::fs::set_permissions(
        server.path("tree/inner/script"),
        PermissionsExt::from_mode(0o4750),
    )
    .unwrap();
    symlink("inner/script", server.path("tree/link")).unwrap();
    let before = std::fs::metadata(server.path("tree/inner/script")).unwrap();

    let moved = elsewhere.path().join("moved");
    call(
        &server,
        "Move",
        json!({"source": server.path("tree"), "destination": moved}),
    )
    .ok();
    let after = std::fs::metadata(moved.join("inner/script")).unwrap();
    assert_eq!(
        (after.mode(), after.uid(), after.mtime_nsec()),
        (before.mode(), before.uid(), before.mtime_nsec())
    );
    assert_eq!(
        std::fs::read_to_string(moved.join("link")).unwrap(),
        "content"
    );
    assert!(
        std::fs::symlink_metadata(moved.join("link"))
            .unwrap()
            .is_symlink()
    );
    assert!(!std::fs::exists(server.path("tree")).unwrap());

    // One that cannot be copied whole leaves all as it was.
    std::fs::create_dir(server.path("odd")).unwrap();
    std::os::unix::net::UnixListener::bind(server.path("odd/socket")).unwrap();
    let refused =
        json!({"source": server.path("odd"), "destination": elsewhere.path().join("odd")});
    assert_eq!(call(&server, "Move", refused).code(), "invalid_argument");
    assert!(std::fs::exists(server.path("odd/socket")).unwrap());
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 1);
}

#[test]
fn what_is_removed_is_gone_with_all_in_it_and_links_are_not_followed() {
    let server = Server::new();
    std::fs::create_dir_all(server.path("d/inner")).unwrap();
    std::fs::write(server.path("keep"), "").unwrap();
    symlink(server.path("keep"), server.path("d/link")).unwrap();
    call(&server, "Remove", json!({"path": server.path("d")})).ok();
    assert!(!std::fs::exists(server.path("d")).unwrap());
    assert!(std::fs::exists(server.path("keep")).unwrap());
    // What is not there need not be removed.
    call(&server, "Remove", json!({"path": server.path("d")})).ok();
}

#[test]
fn paths_that_cannot_be_are_refused() {
    let server = Server::new();
    assert_eq!(
        call(&server, "Stat", json!({"path": "/tmp/a\0b"})).code(),
        "invalid_argument"
    );
    assert_eq!(
        call(
            &server,
            "Stat",
            json!({"path": format!("/{}", "x".repeat(300))})
        )
        .code(),
        "invalid_argument"
    );
    assert_eq!(
        call(&server, "Stat", json!({"path": "/no/such/file"})).code(),
        "not_found"
    );
}
