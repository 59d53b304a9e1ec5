//! Watching folders: everything that happens is told, once, in its order and under its name; or that it is not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Answer, Server, Stream};

fn watch(server: &Server, request: Value) -> Stream {
    let mut stream = server.stream("filesystem.Filesystem/WatchDir", &request, &[]);
    let first = stream.next_message().unwrap().unwrap();
    assert_eq!(first, json!({"start": {}}));
    stream
}

fn create(server: &Server, request: &Value) -> Answer {
    server.call("filesystem.Filesystem/CreateWatcher", request)
}

/// A watcher of the test's folder and all below it.
fn watcher(server: &Server) -> String {
    let request = json!({"path": server.path(""), "recursive": true});
    create(server, &request).ok()["watcherId"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn ask(server: &Server, id: &str) -> Answer {
    let request = json!({"watcherId": id});
    server.call("filesystem.Filesystem/GetWatcherEvents", &request)
}

fn remove(server: &Server, id: &str) -> Answer {
    server.call(
        "filesystem.Filesystem/RemoveWatcher",
        &json!({"watcherId": id}),
    )
}

/// All that a watcher has to tell.
fn told(server: &Server, id: &str) -> Vec<String> {
    let answer = ask(server, id).ok();
    let events = answer["events"].as_array().cloned().unwrap_or_default();
    events.iter().map(text).collect()
}

/// The next so many of a stream.
fn next(stream: &mut Stream, count: usize) -> Vec<String> {
    let mut next = || text(&stream.next_message().unwrap().unwrap()["filesystem"]);
    (0..count).map(|_| next()).collect()
}

fn text(event: &Value) -> String {
    let kind = event["type"]
        .as_str()
        .unwrap()
        .strip_prefix("EVENT_TYPE_")
        .unwrap();
    format!(
        "{} {}",
        kind.to_lowercase(),
        event["name"].as_str().unwrap()
    )
}

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

#[test]
fn a_watch_ends_with_its_folder_and_says_so() {
    let server = Server::new();
    let folder = server.path("folder");
    for end in [fs::remove_dir_all, |folder: &str| {
        fs::rename(folder, format!("{folder}-2"))
    }] {
        fs::create_dir(&folder).unwrap();
        let mut stream = watch(&server, json!({"path": folder}));
        let id = create(&server, &json!({"path": folder})).ok()["watcherId"].clone();
        fs::write(format!("{folder}/x"), "").unwrap();
        end(&folder).unwrap();
        let last = loop {
            match stream.next_message() {
                Ok(message) => assert!(message.is_some(), "it does not end as if all were well"),
                Err(error) => break error,
            }
        };
        assert_eq!(last["code"], "not_found");
        let events = told(&server, id.as_str().unwrap());
        assert_eq!(events.first().map(String::as_str), Some("create x"));
        assert!(events.last().unwrap().ends_with(" ."), "{events:?}");
        for _ in 0..2 {
            assert_eq!(ask(&server, id.as_str().unwrap()).code(), "not_found");
        }
        remove(&server, id.as_str().unwrap()).ok();
    }
}

#[test]
fn more_than_is_kept_for_a_client_that_does_not_ask_is_not_lost_in_silence() {
    let server = Server::new();
    let id = watcher(&server);
    for n in 0..9000 {
        fs::write(server.path(&n.to_string()), "").unwrap();
    }
    let kept = told(&server, &id);
    assert_eq!(kept.len(), 8192);
    assert!(
        kept.iter()
            .enumerate()
            .all(|(n, event)| *event == format!("create {n}"))
    );
    assert_eq!(ask(&server, &id).code(), "data_loss");
    remove(&server, &id).ok();
    assert_eq!(ask(&server, &id).code(), "not_found");
}

#[test]
fn what_the_kernel_dropped_ends_a_stream_with_an_error() {
    let server = Server::new();
    let mut stream = watch(&server, json!({"path": server.path("")}));
    let stop = |signal| {
        let pid = rustix::process::Pid::from_raw(server.pid() as i32).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    };
    stop(rustix::process::Signal::STOP);
    for n in 0..20_000 {
        fs::write(server.path(&n.to_string()), "").unwrap();
    }
    stop(rustix::process::Signal::CONT);
    let mut events = 0;
    let error = loop {
        match stream.next_message() {
            Ok(message) => events += usize::from(message.is_some()),
            Err(error) => break error,
        }
    };
    assert_eq!(error["code"], "data_loss");
    assert!((1..20_000).contains(&events), "{events}");
}

#[test]
fn only_so_many_folders_are_watched_at_once() {
    let server = Server::new();
    let ids: Vec<_> = (0..63).map(|_| watcher(&server)).collect();
    let stream = watch(&server, json!({"path": server.path("")}));
    let request = json!({"path": server.path("")});
    assert_eq!(create(&server, &request).code(), "resource_exhausted");
    remove(&server, &ids[0]).ok();
    let id = create(&server, &request).ok()["watcherId"].clone();
    assert_eq!(create(&server, &request).code(), "resource_exhausted");
    drop(stream);
    server.await_disconnected();
    create(&server, &request).ok();
    assert!(!ids.contains(&id.as_str().unwrap().to_owned()));
}

#[test]
fn what_is_no_folder_is_not_watched() {
    let server = Server::new();
    let file = server.path("file");
    fs::write(&file, "").unwrap();
    for (path, code) in [
        (file, "invalid_argument"),
        (server.path("missing"), "not_found"),
        ("a\0b".into(), "invalid_argument"),
    ] {
        let request = json!({"path": path});
        assert_eq!(create(&server, &request).code(), code);
        let stream = server.stream("filesystem.Filesystem/WatchDir", &request, &[]);
        assert_eq!(stream.error()["code"], code);
    }
    assert_eq!(remove(&server, "w0").code(), "not_found");
    assert_eq!(ask(&server, "").code(), "not_found");
}

#[test]
fn a_network_mount_is_watched_only_if_the_client_knows_that_it_is_one() {
    let server = Server::new();
    let folder = server.path("mounted");
    fs::create_dir(&folder).unwrap();
    let Some(_mounted) = Fuse::mount(&folder) else {
        eprintln!("no FUSE here, or not root: not tried");
        return;
    };
    let mut request = json!({"path": folder});
    assert_eq!(create(&server, &request).code(), "invalid_argument");
    let stream = server.stream("filesystem.Filesystem/WatchDir", &request, &[]);
    assert_eq!(stream.error()["code"], "invalid_argument");
    request["allowNetworkMounts"] = json!(true);
    // Ours is no longer the answer: this mount's own is.
    assert_eq!(create(&server, &request).code(), "permission_denied");
    // Below another folder it is passed over.
    assert_eq!(told(&server, &watcher(&server)), [""; 0]);
}

/// A FUSE mount of a user that nobody is: its kernel side answers for itself.
struct Fuse(fs::File, String);

impl Fuse {
    fn mount(folder: &str) -> Option<Self> {
        use std::os::fd::AsRawFd;
        let device = fs::File::options()
            .read(true)
            .write(true)
            .open("/dev/fuse")
            .ok()?;
        let options = format!(
            "fd={},rootmode=40000,user_id=4242,group_id=4242",
            device.as_raw_fd()
        );
        let options = std::ffi::CString::new(options).unwrap();
        let flags = rustix::mount::MountFlags::NODEV;
        rustix::mount::mount("test", folder, "fuse", flags, &*options).ok()?;
        Some(Self(device, folder.to_owned()))
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        let _ = &self.0;
        rustix::mount::unmount(Path::new(&self.1), rustix::mount::UnmountFlags::DETACH).unwrap();
    }
}

#[test]
fn a_watch_that_has_nothing_to_tell_makes_no_work_and_goes_with_its_client() {
    let server = Server::new();
    let id = watcher(&server);
    let stream = watch(&server, json!({"path": server.path("")}));
    // A thread for file work goes after its time; then nothing comes any more.
    let mut before = server.times_slept();
    let mut unchanged = 0;
    while unchanged < 20 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        let now = server.times_slept();
        unchanged = if now == before { unchanged + 1 } else { 0 };
        before = now;
    }
    assert_eq!(inotifies(&server), 2 * 2);
    drop(stream);
    server.await_disconnected();
    remove(&server, &id).ok();
    while inotifies(&server) > 0 {
        std::thread::yield_now();
    }
}

fn inotifies(server: &Server) -> usize {
    let descriptors = fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap();
    let targets = descriptors.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    targets
        .filter(|target| target.to_string_lossy().contains("inotify"))
        .count()
}
