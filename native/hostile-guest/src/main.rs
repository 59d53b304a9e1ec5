//! A guest agent gone bad, for tests (`tests/hostile`): as PID 1 it boots the guest as envd does, with envd's own code; as the
//! server, on envd's port, it answers like somebody who means harm.
//!
//! One boot serves many kinds of hostility. Which one a request gets is the word after `hostile-` anywhere in it: in a file's path, a
//! command's name, a variable of `/init`. A request without such a word is answered as envd would, so that a test can see that the
//! sandbox still works. Only `/health`, which carries nothing, gets every kind in turn, and then the right answer.
//!
//! It is no part of any Roost that somebody uses: the workspace does not build it by default.

mod commands;
mod health;
mod http;
mod request;
mod route;
mod tell;
mod words;

use std::net::{Ipv4Addr, TcpListener};
use std::thread;

/// envd's.
const PORT: u16 = 49983;

fn main() {
    if std::process::id() == 1 {
        envd::boot::run();
    }
    words::onto_the_console();
    let listener = match TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("hostile guest: port {PORT}: {error}");
            std::process::exit(1);
        }
    };
    for stream in listener.incoming().flatten() {
        // A connection that the host breaks off ends its thread: that is the host defending itself.
        thread::spawn(move || {
            let _ = route::answer(stream);
        });
    }
}
