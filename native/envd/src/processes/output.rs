//! What a process has written and nobody has read yet.
//!
//! Pumps append, readers take. With a reader attached the store is small, and a pump waits for room in it: a slow reader
//! slows the process, and nothing is lost. With none attached the process is never held back: the newest [`KEPT`] bytes stay
//! for whoever attaches next, older ones are dropped and counted. What every attached reader has taken is gone.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

/// How much is kept for a reader to come.
pub const KEPT: usize = 1 << 20;
/// How far the process may be ahead of its slowest attached reader (one read of a pipe may exceed it).
const WINDOW: usize = 256 << 10;
/// Small writes are put together up to this size, so that a byte at a time does not cost a message (and its bookkeeping) each.
const CHUNK: usize = 32 << 10;
/// Alternating small writes to both streams cannot be put together; so many pieces are kept at most.
const PIECES: usize = 8192;

/// Which of the process's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Stdout,
    Stderr,
}

/// A piece of output, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    pub source: Source,
    pub bytes: Bytes,
}

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

#[derive(Debug, Default)]
struct State {
    pieces: VecDeque<Chunk>,
    /// The newest output, still growing; always younger than all of `pieces`.
    growing: Option<(Source, BytesMut)>,
    /// The number of the oldest piece; every piece ever made has one.
    first: u64,
    held: usize,
    received: u64,
    dropped: u64,
    open_streams: usize,
    /// Per attached reader: the number of the piece it takes next.
    readers: BTreeMap<u64, u64>,
    next_reader: u64,
    ending: Option<Ending>,
}

/// The output of one process.
#[derive(Debug)]
pub struct Output {
    state: Mutex<State>,
    /// Something was appended, or a stream or the process ended.
    arrived: Notify,
    /// A reader took something, came or went.
    taken: Notify,
}

impl Output {
    /// Of a process with so many output streams.
    pub fn new(streams: usize) -> Self {
        let state = State {
            open_streams: streams,
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
            arrived: Notify::new(),
            taken: Notify::new(),
        }
    }

    /// Adds what was read from the process; drops it if `end` came before.
    pub fn append(&self, source: Source, data: &[u8]) {
        self.lock().append(source, data);
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
            if self.lock().has_room() {
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

    /// Whether a pump would have to wait.
    pub fn is_full(&self) -> bool {
        !self.lock().has_room()
    }

    /// Whether all streams are at their end.
    pub fn is_closed(&self) -> bool {
        self.lock().open_streams == 0
    }

    /// How many bytes the process has written so far, as far as they were read.
    pub fn received(&self) -> u64 {
        self.lock().received
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that follows the output from the oldest byte still held. Dropping it leaves the process to itself again.
#[derive(Debug)]
pub struct Reader {
    output: Arc<Output>,
    id: u64,
    /// How many bytes had been dropped unread, since the process began, when this reader came.
    pub dropped: u64,
}

impl Reader {
    /// Attaches a reader.
    pub fn attach(output: Arc<Output>) -> Self {
        let (id, dropped) = {
            let mut state = output.lock();
            let (id, first) = (state.next_reader, state.first);
            state.next_reader += 1;
            state.readers.insert(id, first);
            (id, state.dropped)
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
        let event = self.output.lock().take(self.id);
        if let Some(Event::Output(_)) = event {
            self.output.taken.notify_waiters();
        }
        event
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.output.lock().detach(self.id);
        self.output.taken.notify_waiters();
    }
}

impl State {
    fn has_room(&self) -> bool {
        self.readers.is_empty() || self.held < WINDOW || self.ending.is_some()
    }

    fn append(&mut self, source: Source, data: &[u8]) {
        self.received += data.len() as u64;
        if self.ending.is_some() {
            return;
        }
        self.held += data.len();
        match &mut self.growing {
            Some((same, bytes)) if *same == source && bytes.len() + data.len() <= CHUNK => {
                bytes.extend_from_slice(data)
            }
            _ => {
                self.seal();
                self.growing = Some((source, BytesMut::from(data)));
            }
        }
        self.trim();
    }

    fn seal(&mut self) {
        if let Some((source, bytes)) = self.growing.take() {
            self.pieces.push_back(Chunk {
                source,
                bytes: bytes.freeze(),
            });
        }
    }

    fn take(&mut self, reader: u64) -> Option<Event> {
        let next = *self.readers.get(&reader)?;
        if next == self.first + self.pieces.len() as u64 {
            self.seal();
        }
        let Some(chunk) = self.pieces.get((next - self.first) as usize).cloned() else {
            return self.ending.map(Event::End);
        };
        self.readers.insert(reader, next + 1);
        self.trim();
        Some(Event::Output(chunk))
    }

    fn detach(&mut self, reader: u64) {
        if self.readers.len() > 1 {
            self.readers.remove(&reader);
            self.trim();
        } else {
            // The last one: what it has not taken waits for the next.
            self.readers.clear();
            self.trim();
        }
    }

    /// Lets go of what nobody will take.
    fn trim(&mut self) {
        if let Some(&slowest) = self.readers.values().min() {
            while self.first < slowest {
                self.pop();
            }
            return;
        }
        while let Some(oldest) = self.pieces.front() {
            if self.held - oldest.bytes.len() < KEPT && self.pieces.len() <= PIECES {
                return;
            }
            self.dropped += self.pop() as u64;
        }
    }

    fn pop(&mut self) -> usize {
        let length = self.pieces.pop_front().map_or(0, |piece| piece.bytes.len());
        self.held -= length;
        self.first += 1;
        length
    }
}
