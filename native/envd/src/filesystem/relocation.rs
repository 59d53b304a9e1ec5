//! Moving a file or a tree. Within a file system the kernel does it at once; between two (`/tmp` is one of its own) the tree is
//! copied beside its destination, put there by a rename, and only then removed where it was.

use std::ffi::OsString;
use std::fs::{self, File, FileTimes, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown, lchown, symlink};
use std::path::{Path, PathBuf};

use crate::metadata;

/// Moves `source` to `destination`, which is replaced as rename(2) would.
pub fn relocate(source: &Path, destination: &Path) -> io::Result<()> {
    match fs::rename(source, destination) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
        outcome => return outcome,
    }
    let copy = beside(destination)?;
    copy_tree(source, &copy)
        .and_then(|()| fs::rename(&copy, destination))
        .inspect_err(|_| {
            let _ = remove_tree(&copy);
        })?;
    remove_tree(source)
}

/// Removes a file, or a folder with all in it.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

fn beside(destination: &Path) -> io::Result<PathBuf> {
    let name = destination.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut hidden = OsString::from(".roost-");
    hidden.push(std::process::id().to_string());
    hidden.push("-");
    hidden.push(name);
    Ok(destination.with_file_name(hidden))
}

fn copy_tree(source: &Path, target: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(source)?;
    let (owner, group) = (Some(metadata.uid()), Some(metadata.gid()));
    if metadata.is_symlink() {
        symlink(fs::read_link(source)?, target)?;
        return lchown(target, owner, group);
    }
    if metadata.is_dir() {
        fs::create_dir(target)?;
        for entry in fs::read_dir(source)? {
            let name = entry?.file_name();
            copy_tree(&source.join(&name), &target.join(&name))?;
        }
        return complete(&File::open(target)?, source, &metadata);
    }
    if !metadata.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "holds a device, pipe or socket, which cannot be copied",
        ));
    }
    let mut copy = File::options().write(true).create_new(true).open(target)?;
    io::copy(&mut File::open(source)?, &mut copy)?;
    complete(&copy, source, &metadata)
}

/// The owner before the mode: changing the owner clears set-user-id. The times last: all else changes them.
fn complete(copy: &File, source: &Path, metadata: &Metadata) -> io::Result<()> {
    fchown(copy, Some(metadata.uid()), Some(metadata.gid()))?;
    copy.set_permissions(metadata.permissions())?;
    metadata::write(copy, &metadata::read(source))?;
    copy.set_times(FileTimes::new().set_modified(metadata.modified()?))
}
