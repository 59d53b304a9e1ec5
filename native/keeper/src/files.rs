//! The files that a keeper makes while it is root, and holds open when it no longer is.
//!
//! They lie in folders of root's, where the keeper's later user may create nothing: so all of them
//! exist from the start, and the exit file is *empty* until the VMM has ended.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use confine::{Failure, Result, WhileDoing};
use rustix::fs::{AtFlags, Mode, OFlags};

use crate::config::Config;

/// What the keeper holds on to.
pub struct Files {
    pub listener: UnixListener,
    pub exit_file: File,
    pub console_log: File,
    pub vmm_log: File,
    /// `vmm_log` once more, for whatever is written to the keeper's standard error: always at the
    /// end of the file.
    pub own_messages: File,
}

/// The names made by a start that may yet fail. Dropped, it takes them away again; so it is given
/// up only when the VMM runs.
pub struct Made {
    /// Folders by descriptor, since the start changes what `/` is.
    names: Vec<(OwnedFd, PathBuf)>,
}

impl Files {
    /// Makes them all, or none. Logs that exist are continued.
    pub fn make(config: &Config) -> Result<(Self, Made)> {
        let mut made = Made { names: Vec::new() };
        let listener = made.listener(&config.socket)?;
        let exit_file = made.file(&config.exit_file)?;
        exit_file
            .set_len(0)
            .while_doing(|| format!("empty {}", config.exit_file.display()))?;
        let console_log = made.file(&config.console_log)?;
        let vmm_log = made.file(&config.vmm_log)?;
        let own_messages = OpenOptions::new()
            .append(true)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&config.vmm_log)
            .while_doing(|| format!("open {}", config.vmm_log.display()))?;
        Ok((
            Self {
                listener,
                exit_file,
                console_log,
                vmm_log,
                own_messages,
            },
            made,
        ))
    }
}

impl Made {
    /// The VMM runs: what was made stays.
    pub fn keep(mut self) {
        self.names.clear();
    }

    /// A socket in the VMM's root, for the VMM to connect to.
    pub fn vmm_socket(&mut self, path: &Path, uid: u32, gid: u32) -> Result<UnixListener> {
        let listener = self.listener(path)?;
        std::os::unix::fs::lchown(path, Some(uid), Some(gid))
            .while_doing(|| format!("give {} to the VMM's user", path.display()))?;
        Ok(listener)
    }

    fn listener(&mut self, path: &Path) -> Result<UnixListener> {
        let what = || format!("listen on {}", path.display());
        take_stale_socket_away(path)?;
        let folder = folder_of(path)?;
        let listener = UnixListener::bind(path).while_doing(what)?;
        self.names.push((folder, name_of(path).into()));
        // The umask (0077, see main) has kept others out from its first moment.
        std::fs::set_permissions(path, Permissions::from_mode(0o600)).while_doing(what)?;
        listener.set_nonblocking(true).while_doing(what)?;
        Ok(listener)
    }

    fn file(&mut self, path: &Path) -> Result<File> {
        let what = || format!("open {}", path.display());
        let mut options = OpenOptions::new();
        // Non-blocking, in case what lies there is a FIFO: it is refused below, but opening it must
        // not wait for a peer.
        options
            .read(true)
            .write(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
        let folder = folder_of(path)?;
        let file = match options.create_new(true).open(path) {
            Ok(file) => {
                self.names.push((folder, name_of(path).into()));
                file
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                options.create_new(false).open(path).while_doing(what)?
            }
            Err(error) => return Err(error).while_doing(what),
        };
        if !file.metadata().while_doing(what)?.is_file() {
            return Err(Failure::new(format!(
                "{} is not a regular file",
                path.display()
            )));
        }
        Ok(file)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for (folder, name) in self.names.drain(..) {
            // A name that is gone already is as good as one taken away.
            let _ = rustix::fs::unlinkat(folder, name, AtFlags::empty());
        }
    }
}

/// A socket that nobody answers on was left by a keeper that is gone. One that answers belongs to a
/// running sandbox.
fn take_stale_socket_away(path: &Path) -> Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).while_doing(|| format!("look at {}", path.display())),
        Ok(facts) if !facts.file_type().is_socket() => {
            return Err(Failure::new(format!(
                "{} exists and is not a socket",
                path.display()
            )));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => std::fs::remove_file(path)
            .while_doing(|| format!("remove the stale socket {}", path.display())),
        Err(error) => {
            Err(error).while_doing(|| format!("see whether a keeper answers on {}", path.display()))
        }
        Ok(_) => Err(Failure::new(format!(
            "a keeper answers already on {}",
            path.display()
        ))),
    }
}

fn folder_of(path: &Path) -> Result<OwnedFd> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    rustix::fs::open(
        folder,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .while_doing(|| format!("open the folder {}", folder.display()))
}

fn name_of(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}
