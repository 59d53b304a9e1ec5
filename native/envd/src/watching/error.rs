//! Why a folder is not watched, or is watched no longer.

use std::io;

use connectrpc::ConnectError;

use super::change::End;

/// No watch.
#[derive(Debug)]
pub enum WatchError {
    /// It is missing, or no folder.
    Folder(io::Error),
    NetworkMount,
    TooManyFolders,
    TooManyWatches,
}

impl From<io::Error> for WatchError {
    fn from(error: io::Error) -> Self {
        Self::Folder(error)
    }
}

impl From<End> for WatchError {
    fn from(end: End) -> Self {
        match end {
            End::TooManyFolders => Self::TooManyFolders,
            End::Gone | End::Lost => Self::Folder(io::ErrorKind::NotFound.into()),
        }
    }
}

impl WatchError {
    /// As a client is told, in one sentence about `folder`.
    pub fn told(&self, folder: &std::path::Path) -> ConnectError {
        use io::ErrorKind as Kind;
        let folder = folder.display();
        match self {
            Self::Folder(error) => {
                let message = format!("{folder}: {error}");
                match error.kind() {
                    Kind::NotFound => ConnectError::not_found(message),
                    Kind::NotADirectory | Kind::InvalidFilename => {
                        ConnectError::invalid_argument(message)
                    }
                    Kind::PermissionDenied => ConnectError::permission_denied(message),
                    _ => ConnectError::internal(message),
                }
            }
            Self::NetworkMount => ConnectError::invalid_argument(format!(
                "{folder} is on a network mount, of which the kernel does not tell all changes: \
                 set allow_network_mounts to watch it nevertheless"
            )),
            Self::TooManyFolders => ConnectError::resource_exhausted(format!(
                "{folder}: there are more folders below it than this sandbox's kernel watches \
                 (fs.inotify.max_user_watches)"
            )),
            Self::TooManyWatches => ConnectError::resource_exhausted(
                "this sandbox watches as many folders as it can: remove a watcher, or end a stream",
            ),
        }
    }
}

/// What ends a watch, as the last that is told of `folder`.
pub fn ending(end: End, folder: &std::path::Path) -> ConnectError {
    match end {
        End::Gone => ConnectError::not_found(format!(
            "{}: was removed, moved or unmounted, and is watched no longer",
            folder.display()
        )),
        End::Lost => ConnectError::data_loss(format!(
            "{}: more changed than could be told: watch it again, and look what is there",
            folder.display()
        )),
        End::TooManyFolders => WatchError::TooManyFolders.told(folder),
    }
}
