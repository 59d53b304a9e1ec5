//! Bytes of files, out and in.

use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use ureq::SendBody;
use ureq::http::Response;

use crate::support::{Server, whole};

fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Response<ureq::Body> {
    let mut request = server.request("GET", &format!("/files?path={path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(SendBody::none()).unwrap())
}

fn put(server: &Server, query: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Value) {
    let mut request = server.request("POST", &format!("/files?{query}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = SendBody::from_owned_reader(std::io::Cursor::new(body.to_vec()));
    let (status, body) = whole(server.send(request.body(body).unwrap()));
    (status, serde_json::from_slice(&body).unwrap())
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Names in the test's folder.
fn names(server: &Server) -> Vec<String> {
    let entries = std::fs::read_dir(server.folder.path()).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn what_was_written_is_read_back() {
    let server = Server::new();
    let content: Vec<u8> = (0..5_000_000_u32)
        .flat_map(|number| number.to_le_bytes())
        .collect();
    let path = server.path("new/folder/big file");
    let query = format!("path={}", path.replace(' ', "%20"));
    let (status, written) = put(
        &server,
        &query,
        &[("content-type", "application/octet-stream")],
        &content,
    );
    assert_eq!(
        (status, written),
        (
            200,
            json!([{"path": path, "name": "big file", "type": "file"}])
        )
    );
    let (status, read) = whole(get(
        &server,
        &path.replace(' ', "%20"),
        &[("accept-encoding", "identity")],
    ));
    assert_eq!(status, 200);
    assert!(read == content);
}

#[test]
fn parts_of_a_file_are_sent_as_asked() {
    let server = Server::new();
    let path = server.path("digits");
    std::fs::write(&path, "0123456789").unwrap();
    for (range, status, content_range, body) in [
        ("bytes=2-4", 206, "bytes 2-4/10", "234"),
        ("bytes=7-", 206, "bytes 7-9/10", "789"),
        ("bytes=-3", 206, "bytes 7-9/10", "789"),
        ("bytes=10-", 416, "bytes */10", ""),
        ("bytes=0-1,4-5", 200, "", "0123456789"),
    ] {
        // gzip and ranges do not go together.
        let response = get(
            &server,
            &path,
            &[("range", range), ("accept-encoding", "gzip")],
        );
        let told = response
            .headers()
            .get("content-range")
            .map_or("", |value| value.to_str().unwrap())
            .to_owned();
        let (got, bytes) = whole(response);
        assert_eq!((got, told.as_str()), (status, content_range), "{range}");
        assert!(status == 416 || bytes == body.as_bytes(), "{range}");
    }
}

#[test]
fn gzip_works_both_ways() {
    let server = Server::new();
    let content = "compressible ".repeat(100_000);
    let path = server.path("text");
    let packed = gzipped(content.as_bytes());
    assert_eq!(
        put(
            &server,
            &format!("path={path}"),
            &[("content-encoding", "gzip")],
            &packed
        )
        .0,
        200
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), content);

    let response = get(&server, &path, &[("accept-encoding", "gzip")]);
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let (_, packed) = whole(response);
    assert!(packed.len() < content.len() / 10);
    let mut unpacked = String::new();
    GzDecoder::new(packed.as_slice())
        .read_to_string(&mut unpacked)
        .unwrap();
    assert!(unpacked == content);
}

#[test]
fn packed_bodies_that_are_broken_leave_the_file_as_it_was() {
    let server = Server::new();
    let path = server.path("kept");
    std::fs::write(&path, "before").unwrap();
    let packed = gzipped(&vec![7; 100_000]);
    for broken in [&packed[..packed.len() - 4], b"no gzip at all"] {
        assert_eq!(
            put(
                &server,
                &format!("path={path}"),
                &[("content-encoding", "gzip")],
                broken
            )
            .0,
            400
        );
    }
    assert_eq!(
        put(
            &server,
            &format!("path={path}"),
            &[("content-encoding", "br")],
            b"x"
        )
        .0,
        415
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
    assert_eq!(names(&server), ["kept"]);
}

#[test]
fn a_form_carries_several_files() {
    let server = Server::new();
    let (one, two) = (server.path("one"), server.path("sub/two"));
    let body = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nnot a file\r\n\
         --XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{one}\"\r\nContent-Type: text/plain\r\n\r\nfirst\r\n\
         --XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{two}\"\r\n\r\nse\r\ncond\r\n--XX--\r\n"
    );
    let form = [("content-type", "multipart/form-data; boundary=XX")];
    let (status, written) = put(&server, "", &form, body.as_bytes());
    assert_eq!(status, 200, "{written}");
    assert_eq!(written.as_array().unwrap().len(), 2);
    assert_eq!(std::fs::read_to_string(&one).unwrap(), "first");
    assert_eq!(std::fs::read_to_string(&two).unwrap(), "se\r\ncond");

    // The query's path names a single file.
    let single = "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"ignored\"\r\n\r\nx\r\n--XX--\r\n";
    assert_eq!(
        put(
            &server,
            &format!("path={}", server.path("named")),
            &form,
            single.as_bytes()
        )
        .0,
        200
    );
    assert_eq!(std::fs::read_to_string(server.path("named")).unwrap(), "x");

    assert_eq!(put(&server, "", &form, b"--XX--\r\n").0, 400);
    assert_eq!(
        put(&server, "", &form, &body.as_bytes()[..body.len() - 30]).0,
        400
    );
}

#[test]
fn an_upload_that_breaks_off_leaves_the_file_as_it_was() {
    let server = Server::new();
    let path = server.path("kept");
    std::fs::write(&path, "before").unwrap();
    let mut connection = server.connect();
    write!(
        connection,
        "POST /files?path={path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n"
    )
    .unwrap();
    connection.write_all(&[b'x'; 100_000]).unwrap();
    // It has begun: the temporary file is there.
    while names(&server).len() < 2 {
        std::thread::yield_now();
    }
    drop(connection);
    while names(&server).len() > 1 {
        std::thread::yield_now();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
}

#[test]
fn a_file_that_is_replaced_keeps_its_mode_and_a_link_stays_a_link() {
    let server = Server::new();
    let (script, link) = (server.path("script"), server.path("link"));
    std::fs::write(&script, "old, and longer than the new").unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o750)).unwrap();
    symlink(&script, &link).unwrap();
    assert_eq!(put(&server, &format!("path={link}"), &[], b"new").0, 200);
    assert_eq!(std::fs::read_to_string(&script).unwrap(), "new");
    assert_eq!(std::fs::metadata(&script).unwrap().mode() & 0o777, 0o750);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn new_files_and_folders_belong_to_the_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let server = Server::new();
    let path = server.path("a/b/file");
    assert_eq!(
        put(&server, &format!("path={path}&username=bin"), &[], b"x").0,
        200
    );
    for made in ["a", "a/b", "a/b/file"] {
        let metadata = std::fs::metadata(server.path(made)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (2, 2), "{made}");
    }
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
}

#[test]
fn what_cannot_be_is_told_apart() {
    let server = Server::new();
    let folder = server.folder.path().to_str().unwrap();
    let status = |path: &str| whole(get(&server, path, &[])).0;
    assert_eq!(status(folder), 400);
    assert_eq!(status("/dev/zero"), 400);
    assert_eq!(status(&server.path("none")), 404);
    assert_eq!(status("/tmp/a%00b"), 400);
    assert_eq!(status(""), 400);
    assert_eq!(
        server
            .get(&format!("/files?path={folder}/x&username=no-such-user"))
            .0,
        401
    );
    std::fs::write(server.path("file"), "x").unwrap();
    let refusing = [("accept-encoding", "br, identity;q=0")];
    assert_eq!(whole(get(&server, &server.path("file"), &refusing)).0, 406);

    let into = |path: &str| put(&server, &format!("path={path}"), &[], b"x").0;
    assert_eq!(into(folder), 400);
    assert_eq!(into("/dev/null"), 400);
    assert_eq!(into(&server.path("file/below")), 400);
    assert_eq!(into(""), 400);
    assert_eq!(into(&format!("{folder}/x&path={folder}/y")), 400);
    assert_eq!(
        put(
            &server,
            &format!("path={folder}/x&username=no-such-user"),
            &[],
            b"x"
        )
        .0,
        401
    );
}

#[test]
fn files_of_the_kernel_that_say_they_are_empty_are_read_to_their_end() {
    let server = Server::new();
    let (status, body) = whole(get(&server, "/proc/version", &[]));
    assert_eq!(
        (status, body),
        (200, std::fs::read("/proc/version").unwrap())
    );
    std::fs::write(server.path("empty"), "").unwrap();
    assert_eq!(
        whole(get(&server, &server.path("empty"), &[])),
        (200, Vec::new())
    );
}

#[test]
fn a_full_disk_is_said_to_be_full() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let server = Server::new();
    let disk = server.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs", &disk])
        .status();
    assert!(mounted.unwrap().success());
    let (status, error) = put(&server, &format!("path={disk}/big"), &[], &vec![0; 3 << 20]);
    let left = std::fs::read_dir(&disk).unwrap().count();
    assert!(
        std::process::Command::new("umount")
            .arg(&disk)
            .status()
            .unwrap()
            .success()
    );
    assert_eq!((status, error["code"].as_u64(), left), (507, Some(507), 0));
}
