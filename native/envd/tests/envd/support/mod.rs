//! A server under test, and a client of it.

mod connect;
mod raw;
mod server;
mod terminal;
pub mod watch;

pub use connect::{Answer, Ended, Frames, Stream, bytes, frame};
pub use raw::Raw;
pub use server::{Server, whole};
