//! The server's promises, kept to a client: a real server on a loopback port, real processes and files. What only a guest can
//! show (PID 1, cgroup, clock) is tested in one, by the stories under `tests/`.

mod access;
mod codecs;
mod composing;
mod files;
mod filesystem;
mod launching;
mod metadata;
mod output;
mod signals_and_input;
mod signatures;
mod streams;
mod support;
mod terminals;
mod watching;
mod watching_ends;
