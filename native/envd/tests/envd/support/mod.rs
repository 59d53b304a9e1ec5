//! A server under test, and a client of it.

mod connect;
mod server;

pub use connect::{Answer, Ended, Frames, Stream, frame};
pub use server::{Server, whole};
