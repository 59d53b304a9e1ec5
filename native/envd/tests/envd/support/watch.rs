//! What a client that watches folders sends and sees.

use serde_json::{Value, json};

use super::{Answer, Server, Stream};

/// A stream of what happens.
pub fn watch(server: &Server, request: Value) -> Stream {
    let mut stream = server.stream("filesystem.Filesystem/WatchDir", &request, &[]);
    let first = stream.next_message().unwrap().unwrap();
    assert_eq!(first, json!({"start": {}}));
    stream
}

/// Asks for a watcher.
pub fn create(server: &Server, request: &Value) -> Answer {
    server.call("filesystem.Filesystem/CreateWatcher", request)
}

/// A watcher of the test's folder and all below it.
pub fn watcher(server: &Server) -> String {
    let request = json!({"path": server.path(""), "recursive": true});
    create(server, &request).ok()["watcherId"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Asks what happened.
pub fn ask(server: &Server, id: &str) -> Answer {
    let request = json!({"watcherId": id});
    server.call("filesystem.Filesystem/GetWatcherEvents", &request)
}

/// Ends a watcher.
pub fn remove(server: &Server, id: &str) -> Answer {
    server.call(
        "filesystem.Filesystem/RemoveWatcher",
        &json!({"watcherId": id}),
    )
}

/// All that a watcher has to tell.
pub fn told(server: &Server, id: &str) -> Vec<String> {
    let answer = ask(server, id).ok();
    let events = answer["events"].as_array().cloned().unwrap_or_default();
    events.iter().map(text).collect()
}

/// The next so many of a stream.
pub fn next(stream: &mut Stream, count: usize) -> Vec<String> {
    let mut next = || text(&stream.next_message().unwrap().unwrap()["filesystem"]);
    (0..count).map(|_| next()).collect()
}

/// An event in short: what, and to whom.
pub fn text(event: &Value) -> String {
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
