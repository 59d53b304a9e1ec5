//! The guest agent: one static binary with two roles. As PID 1 it boots the guest and looks after it ([`boot`]); as the server
//! it runs commands and moves files for the host ([`serve`]).
//!
//! The wire is described in `docs/formats/envd.md`.

mod agent;
pub mod arguments;
pub mod boot;
mod cgroup;
mod credentials;
mod files;
#[rustfmt::skip]
#[allow(missing_docs, clippy::all, clippy::undocumented_unsafe_blocks)]
pub mod r#gen;
mod filesystem;
mod folders;
mod guest;
mod keepalive;
mod limits;
mod metadata;
mod paths;
mod processes;
mod random;
pub mod serve;
mod server;
mod session;
mod users;
mod watching;
