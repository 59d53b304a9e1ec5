//! Where watching has limits, it says so: nothing is lost in silence, and nothing is held for ever.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::Server;
use crate::support::watch::{ask, create, remove, told, watch, watcher};

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

#[test]
fn a_large_tree_is_watched_as_it_is_and_is_too_much_to_tell_if_it_appears_at_once() {
    let server = Server::new();
    let outside = tempfile::TempDir::new().unwrap();
    let large = outside.path().join("large");
    fs::create_dir(&large).unwrap();
    for n in 0..70_000 {
        fs::write(large.join(n.to_string()), "").unwrap();
    }
    let request = json!({"path": outside.path(), "recursive": true});
    let id = create(&server, &request).ok()["watcherId"].clone();
    fs::write(large.join("one more"), "").unwrap();
    assert_eq!(
        told(&server, id.as_str().unwrap()),
        ["create large/one more"]
    );

    let mut stream = watch(&server, json!({"path": server.path(""), "recursive": true}));
    fs::rename(&large, server.path("large")).unwrap();
    let error = loop {
        if let Err(error) = stream.next_message() {
            break error;
        }
    };
    assert_eq!(error["code"], "data_loss");
}
