//! Between fork and exec: from a description of a process to a running one, or to the step that failed.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::fs::{Gid, Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use crate::users::User;

pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A process to be.
#[derive(Debug)]
pub struct Launch {
    pub command: String,
    pub arguments: Vec<String>,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
    pub folder: PathBuf,
    pub user: User,
    pub groups: Vec<Gid>,
    pub stdin: Stdin,
}

/// What the process reads from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdin {
    /// A pipe that clients write to.
    Pipe,
    /// Nothing: `/dev/null`.
    Empty,
}

/// A process that runs, and our ends of its pipes.
#[derive(Debug)]
pub struct Launched {
    pub child: Child,
    pub stdin: Option<pipe::Sender>,
    pub stdout: pipe::Receiver,
    pub stderr: pipe::Receiver,
}

/// Why there is no process.
#[derive(Debug)]
pub enum LaunchError {
    /// A NUL, or a name of a variable that cannot be one.
    BadText(&'static str),
    BadFolder(PathBuf, io::Error),
    NotFound(String),
    NotExecutable(PathBuf, io::Error),
    /// The machine has no room for one more process.
    NoRoom(io::Error),
    Failed(&'static str, io::Error),
}

impl Launch {
    /// Starts it, in a session and process group of its own, and in `cgroup` (an open `cgroup.procs`) if there is one.
    pub fn start(&self, cgroup: Option<&OwnedFd>) -> Result<Launched, LaunchError> {
        self.check_text()?;
        self.check_folder()?;
        let program = self.find_program()?;
        let pipes = Pipes::open(self.stdin).map_err(LaunchError::NoRoom)?;
        // What fails in the child before exec is told apart by a byte in this pipe; exec itself closes it.
        let (failed_at, at) =
            pipe_with(PipeFlags::CLOEXEC).map_err(|errno| LaunchError::NoRoom(errno.into()))?;

        let mut command = std::process::Command::new(&program);
        command
            .arg0(&self.command)
            .args(&self.arguments)
            .env_clear()
            .envs(&self.environment);
        command
            .stdin(pipes.child_stdin)
            .stdout(pipes.child_stdout)
            .stderr(pipes.child_stderr);
        let child_side = ChildSide {
            cgroup: cgroup
                .map(OwnedFd::try_clone)
                .transpose()
                .map_err(LaunchError::NoRoom)?,
            user: self.user.clone(),
            groups: self.groups.clone(),
            folder: CString::new(self.folder.as_os_str().as_bytes())
                .map_err(|_| LaunchError::BadText("the working folder contains a NUL character"))?,
            at,
        };
        // SAFETY: the closure runs in the forked child, where only what is safe in a signal handler may be done: it makes
        // system calls on values prepared here, and neither allocates nor locks.
        unsafe { command.pre_exec(move || child_side.settle()) };

        let child = Command::from(command).kill_on_drop(false).spawn();
        match child {
            Ok(child) => Ok(Launched {
                child,
                stdin: pipes.stdin,
                stdout: pipes.stdout,
                stderr: pipes.stderr,
            }),
            Err(cause) => Err(self.explain(program, cause, failed_at)),
        }
    }

    fn check_text(&self) -> Result<(), LaunchError> {
        let texts = self
            .arguments
            .iter()
            .chain(self.environment.values())
            .chain([&self.command]);
        if self.command.is_empty() {
            return Err(LaunchError::BadText("the command is empty"));
        }
        if texts
            .chain(self.environment.keys())
            .any(|text| text.contains('\0'))
        {
            return Err(LaunchError::BadText(
                "the command, its arguments or its environment contain a NUL character",
            ));
        }
        if self
            .environment
            .keys()
            .any(|name| name.is_empty() || name.contains('='))
        {
            return Err(LaunchError::BadText(
                "a variable's name is empty or contains '='",
            ));
        }
        Ok(())
    }

    fn check_folder(&self) -> Result<(), LaunchError> {
        let bad = |cause| LaunchError::BadFolder(self.folder.clone(), cause);
        let metadata = fs::metadata(&self.folder).map_err(bad)?;
        if metadata.is_dir() {
            Ok(())
        } else {
            Err(bad(Errno::NOTDIR.into()))
        }
    }

    /// As a shell would: a name with a slash is a path, any other is looked for in the process's own PATH.
    fn find_program(&self) -> Result<PathBuf, LaunchError> {
        if self.command.contains('/') {
            let program = self.folder.join(&self.command);
            return match fs::metadata(&program) {
                Ok(_) => Ok(program),
                Err(error) if is_missing(&error) => {
                    Err(LaunchError::NotFound(self.command.clone()))
                }
                Err(error) => Err(LaunchError::NotExecutable(program, error)),
            };
        }
        let path = self
            .environment
            .get("PATH")
            .map_or(DEFAULT_PATH, String::as_str);
        let mut candidates = path
            .split(':')
            .map(|folder| self.folder.join(folder).join(&self.command));
        candidates
            .find(|program| is_executable(program))
            .ok_or_else(|| LaunchError::NotFound(self.command.clone()))
    }

    fn explain(&self, program: PathBuf, cause: io::Error, failed_at: OwnedFd) -> LaunchError {
        let mut step = [0];
        let read = std::fs::File::from(failed_at).read(&mut step);
        match (read, step[0]) {
            (Ok(1), FOLDER) => LaunchError::BadFolder(self.folder.clone(), cause),
            (Ok(1), IDENTITY) => LaunchError::Failed("take on the user", cause),
            (Ok(1), _) => LaunchError::Failed("enter the users' cgroup or a session", cause),
            _ if matches!(
                cause.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory
            ) =>
            {
                LaunchError::NoRoom(cause)
            }
            _ => LaunchError::NotExecutable(program, cause),
        }
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

const SESSION: u8 = 1;
const IDENTITY: u8 = 2;
const FOLDER: u8 = 3;

/// What the child does before it becomes the program.
struct ChildSide {
    cgroup: Option<OwnedFd>,
    user: User,
    groups: Vec<Gid>,
    folder: CString,
    at: OwnedFd,
}

impl ChildSide {
    fn settle(&self) -> io::Result<()> {
        self.step(SESSION, self.enter_session())?;
        self.step(IDENTITY, self.become_user())?;
        self.step(FOLDER, rustix::process::chdir(self.folder.as_c_str()))
    }

    fn step(&self, step: u8, result: Result<(), Errno>) -> io::Result<()> {
        if result.is_err() {
            let _ = rustix::io::write(&self.at, &[step]);
        }
        result.map_err(io::Error::from)
    }

    fn enter_session(&self) -> Result<(), Errno> {
        if let Some(procs) = &self.cgroup {
            rustix::io::write(procs, b"0")?;
        }
        // The agent is spared when memory runs out; what it starts is not.
        if let Ok(score) = rustix::fs::open(
            "/proc/self/oom_score_adj",
            OFlags::WRONLY | OFlags::CLOEXEC,
            Mode::empty(),
        ) {
            let _ = rustix::io::write(&score, b"0");
        }
        rustix::process::setsid().map(drop)
    }

    /// These calls change one thread only, and this one is all that the child has.
    fn become_user(&self) -> Result<(), Errno> {
        if rustix::process::geteuid().is_root() {
            rustix::thread::set_thread_groups(&self.groups)?;
            rustix::thread::set_thread_res_gid(self.user.gid, self.user.gid, self.user.gid)?;
            rustix::thread::set_thread_res_uid(self.user.uid, self.user.uid, self.user.uid)?;
        }
        Ok(())
    }
}

struct Pipes {
    stdin: Option<pipe::Sender>,
    stdout: pipe::Receiver,
    stderr: pipe::Receiver,
    child_stdin: Stdio,
    child_stdout: Stdio,
    child_stderr: Stdio,
}

impl Pipes {
    fn open(stdin: Stdin) -> io::Result<Self> {
        let (stdout, child_stdout) = pipe_with(PipeFlags::CLOEXEC)?;
        let (stderr, child_stderr) = pipe_with(PipeFlags::CLOEXEC)?;
        let (child_stdin, stdin) = match stdin {
            Stdin::Empty => (Stdio::null(), None),
            Stdin::Pipe => {
                let (child, ours) = pipe_with(PipeFlags::CLOEXEC)?;
                (Stdio::from(child), Some(pipe::Sender::from_owned_fd(ours)?))
            }
        };
        Ok(Self {
            stdin,
            stdout: pipe::Receiver::from_owned_fd(stdout)?,
            stderr: pipe::Receiver::from_owned_fd(stderr)?,
            child_stdin,
            child_stdout: child_stdout.into(),
            child_stderr: child_stderr.into(),
        })
    }
}
