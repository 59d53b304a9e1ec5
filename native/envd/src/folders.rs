//! Folders that are missing on the way to a file: made, and given to the user.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::users::User;

/// Makes `folder` and what is missing above it. What is there already keeps its owner.
pub fn make(folder: &Path, user: &User) -> io::Result<()> {
    match fs::create_dir(folder) {
        Ok(()) => give(folder, user),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = folder.parent().ok_or(error)?;
            make(parent, user)?;
            make_last(folder, user)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => must_be_folder(folder),
        Err(error) => Err(error),
    }
}

fn make_last(folder: &Path, user: &User) -> io::Result<()> {
    match fs::create_dir(folder) {
        Ok(()) => give(folder, user),
        // Another request was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => must_be_folder(folder),
        Err(error) => Err(error),
    }
}

fn must_be_folder(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.is_dir() {
        Ok(())
    } else {
        Err(rustix::io::Errno::NOTDIR.into())
    }
}

/// Not through a link that somebody put there meanwhile.
fn give(path: &Path, user: &User) -> io::Result<()> {
    let folder = rustix::fs::open(
        path,
        OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    Ok(rustix::fs::fchown(folder, Some(user.uid), Some(user.gid))?)
}
