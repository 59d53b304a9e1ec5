//! `roost-disk`: what is done with the frozen layers of a disk that no VMM has.
//!
//! ```text
//! roost-disk merge   UID SIZE OUT LAYER…    layers, the lowest first, of a disk of SIZE bytes → one layer
//! roost-disk flatten UID OUT BASE LAYER…    a raw base image and the layers over it → one raw image
//! ```
//!
//! OUT must not be there; when this ends with status 0, it is whole and on the disk, root's, with mode
//! 0444. When it does not, OUT is the caller's to remove: it was made by a root that is gone. The
//! layers were written by VMMs, so they are read by a process that has nothing but its open files: no
//! user, no way to open another file or a socket, a limit of memory, and the parent's death is its
//! own.

mod chain;
mod flatten;
mod format;
mod layer;
mod merge;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::process::ExitCode;

use confine::{Failure, Result, WhileDoing};
use rustix::fs::OFlags;
use rustix::process::{Resource, Rlimit, getppid, setrlimit};

use chain::Chain;
use layer::Layer;

/// Tables of a region for each of some hundred layers, and one more for good measure.
const MEMORY: u64 = 256 * 1024 * 1024;

const USAGE: &str =
    "usage: roost-disk merge UID SIZE OUT LAYER... | roost-disk flatten UID OUT BASE LAYER...";

fn main() -> ExitCode {
    // SAFETY: the first thing that happens here.
    if let Err(failure) = unsafe { confine::descriptors::close_inherited() } {
        eprintln!("roost-disk: {failure}");
        return ExitCode::FAILURE;
    }
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let words: Vec<&OsStr> = arguments.iter().map(|word| word.as_os_str()).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("roost-disk: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&OsStr]) -> Result<()> {
    let parent = getppid();
    let give_up_root = |uid: u32| {
        setrlimit(Resource::As, limit(MEMORY)).while_doing(|| "limit the memory".into())?;
        setrlimit(Resource::Nofile, limit(0)).while_doing(|| "limit the open files".into())?;
        confine::limits::no_core_dump()?;
        confine::privileges::drop_to(uid, uid)?;
        confine::parent_death::die_with_parent(|| getppid() == parent)
    };
    match words {
        [command, uid, size, out, layers @ ..] if *command == "merge" && !layers.is_empty() => {
            let (uid, size) = (number(uid)?, number(size)?);
            let layers = open_all(layers)?;
            let out = create(out)?;
            give_up_root(uid)?;
            merge::merge(&Chain::new(read_all(layers)?, size)?, &out)?;
            sync(&out)
        }
        [command, uid, out, base, layers @ ..] if *command == "flatten" => {
            let uid = number(uid)?;
            let base = open(base)?;
            let layers = open_all(layers)?;
            let out = create(out)?;
            give_up_root(uid)?;
            let size = flatten::image_size(&base)?;
            flatten::flatten(&base, &Chain::new(read_all(layers)?, size)?, &out)?;
            sync(&out)
        }
        _ => Err(Failure::new(USAGE)),
    }
}

fn number<T: std::str::FromStr>(word: &OsStr) -> Result<T> {
    let number = word.to_str().and_then(|text| text.parse().ok());
    number.ok_or_else(|| Failure::new(format!("{} is no number; {USAGE}", word.display())))
}

fn limit(value: u64) -> Rlimit {
    Rlimit {
        current: Some(value),
        maximum: Some(value),
    }
}

fn open_all(paths: &[&OsStr]) -> Result<Vec<File>> {
    paths.iter().map(|path| open(path)).collect()
}

/// A regular file, and never what a link leads to.
fn open(path: &OsStr) -> Result<File> {
    let what = || format!("open {}", path.display());
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .while_doing(what)?;
    if file.metadata().while_doing(what)?.is_file() {
        Ok(file)
    } else {
        Err(Failure::new(format!("{} is not a file", path.display())))
    }
}

fn create(path: &OsStr) -> Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o444)
        .open(path)
        .while_doing(|| format!("make {}", path.display()))
}

fn read_all(files: Vec<File>) -> Result<Vec<Layer>> {
    let read = |(index, file)| {
        Layer::read(file).map_err(|failure| Failure::new(format!("layer {index}: {failure}")))
    };
    files.into_iter().enumerate().map(read).collect()
}

fn sync(file: &File) -> Result<()> {
    file.sync_all()
        .while_doing(|| "let the disk have it".into())
}
