//! `roost-keeper`: the parent of one sandbox's VMM.
//!
//! It is started by the host agent with a configuration on standard input, starts the VMM confined
//! (as an unprivileged user, in namespaces and a root of its own), says so in one line on standard
//! output, and from then on needs nobody: it keeps the VMM's output within bounds, its exit status
//! in a file, and answers on a socket, whether or not the agent that started it still lives. Keeper
//! and VMM die together. docs/formats/keeper.md is the contract.
//!
//! Without a VMM: `roost-keeper verify FOLDER`, `roost-keeper compact FOLDER OUT` and `roost-keeper
//! exchange ONE OTHER`, about generations on the disk.

mod config;
mod connection;
mod files;
mod generation;
mod jobs;
mod keeper;
mod log_file;
mod memory;
mod output;
mod requests;
mod start;
mod subject;
mod tap;
mod termination;
mod vmm;

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use confine::{Result, WhileDoing};
use rustix::fs::Mode;
use serde::Serialize;

use config::Config;
use jobs::Jobs;
use keeper::Keeper;
use termination::Termination;

/// The one line on standard output.
#[derive(Serialize)]
#[serde(untagged)]
enum FirstWord {
    Ready {
        ready: bool,
        keeper_pid: u32,
        vmm_pid: i32,
    },
    Failed {
        ready: bool,
        error: String,
    },
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let words: Vec<&OsStr> = arguments.iter().map(OsString::as_os_str).collect();
    match words[..] {
        [] => keep(),
        [command, folder] if command == "verify" => verify(folder.as_ref()),
        [command, folder, out] if command == "compact" => compact(folder.as_ref(), out.as_ref()),
        [command, one, other] if command == "exchange" => exchange(one.as_ref(), other.as_ref()),
        _ => {
            eprintln!(
                "usage: roost-keeper [verify FOLDER | compact FOLDER OUT | exchange ONE OTHER]"
            );
            ExitCode::from(2)
        }
    }
}

/// Says what is wrong with a generation, a line for each fault.
fn verify(folder: &Path) -> ExitCode {
    let faults = generation::verify(folder);
    let lines: String = faults.iter().map(|fault| format!("{fault}\n")).collect();
    // The status says it as well, if nobody listens.
    let _ = std::io::stdout().write_all(lines.as_bytes());
    ExitCode::from(u8::from(!faults.is_empty()))
}

/// Puts the memory of a generation into one layer, and says which files that made.
fn compact(folder: &Path, out: &Path) -> ExitCode {
    let said = generation::compact(folder, out).and_then(|files| {
        std::io::stdout()
            .write_all(&requests::line(&files))
            .while_doing(|| "say which files there are".into())
    });
    match said {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("roost-keeper: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Has two generations take each other's place.
fn exchange(one: &Path, other: &Path) -> ExitCode {
    match generation::exchange(one, other) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("roost-keeper: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Starts a VMM and stays its parent.
fn keep() -> ExitCode {
    let keeper = match prepare() {
        Ok(keeper) => keeper,
        Err(failure) => {
            say(&FirstWord::Failed {
                ready: false,
                error: failure.to_string(),
            });
            return ExitCode::FAILURE;
        }
    };
    match keeper.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("roost-keeper: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn prepare() -> Result<Keeper> {
    // SAFETY: the first thing that happens here.
    unsafe { confine::descriptors::close_inherited() }?;
    // All that is made from here on is for its owner alone.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    // A session of our own, in case the starter has not seen to that. It fails only for who leads
    // one already.
    let _ = rustix::process::setsid();
    let termination = Termination::expect()?;
    let config = Config::read(std::io::stdin().lock())?;
    let jobs = Jobs::new()?;
    let started = start::start(&config)?;
    let vmm_pid = started.vmm.pid();
    let keeper = Keeper::new(config.sandbox_id, started, termination, jobs)?;

    // Whoever hears it finds all in place that there will be.
    say(&FirstWord::Ready {
        ready: true,
        keeper_pid: std::process::id(),
        vmm_pid,
    });
    // Standard input is /dev/null by now.
    rustix::stdio::dup2_stdout(rustix::stdio::stdin())
        .while_doing(|| "close standard output".into())?;
    Ok(keeper)
}

/// A starter that is gone hears nothing; its successor finds the socket.
fn say(word: &FirstWord) {
    let _ = std::io::stdout().write_all(&requests::line(word));
}
