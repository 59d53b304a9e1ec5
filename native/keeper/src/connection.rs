//! One client of the socket. It can be slow, silent, greedy or gone: it then waits, and the keeper
//! does not.
//!
//! What holds, whatever a client does: at most one unfinished line and one read are kept of what it
//! sends, and at most one answer of what it does not fetch, because nothing more is read, or
//! understood, before that answer has left.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use rustix::event::PollFlags;
use serde_json::Value;

use crate::jobs::{Done, JobId};
use crate::requests::{
    Ended, LONGEST_LINE, Operation, Reply, Request, answer, exit_event, refusal,
};
use crate::vmm::Exit;

/// What is read at a time.
const STEP: usize = 4096;

/// A connection and what is on its way in and out.
pub struct Connection {
    stream: UnixStream,
    input: Vec<u8>,
    output: Vec<u8>,
    state: State,
}

enum State {
    /// Requests are read and answered.
    Open,
    /// It asked for something that takes a while, and is told when that is done. What it sends in
    /// the meantime is not read.
    AwaitingJob { job: JobId, id: Option<Value> },
    /// The same with `kill`.
    AwaitingExit { id: Option<Value> },
    /// Nothing is read any more; it closes when the output is fetched.
    Closing,
    /// To be dropped.
    Closed,
}

impl Connection {
    /// Takes a stream just accepted.
    pub fn new(stream: UnixStream) -> std::io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            input: Vec::new(),
            output: Vec::new(),
            state: State::Open,
        })
    }

    /// What to wait for.
    pub fn interest(&self) -> (BorrowedFd<'_>, PollFlags) {
        let flags = match self.state {
            _ if !self.output.is_empty() => PollFlags::OUT,
            State::Open => PollFlags::IN,
            _ => PollFlags::empty(),
        };
        (self.stream.as_fd(), flags)
    }

    /// Whether to drop it.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Something happened that was waited for, or the client is gone: does what can be done without
    /// waiting. `perform` carries out a request and says what it comes to.
    pub fn advance(
        &mut self,
        events: PollFlags,
        mut perform: impl FnMut(Operation, Option<&Value>) -> Reply,
    ) {
        if events.contains(PollFlags::OUT) {
            self.flush();
        } else if events.contains(PollFlags::IN) {
            self.fill();
        } else if !events.is_empty() {
            self.state = State::Closed;
        }
        while self.output.is_empty() && matches!(self.state, State::Open) {
            let Some(line) = self.next_line() else { break };
            match Request::parse(&line) {
                Ok(Request { operation, id }) => match perform(operation, id.as_ref()) {
                    Reply::Now(answer) => self.send(&answer),
                    Reply::Later(job) => self.state = State::AwaitingJob { job, id },
                    Reply::AtExit => self.state = State::AwaitingExit { id },
                },
                Err(refusal) => self.send_last(&refusal),
            }
        }
    }

    /// A job has ended: if this client waits for it, it is answered. What it has sent since is
    /// attended to with the next `advance`.
    pub fn hear(&mut self, done: &Done) {
        let State::AwaitingJob { job, id } = &self.state else {
            return;
        };
        if *job != done.job {
            return;
        }
        let answer = match &done.outcome {
            Ok(body) => answer(id.as_ref(), body),
            Err(failure) => refusal(id.as_ref(), &failure.to_string()),
        };
        self.state = State::Open;
        self.send(&answer);
    }

    /// Turns the client away with an answer.
    pub fn refuse(&mut self, error: &str) {
        self.send_last(&refusal(None, error));
    }

    /// The VMM has ended: whoever asked for that is answered, and all are told. What a client has
    /// sent since will not be answered.
    pub fn end(&mut self, exit: Exit) {
        self.discard_input();
        if let State::AwaitingExit { id } = &self.state {
            let answer = answer(id.as_ref(), &Ended { exit });
            self.send(&answer);
        }
        self.send_last(&exit_event(exit));
    }

    /// The next whole line of the input. A line that is too long, whole or not, is refused here.
    fn next_line(&mut self) -> Option<Vec<u8>> {
        let end = self.input.iter().position(|&byte| byte == b'\n');
        if end.unwrap_or(self.input.len()) > LONGEST_LINE {
            self.refuse(&format!("a line is longer than {LONGEST_LINE} bytes"));
            return None;
        }
        let rest = self.input.split_off(end? + 1);
        let mut line = std::mem::replace(&mut self.input, rest);
        line.pop();
        Some(line)
    }

    fn fill(&mut self) {
        let mut step = [0; STEP];
        match self.stream.read(&mut step) {
            Ok(0) => self.state = State::Closed,
            Ok(read) => self.input.extend_from_slice(&step[..read]),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => self.state = State::Closed,
        }
    }

    /// Takes what has arrived and forgets it: to close with something unread would look to the
    /// client like an error (ECONNRESET) instead of an end.
    fn discard_input(&mut self) {
        let mut step = [0; STEP];
        for _ in 0..=LONGEST_LINE / STEP {
            if !matches!(self.stream.read(&mut step), Ok(1..)) {
                break;
            }
        }
    }

    fn send(&mut self, line: &[u8]) {
        self.output.extend_from_slice(line);
        self.flush();
    }

    fn send_last(&mut self, line: &[u8]) {
        if !self.is_closed() {
            self.state = State::Closing;
            self.send(line);
        }
    }

    fn flush(&mut self) {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(written) => drop(self.output.drain(..written)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.state = State::Closed;
                    return;
                }
            }
        }
        // Not only emptied: sixty-four clients that once sent much should not hold it for ever.
        self.output = Vec::new();
        if matches!(self.state, State::Closing) {
            self.state = State::Closed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_client_does_not_fetch_one_answer_is_kept_and_no_more_is_understood() {
        let (ours, mut client) = UnixStream::pair().unwrap();
        let mut connection = Connection::new(ours).unwrap();
        client
            .write_all(&b"{\"op\":\"status\"}\n".repeat(10))
            .unwrap();
        let answer = vec![b'x'; 1024 * 1024];
        let mut performed = 0;

        connection.advance(PollFlags::IN, |_, _| {
            performed += 1;
            Reply::Now(answer.clone())
        });
        connection.advance(PollFlags::OUT, |_, _| {
            unreachable!("an answer is on its way")
        });

        assert_eq!(performed, 1);
        assert!(connection.output.len() < answer.len());
        assert_eq!(connection.interest().1, PollFlags::OUT);
    }
}
