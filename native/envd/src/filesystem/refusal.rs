//! What goes wrong with a path, as Connect errors.

use std::io;
use std::path::Path;

use connectrpc::ConnectError;

/// The error, as one of `path`.
pub fn told(path: &Path, error: &io::Error) -> ConnectError {
    use io::ErrorKind as Kind;
    let message = format!("{}: {error}", path.display());
    match error.kind() {
        Kind::NotFound => ConnectError::not_found(message),
        Kind::AlreadyExists => ConnectError::already_exists(message),
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => {
            ConnectError::permission_denied(message)
        }
        Kind::NotADirectory | Kind::IsADirectory | Kind::InvalidFilename | Kind::InvalidInput => {
            ConnectError::invalid_argument(message)
        }
        Kind::DirectoryNotEmpty | Kind::ResourceBusy => ConnectError::failed_precondition(message),
        Kind::StorageFull | Kind::QuotaExceeded | Kind::ArgumentListTooLong => {
            ConnectError::resource_exhausted(message)
        }
        _ => ConnectError::internal(message),
    }
}
