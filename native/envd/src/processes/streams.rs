//! What a process reads from and writes to, both ends of it: three pipes, or one terminal.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::pipe::{PipeFlags, pipe_with};

use super::channel::Channel;
use super::terminal::{self, Size};
use crate::users::User;

/// What a process is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Three pipes.
    Pipes,
    /// Two pipes, and nothing to read: `/dev/null`.
    PipesWithoutInput,
    /// A terminal of its own.
    Terminal(Size),
}

/// Our ends.
#[derive(Debug)]
pub enum Ours {
    Pipes {
        stdin: Option<Channel>,
        stdout: Channel,
        stderr: Channel,
    },
    Terminal(Channel),
}

/// The process's ends.
#[derive(Debug)]
pub struct Theirs {
    pub stdin: Stdio,
    pub stdout: Stdio,
    pub stderr: Stdio,
}

impl Wanted {
    /// Makes them. Must be called within the runtime.
    pub fn open(self, user: &User) -> io::Result<(Ours, Theirs)> {
        match self {
            Self::Pipes => {
                let (stdin, ours) = pipe_with(PipeFlags::CLOEXEC)?;
                pipes(stdin.into(), Some(Channel::new(ours)?))
            }
            Self::PipesWithoutInput => pipes(Stdio::null(), None),
            Self::Terminal(size) => {
                let (ours, theirs) = terminal::open(size, user)?;
                Ok((Ours::Terminal(Channel::new(ours)?), thrice(theirs)?))
            }
        }
    }
}

fn pipes(their_stdin: Stdio, stdin: Option<Channel>) -> io::Result<(Ours, Theirs)> {
    let (stdout, their_stdout) = pipe_with(PipeFlags::CLOEXEC)?;
    let (stderr, their_stderr) = pipe_with(PipeFlags::CLOEXEC)?;
    let ours = Ours::Pipes {
        stdin,
        stdout: Channel::new(stdout)?,
        stderr: Channel::new(stderr)?,
    };
    let theirs = Theirs {
        stdin: their_stdin,
        stdout: their_stdout.into(),
        stderr: their_stderr.into(),
    };
    Ok((ours, theirs))
}

fn thrice(terminal: OwnedFd) -> io::Result<Theirs> {
    Ok(Theirs {
        stdin: terminal.try_clone()?.into(),
        stdout: terminal.try_clone()?.into(),
        stderr: terminal.into(),
    })
}
