//! What a process has written and nobody has read yet.
//!
//! Pumps append, readers take. With a reader attached little is held, and a pump waits for room: a slow reader slows the process,
//! and nothing is lost. With none attached the process is never held back: the newest bytes ([`super::backlog::KEPT`]) stay for
//! whoever attaches next, older ones are dropped and counted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::backlog::{Backlog, Chunk, ReaderId, Source};

/// How the main process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

/// What a reader gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    Output(Chunk),
    /// Always the last.
    End(Ending),
}

#[derive(Debug)]
struct State {
    backlog: Backlog,
    received: u64,
    open_streams: usize,
    ending: Option<Ending>,
}

/// The output of one process.
#[derive(Debug)]
pub struct Output {
    state: Mutex<State>,
    /// Something was appended, or a stream or the process ended.
    arrived: Notify,
    /// A reader took something, or went.
    taken: Notify,
}

impl Output {
    /// Of a process with so many output streams.
    pub fn new(streams: usize) -> Self {
        let state = State {
            backlog: Backlog::default(),
            received: 0,
            open_streams: streams,
            ending: None,
        };
        Self {
            state: Mutex::new(state),
            arrived: Notify::new(),
            taken: Notify::new(),
        }
    }

    /// Adds what was read from the process; drops it if `end` came before.
    pub fn append(&self, source: Source, data: &[u8]) {
        let mut state = self.lock();
        state.received += data.len() as u64;
        if state.ending.is_none() {
            state.backlog.append(source, data);
        }
        drop(state);
        self.arrived.notify_waiters();
    }

    /// One of the streams is at its end.
    pub fn close_stream(&self) {
        self.lock().open_streams -= 1;
        self.arrived.notify_waiters();
    }

    /// The last event. Output that comes later is dropped.
    pub fn end(&self, ending: Ending) {
        self.lock().ending.get_or_insert(ending);
        self.arrived.notify_waiters();
        self.taken.notify_waiters();
    }

    /// Returns once there is room for more.
    pub async fn room(&self) {
        loop {
            let taken = self.taken.notified();
            if !self.is_full() {
                return;
            }
            taken.await;
        }
    }

    /// Returns when something arrived, or was taken by a reader.
    pub async fn moved(&self) {
        tokio::select! {
            () = self.arrived.notified() => {}
            () = self.taken.notified() => {}
        }
    }

    /// Whether a pump has to wait. After the end none does: what comes is dropped.
    pub fn is_full(&self) -> bool {
        let state = self.lock();
        state.ending.is_none() && !state.backlog.has_room()
    }

    /// Whether all streams are at their end.
    pub fn is_closed(&self) -> bool {
        self.lock().open_streams == 0
    }

    /// How many bytes the process has written so far, as far as they were read.
    pub fn received(&self) -> u64 {
        self.lock().received
    }

    /// How many bytes are held for readers.
    pub fn held(&self) -> usize {
        self.lock().backlog.held()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that follows the output from the oldest byte still held. Dropping it leaves the process to itself again.
#[derive(Debug)]
pub struct Reader {
    output: Arc<Output>,
    id: ReaderId,
    /// How many bytes had been dropped unread, since the process began, when this reader came.
    pub dropped: u64,
}

impl Reader {
    /// Attaches a reader.
    pub fn attach(output: Arc<Output>) -> Self {
        let (id, dropped) = {
            let backlog = &mut output.lock().backlog;
            (backlog.attach(), backlog.dropped())
        };
        Self {
            output,
            id,
            dropped,
        }
    }

    /// The next event. After `End` comes `End` again.
    pub async fn next(&self) -> Event {
        loop {
            let arrived = self.output.arrived.notified();
            if let Some(event) = self.take() {
                return event;
            }
            arrived.await;
        }
    }

    fn take(&self) -> Option<Event> {
        let mut state = self.output.lock();
        let Some(chunk) = state.backlog.take(self.id) else {
            return state.ending.map(Event::End);
        };
        drop(state);
        self.output.taken.notify_waiters();
        Some(Event::Output(chunk))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.output.lock().backlog.detach(self.id);
        self.output.taken.notify_waiters();
    }
}
