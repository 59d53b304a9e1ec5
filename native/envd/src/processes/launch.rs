//! From the description of a process to a running one, or to the reason why there can be none.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use rustix::fs::Gid;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::process::{Child, Command};

use super::child::{ChildSide, Step};
use super::streams::{Ours, Wanted};
use crate::limits::OpenFiles;
use crate::users::User;

/// Where commands are looked for when nobody said where.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A process to be.
#[derive(Debug)]
pub struct Launch {
    pub command: String,
    pub arguments: Vec<String>,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
    pub folder: Folder,
    pub user: User,
    pub groups: Vec<Gid>,
    pub streams: Wanted,
}

/// Where a process begins.
#[derive(Debug)]
pub enum Folder {
    /// Here and nowhere else.
    Asked(PathBuf),
    /// Here if it can be: an image may lack a user's home, which is no reason to run nothing. Else in `/`.
    Usual(PathBuf),
}

/// What the server gives to all its processes.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// An open `cgroup.procs`.
    pub cgroup: Option<&'a OwnedFd>,
    pub open_files: OpenFiles,
}

/// A process that runs, and our ends of its streams.
#[derive(Debug)]
pub struct Launched {
    pub child: Child,
    pub streams: Ours,
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
    /// Starts it, in a session and process group of its own.
    pub fn start(&self, surroundings: Surroundings<'_>) -> Result<Launched, LaunchError> {
        self.check_text()?;
        self.folder.check()?;
        let program = self.find_program()?;
        let opened = self.streams.open(&self.user);
        let (ours, theirs) = opened.map_err(LaunchError::NoRoom)?;
        // What fails in the child before exec is told apart by a byte in this pipe; exec itself closes it. It is never
        // waited for: the child has written before we learn that it failed.
        let (failed_at, at) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
            .map_err(|errno| LaunchError::NoRoom(errno.into()))?;
        let child_side = ChildSide {
            cgroup: surroundings
                .cgroup
                .map(OwnedFd::try_clone)
                .transpose()
                .map_err(LaunchError::NoRoom)?,
            open_files: surroundings.open_files,
            has_terminal: matches!(self.streams, Wanted::Terminal(_)),
            user: self.user.clone(),
            groups: self.groups.clone(),
            folder: CString::new(self.folder.path().as_os_str().as_bytes())
                .map_err(|_| LaunchError::BadText("the working folder contains a NUL character"))?,
            folder_if_not: matches!(self.folder, Folder::Usual(_)).then_some(c"/"),
            at,
        };

        let mut command = std::process::Command::new(&program);
        command
            .arg0(&self.command)
            .args(&self.arguments)
            .env_clear()
            .envs(&self.environment);
        command
            .stdin(theirs.stdin)
            .stdout(theirs.stdout)
            .stderr(theirs.stderr);
        // SAFETY: the closure runs in the forked child, where only what is safe in a signal handler may be done: it makes
        // system calls on values prepared here, and neither allocates nor locks.
        unsafe { command.pre_exec(move || child_side.settle()) };
        let spawned = Command::from(command).kill_on_drop(false).spawn();
        match spawned {
            Ok(child) => Ok(Launched {
                child,
                streams: ours,
            }),
            Err(cause) => Err(self.explain(program, cause, failed_at)),
        }
    }

    fn check_text(&self) -> Result<(), LaunchError> {
        let mut texts = self
            .arguments
            .iter()
            .chain(self.environment.values())
            .chain([&self.command]);
        let mut names = self.environment.keys();
        if self.command.is_empty() {
            Err(LaunchError::BadText("the command is empty"))
        } else if texts.any(|text| text.contains('\0')) {
            Err(LaunchError::BadText(
                "the command, its arguments or its environment contain a NUL character",
            ))
        } else if names.any(|name| name.is_empty() || name.contains(['=', '\0'])) {
            Err(LaunchError::BadText(
                "a variable's name is empty, or contains '=' or a NUL character",
            ))
        } else {
            Ok(())
        }
    }

    /// As a shell would: a name with a slash is a path, any other is looked for in the process's own PATH.
    fn find_program(&self) -> Result<PathBuf, LaunchError> {
        let folder = self.folder.path();
        if self.command.contains('/') {
            let program = folder.join(&self.command);
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
            .map(|place| folder.join(place).join(&self.command));
        let found = candidates.find(|program| is_executable(program));
        found.ok_or_else(|| LaunchError::NotFound(self.command.clone()))
    }

    fn explain(&self, program: PathBuf, cause: io::Error, failed_at: OwnedFd) -> LaunchError {
        let mut step = [0];
        let told = fs::File::from(failed_at).read(&mut step).unwrap_or(0);
        match (told > 0).then(|| Step::of(step[0])).flatten() {
            Some(Step::Folder) => LaunchError::BadFolder(self.folder.path().to_owned(), cause),
            Some(Step::User) => LaunchError::Failed("take on the user", cause),
            Some(Step::Session) => {
                LaunchError::Failed("enter the users' cgroup and a session", cause)
            }
            None if matches!(
                cause.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory
            ) =>
            {
                LaunchError::NoRoom(cause)
            }
            None => LaunchError::NotExecutable(program, cause),
        }
    }
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Asked(path) | Self::Usual(path) => path,
        }
    }

    fn check(&self) -> Result<(), LaunchError> {
        let Self::Asked(path) = self else {
            return Ok(());
        };
        let bad = |cause| LaunchError::BadFolder(path.clone(), cause);
        let metadata = fs::metadata(path).map_err(bad)?;
        if metadata.is_dir() {
            Ok(())
        } else {
            Err(bad(Errno::NOTDIR.into()))
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
