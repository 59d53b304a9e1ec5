//! The keeper's life, from the VMM's first instruction to its last: one thread, one `poll`.
//!
//! Nothing in the loop waits: pipes, socket and connections are non-blocking, and each of them gets
//! one turn a round, so that none can starve another.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use confine::{Result, WhileDoing};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::connection::Connection;
use crate::jobs::{Done, Jobs};
use crate::memory::Memory;
use crate::output::Buffer;
use crate::requests::{Reply, line};
use crate::start::Started;
use crate::subject::Subject;
use crate::termination::Termination;
use crate::vmm::{Exit, now_ms};

/// The agent needs one. More than this are refused.
const MOST_CONNECTIONS: usize = 64;
/// How long clients have to fetch the news of the VMM's end. The exit file has it as well.
const FAREWELL: Duration = Duration::from_secs(1);

/// Everything the keeper holds.
pub struct Keeper {
    subject: Subject,
    listener: UnixListener,
    termination: Termination,
    connections: Vec<Connection>,
    buffer: Buffer,
    exit_file: File,
}

impl Keeper {
    /// Takes over what has been started.
    pub fn new(
        sandbox_id: String,
        started: Started,
        termination: Termination,
        jobs: Jobs,
    ) -> Result<Self> {
        let Started {
            vmm,
            listener,
            exit_file,
            console,
            messages,
            memory,
        } = started;
        if let Some(memory) = &memory {
            memory.started()?;
        }
        Ok(Self {
            subject: Subject {
                sandbox_id,
                started_at_ms: now_ms(),
                vmm,
                console,
                messages,
                memory,
                jobs,
            },
            listener,
            termination,
            connections: Vec::new(),
            buffer: Buffer::new(),
            exit_file,
        })
    }

    /// Serves until the VMM has ended and everybody knows.
    pub fn run(mut self) -> Result<()> {
        while !self.turn()? {}
        let exit = self.subject.vmm.reap()?;
        // All that could write has ended with it, so what is in the pipes is all that will come.
        while self.subject.console.move_some(&mut self.buffer) {}
        while self.subject.messages.move_some(&mut self.buffer) {}
        // The file first: who gets the event, or sees the connection close, can rely on it.
        let recorded = self.exit_file.write_all(&line(&exit));
        // Who has connected, but was not yet seen to, is told as well.
        while self.accept() {}
        if let Some(memory) = &mut self.subject.memory {
            memory.vmm_has_ended();
        }
        let last = self.subject.jobs.finish();
        self.tell(&last);
        self.say_farewell(exit);
        recorded.while_doing(|| "write the exit file".into())
    }

    /// Waits for something to do and does it. Answers whether the VMM has ended.
    fn turn(&mut self) -> Result<bool> {
        let woken = self.wait()?;
        if woken.console {
            self.subject.console.move_some(&mut self.buffer);
        }
        if woken.messages {
            self.subject.messages.move_some(&mut self.buffer);
        }
        if woken.termination && self.termination.is_asked() {
            self.subject.vmm.kill();
        }
        // Before the requests that are about it: the VMM may have told just before they came.
        if woken.memory {
            self.subject.attend_to_memory();
        }
        // Before the connections' turn, in which they then attend to what came meanwhile.
        if woken.jobs {
            let done = self.subject.jobs.fetch();
            self.tell(&done);
        }
        for (connection, events) in self.connections.iter_mut().zip(woken.connections) {
            connection.advance(events, |operation, id| self.subject.perform(operation, id));
        }
        self.connections
            .retain(|connection| !connection.is_closed());
        if woken.listener {
            self.accept();
        }
        Ok(woken.vmm)
    }

    fn wait(&self) -> Result<Woken> {
        let always = [
            self.subject.vmm.ended(),
            self.termination.signals(),
            self.listener.as_fd(),
            self.subject.jobs.outcomes(),
        ];
        let memory = self.subject.memory.as_ref().and_then(Memory::watched);
        let outputs = [self.subject.console.pipe(), self.subject.messages.pipe()];
        let mut watched: Vec<PollFd> = always
            .into_iter()
            .chain(memory)
            .chain(outputs.into_iter().flatten())
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .chain(self.connections.iter().map(|connection| {
                let (fd, interest) = connection.interest();
                PollFd::from_borrowed_fd(fd, interest)
            }))
            .collect();
        rustix::io::retry_on_intr(|| poll(&mut watched, None))
            .while_doing(|| "wait for something to do".into())?;

        let mut events = watched.iter().map(PollFd::revents);
        let mut next = || events.next().is_some_and(|events| !events.is_empty());
        let (vmm, termination, listener, jobs) = (next(), next(), next(), next());
        let memory = memory.is_some() && next();
        let console = outputs[0].is_some() && next();
        let messages = outputs[1].is_some() && next();
        Ok(Woken {
            vmm,
            termination,
            listener,
            jobs,
            memory,
            console,
            messages,
            connections: events.collect(),
        })
    }

    /// Lets one client in that waits, and answers whether there was one.
    fn accept(&mut self) -> bool {
        let Ok((stream, _)) = self.listener.accept() else {
            return false;
        };
        match Connection::new(stream) {
            Ok(connection) if self.connections.len() < MOST_CONNECTIONS => {
                self.connections.push(connection);
            }
            Ok(mut connection) => connection.refuse("too many connections"),
            Err(_) => {}
        }
        true
    }

    /// Answers those who wait for these jobs.
    fn tell(&mut self, done: &[Done]) {
        for done in done {
            for connection in &mut self.connections {
                connection.hear(done);
            }
        }
    }

    /// Tells every client, and gives the slow ones a moment to listen.
    fn say_farewell(&mut self, exit: Exit) {
        for connection in &mut self.connections {
            connection.end(exit);
        }
        let deadline = Instant::now() + FAREWELL;
        loop {
            self.connections
                .retain(|connection| !connection.is_closed());
            let left = deadline.saturating_duration_since(Instant::now());
            if self.connections.is_empty() || left.is_zero() {
                return;
            }
            let mut watched: Vec<PollFd> = self
                .connections
                .iter()
                .map(|connection| PollFd::from_borrowed_fd(connection.interest().0, PollFlags::OUT))
                .collect();
            let _ = poll(&mut watched, Timespec::try_from(left).ok().as_ref());
            let events: Vec<PollFlags> = watched.iter().map(PollFd::revents).collect();
            for (connection, events) in self.connections.iter_mut().zip(events) {
                connection.advance(events, |_, _| Reply::AtExit);
            }
        }
    }
}

/// Who has something for us.
struct Woken {
    vmm: bool,
    termination: bool,
    listener: bool,
    jobs: bool,
    memory: bool,
    console: bool,
    messages: bool,
    connections: Vec<PollFlags>,
}
