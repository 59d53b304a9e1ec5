//! The pieces of output that somebody has still to take: who has taken which, what is let go, what is dropped. Only the
//! bookkeeping; waiting is [`super::output`]'s.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};

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
    /// Both at once, as a terminal shows them.
    Terminal,
}

/// A piece of output, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    pub source: Source,
    pub bytes: Bytes,
}

/// Names an attached reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReaderId(u64);

/// Output, in the order in which it was read from the process.
#[derive(Debug, Default)]
pub struct Backlog {
    pieces: VecDeque<Chunk>,
    /// The newest output, still growing; always younger than all of `pieces`.
    growing: Option<(Source, BytesMut)>,
    /// The number of the oldest piece; every piece ever made has one.
    first: u64,
    held: usize,
    dropped: u64,
    /// Per attached reader: the number of the piece it takes next.
    readers: BTreeMap<ReaderId, u64>,
    readers_ever: u64,
}

impl Backlog {
    /// Whether the process may go on. Without a reader it always may.
    pub fn has_room(&self) -> bool {
        self.readers.is_empty() || self.held < WINDOW
    }

    /// Bytes that are held.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Bytes that were dropped, unread, so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Adds the newest output.
    pub fn append(&mut self, source: Source, data: &[u8]) {
        self.held += data.len();
        match &mut self.growing {
            Some((same, bytes)) if *same == source && bytes.len() + data.len() <= CHUNK => {
                bytes.extend_from_slice(data);
            }
            _ => {
                self.seal();
                self.growing = Some((source, BytesMut::from(data)));
            }
        }
        self.trim();
    }

    /// A reader from the oldest held byte on.
    pub fn attach(&mut self) -> ReaderId {
        let reader = ReaderId(self.readers_ever);
        self.readers_ever += 1;
        self.readers.insert(reader, self.first);
        reader
    }

    /// What only this reader had still to take is let go; but what the last one leaves waits for the next.
    pub fn detach(&mut self, reader: ReaderId) {
        self.readers.remove(&reader);
        self.trim();
    }

    /// The reader's next piece, if there is one.
    pub fn take(&mut self, reader: ReaderId) -> Option<Chunk> {
        let next = *self.readers.get(&reader)?;
        if next == self.first + self.pieces.len() as u64 {
            self.seal();
        }
        let chunk = self.pieces.get((next - self.first) as usize).cloned()?;
        self.readers.insert(reader, next + 1);
        self.trim();
        Some(chunk)
    }

    fn seal(&mut self) {
        if let Some((source, bytes)) = self.growing.take() {
            self.pieces.push_back(Chunk {
                source,
                bytes: bytes.freeze(),
            });
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn text(backlog: &mut Backlog, reader: ReaderId) -> String {
        let mut text = String::new();
        while let Some(chunk) = backlog.take(reader) {
            let name = match chunk.source {
                Source::Stdout => "out",
                Source::Stderr => "err",
                Source::Terminal => "terminal",
            };
            text += &format!("{name}:{} ", String::from_utf8_lossy(&chunk.bytes));
        }
        text
    }

    #[test]
    fn small_writes_are_put_together_but_the_streams_keep_their_order() {
        let mut backlog = Backlog::default();
        for (source, data) in [
            (Source::Stdout, "a"),
            (Source::Stdout, "b"),
            (Source::Stderr, "c"),
            (Source::Stdout, "d"),
        ] {
            backlog.append(source, data.as_bytes());
        }
        let reader = backlog.attach();
        assert_eq!(text(&mut backlog, reader), "out:ab err:c out:d ");
        assert_eq!(backlog.held(), 0);
    }

    #[test]
    fn each_reader_gets_everything_and_what_all_have_is_let_go() {
        let mut backlog = Backlog::default();
        let fast = backlog.attach();
        backlog.append(Source::Stdout, b"one");
        let slow = backlog.attach();
        assert_eq!(text(&mut backlog, fast), "out:one ");
        backlog.append(Source::Stdout, b"two");
        assert_eq!(text(&mut backlog, fast), "out:two ");
        assert_eq!(backlog.held(), 6);
        assert_eq!(text(&mut backlog, slow), "out:one out:two ");
        assert_eq!(backlog.held(), 0);
    }

    #[test]
    fn what_the_last_reader_leaves_waits_for_the_next() {
        let mut backlog = Backlog::default();
        let (first, second) = (backlog.attach(), backlog.attach());
        backlog.append(Source::Stdout, b"taken by one");
        backlog.take(first).unwrap();
        backlog.detach(second);
        assert_eq!(backlog.held(), 0, "the one that is left has it");
        backlog.append(Source::Stdout, b"left");
        backlog.detach(first);
        let next = backlog.attach();
        assert_eq!(text(&mut backlog, next), "out:left ");
    }

    #[test]
    fn a_reader_that_is_behind_stops_the_process_and_nobody_does_when_none_is_there() {
        let mut backlog = Backlog::default();
        let reader = backlog.attach();
        backlog.append(Source::Stdout, &[0; WINDOW]);
        assert!(!backlog.has_room());
        backlog.take(reader).unwrap();
        assert!(backlog.has_room());
        backlog.append(Source::Stdout, &[0; WINDOW]);
        backlog.detach(reader);
        assert!(backlog.has_room());
    }

    #[test]
    fn without_a_reader_memory_is_bounded_however_small_the_writes_are() {
        let mut backlog = Backlog::default();
        for _ in 0..3 * PIECES {
            backlog.append(Source::Stdout, b"x");
            backlog.append(Source::Stderr, b"y");
        }
        assert!(backlog.pieces.len() <= PIECES + 1);
        assert_eq!(backlog.dropped() + backlog.held() as u64, 6 * PIECES as u64);

        let mut backlog = Backlog::default();
        for _ in 0..100 {
            backlog.append(Source::Stdout, &[0; 60_000]);
        }
        assert!(
            (KEPT..KEPT + 64 * 1024).contains(&backlog.held()),
            "{}",
            backlog.held()
        );
        assert_eq!(backlog.dropped() + backlog.held() as u64, 6_000_000);
    }
}
