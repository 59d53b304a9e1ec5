//! The three streams of a process, both ends.

use std::io;
use std::process::Stdio;

use rustix::pipe::{PipeFlags, pipe_with};
use tokio::net::unix::pipe;

/// What the process reads from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdin {
    /// A pipe that clients write to.
    Pipe,
    /// Nothing: `/dev/null`.
    Empty,
}

/// Our ends.
#[derive(Debug)]
pub struct Pipes {
    pub stdin: Option<pipe::Sender>,
    pub stdout: pipe::Receiver,
    pub stderr: pipe::Receiver,
}

/// The process's ends.
#[derive(Debug)]
pub struct Streams {
    pub stdin: Stdio,
    pub stdout: Stdio,
    pub stderr: Stdio,
}

impl Pipes {
    /// Must be called within the runtime.
    pub fn open(stdin: Stdin) -> io::Result<(Self, Streams)> {
        let (stdout, child_stdout) = pipe_with(PipeFlags::CLOEXEC)?;
        let (stderr, child_stderr) = pipe_with(PipeFlags::CLOEXEC)?;
        let (child_stdin, stdin) = match stdin {
            Stdin::Empty => (Stdio::null(), None),
            Stdin::Pipe => {
                let (child, ours) = pipe_with(PipeFlags::CLOEXEC)?;
                (Stdio::from(child), Some(pipe::Sender::from_owned_fd(ours)?))
            }
        };
        let ours = Self {
            stdin,
            stdout: pipe::Receiver::from_owned_fd(stdout)?,
            stderr: pipe::Receiver::from_owned_fd(stderr)?,
        };
        Ok((
            ours,
            Streams {
                stdin: child_stdin,
                stdout: child_stdout.into(),
                stderr: child_stderr.into(),
            },
        ))
    }
}
