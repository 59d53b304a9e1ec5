//! `roost-confine`: runs a program as an unprivileged user, who sees of the machine's folders what
//! the caller shows.
//!
//! ```text
//! roost-confine --uid N --gid N [--user-name NAME] [--bind SRC:DST]... [--bind-ro SRC:DST]...
//!               [--hide PATH]... [--chdir DIR] [--parent PID] -- CMD ARGS...
//! ```
//!
//! The program replaces this one: same process id, same standard streams, same environment. No
//! other descriptor is passed on, and it is killed when the process that started it ends. What
//! cannot be done is said in one line, with exit status 125.

mod arguments;
mod user_names;
mod view;

use std::convert::Infallible;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use confine::{Failure, Result, WhileDoing};
use rustix::process::Pid;

use arguments::Arguments;

/// As `env`, `timeout` and their like do, so that it is not mistaken for the program's own.
const COULD_NOT_START: u8 = 125;

fn main() -> ExitCode {
    match run() {
        Err(failure) => {
            eprintln!("roost-confine: {failure}");
            ExitCode::from(COULD_NOT_START)
        }
    }
}

fn run() -> Result<Infallible> {
    let arguments = Arguments::parse(std::env::args_os().skip(1))?;
    let parent = arguments
        .parent
        .or_else(|| rustix::process::getppid().map(Pid::as_raw_pid));

    confine::namespaces::leave_mounts()?;
    confine::mounts::hide_from_host()?;
    view::arrange(&arguments)?;
    if let Some(folder) = &arguments.chdir {
        rustix::process::chdir(folder).while_doing(|| format!("change to {}", folder.display()))?;
    }

    confine::descriptors::close_on_exec_except(&[])?;
    confine::signals::reset()?;
    confine::privileges::drop_to(arguments.uid, arguments.gid)?;
    confine::parent_death::die_with_parent(|| {
        rustix::process::getppid().map(Pid::as_raw_pid) == parent
    })?;

    let error = Command::new(&arguments.program)
        .args(&arguments.rest)
        .exec();
    Err(Failure::caused(
        format!("execute {}", arguments.program.display()),
        error,
    ))
}

/// Everything that the caller got wrong.
fn usage(problem: impl std::fmt::Display) -> Failure {
    Failure::new(format!(
        "{problem}; usage: roost-confine --uid N --gid N [--user-name NAME] [--bind SRC:DST]... \
        [--bind-ro SRC:DST]... [--hide PATH]... [--chdir DIR] [--parent PID] -- CMD ARGS..."
    ))
}
