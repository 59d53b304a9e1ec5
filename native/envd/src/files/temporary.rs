//! A file that appears whole or not at all: written under a temporary name in its folder, then renamed. Dropped before that,
//! it leaves nothing.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use crate::folders;
use crate::metadata::{self, Metadata};
use crate::random;
use crate::users::User;

const NEW_FILE_MODE: u32 = 0o644;

/// A file that is being written.
#[derive(Debug)]
pub struct Temporary {
    pub file: File,
    /// Empty once it has been renamed.
    path: PathBuf,
    target: PathBuf,
}

impl Temporary {
    /// Begins a file that will be `target`, or what that symlink points to, and of which this is noted. Makes missing folders.
    pub fn begin(target: &Path, user: &User, noted: &Metadata) -> io::Result<Self> {
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        let mode = replaceable_mode(&target)?;
        let folder = target.parent().ok_or(io::ErrorKind::IsADirectory)?;
        folders::make(folder, user)?;
        let path = folder.join(format!(".roost-{}", random::name()?));
        let file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        // By its descriptor: in a folder of the user's the name could lead elsewhere by now.
        let prepared = fchown(&file, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
            .and_then(|()| file.set_permissions(fs::Permissions::from_mode(mode)))
            .and_then(|()| metadata::write(&file, noted));
        let temporary = Self { file, path, target };
        prepared?;
        Ok(temporary)
    }

    /// Makes it the target, which it replaces at once for all who look.
    pub fn rename(mut self) -> io::Result<()> {
        fs::rename(&self.path, &self.target)?;
        self.path = PathBuf::new();
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The mode to keep. A device or a pipe is nothing that a rename may replace: writing to `/dev/null` must not destroy it.
fn replaceable_mode(target: &Path) -> io::Result<u32> {
    match fs::symlink_metadata(target) {
        Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(metadata) if metadata.is_file() => Ok(metadata.permissions().mode() & 0o7777),
        Ok(metadata) if metadata.is_symlink() => Ok(NEW_FILE_MODE),
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "is not a regular file",
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(NEW_FILE_MODE),
        Err(error) => Err(error),
    }
}
