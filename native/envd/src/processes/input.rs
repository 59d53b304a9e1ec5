//! What clients write to a process: one client at a time, at the pace at which the process reads.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{self, Notify};

use super::channel::Channel;
use super::terminal::{self, Size};

/// What the process reads from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Pipe,
    Terminal,
}

/// Why input was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputError {
    /// The process was started without input, or its input was closed.
    Closed,
    /// Nobody reads it any more.
    Broken,
    /// It is of the other kind.
    IsA(Kind),
}

/// The way into one process.
#[derive(Debug)]
pub struct Input {
    kind: Kind,
    channel: Mutex<Option<Arc<Channel>>>,
    /// Writers take turns, so that what each writes stays in one piece.
    turn: sync::Mutex<()>,
    /// For who waits for the process to read.
    ended: Notify,
}

impl Input {
    /// Into this channel, if there is one.
    pub fn new(kind: Kind, channel: Option<Arc<Channel>>) -> Self {
        Self {
            kind,
            channel: Mutex::new(channel),
            turn: sync::Mutex::new(()),
            ended: Notify::new(),
        }
    }

    /// Writes all of it, waiting for the process to read. Ends with the process: a child of it may hold the pipe, and never read.
    pub async fn write(&self, kind: Kind, data: &[u8]) -> Result<(), InputError> {
        self.must_be(kind)?;
        let _turn = self.turn.lock().await;
        let ended = self.ended.notified();
        let channel = self.open_channel()?;
        tokio::select! {
            written = channel.write(data) => written.map_err(|_| InputError::Broken),
            () = ended => Err(InputError::Broken),
        }
    }

    /// Lets the process read the end of its input, after what was written before.
    pub async fn close(&self) -> Result<(), InputError> {
        self.must_be(Kind::Pipe)?;
        let _turn = self.turn.lock().await;
        self.take().map(drop).ok_or(InputError::Closed)
    }

    /// Gives the terminal another size. Waits for no writer.
    pub fn resize(&self, size: Size) -> Result<(), InputError> {
        self.must_be(Kind::Terminal)?;
        terminal::resize(&*self.open_channel()?, size).map_err(|_| InputError::Broken)
    }

    /// The process has ended.
    pub fn end(&self) {
        drop(self.take());
        self.ended.notify_waiters();
    }

    fn must_be(&self, kind: Kind) -> Result<(), InputError> {
        if self.kind == kind {
            Ok(())
        } else {
            Err(InputError::IsA(self.kind))
        }
    }

    fn open_channel(&self) -> Result<Arc<Channel>, InputError> {
        let channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        channel.clone().ok_or(InputError::Closed)
    }

    fn take(&self) -> Option<Arc<Channel>> {
        let mut channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        channel.take()
    }
}
