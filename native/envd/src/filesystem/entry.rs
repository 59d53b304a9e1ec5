//! What is told of one file, folder or link.

use std::ffi::OsStr;
use std::fs::{self, FileType as Kind, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use buffa::EnumValue;
use buffa_types::google::protobuf::Timestamp;

use super::permissions;
use crate::r#gen::filesystem::{EntryInfo, FileType};
use crate::metadata;
use crate::users::Names;

/// The entry at `path`. A link is told with the type and mode of what it points to, and where that is.
pub fn describe(path: &Path, names: &Names) -> io::Result<EntryInfo> {
    let own = fs::symlink_metadata(path)?;
    let target = if own.is_symlink() {
        fs::metadata(path).ok()
    } else {
        Some(own.clone())
    };
    let symlink_target = own.is_symlink().then(|| {
        // Of a link that leads nowhere, at least what is written in it.
        let target = fs::canonicalize(path)
            .or_else(|_| fs::read_link(path))
            .unwrap_or_else(|_| path.to_owned());
        target.to_string_lossy().into_owned()
    });
    Ok(EntryInfo {
        name: path
            .file_name()
            .unwrap_or(OsStr::new("/"))
            .to_string_lossy()
            .into_owned(),
        r#type: EnumValue::from(
            target
                .as_ref()
                .map_or(FileType::FILE_TYPE_UNSPECIFIED, |target| {
                    kind(target.file_type())
                }),
        ),
        path: path.to_string_lossy().into_owned(),
        size: own.len() as i64,
        mode: target.map_or(0, |target| target.permissions().mode() & 0o777),
        permissions: permissions::text(own.mode()),
        owner: names.user(own.uid()),
        group: names.group(own.gid()),
        modified_time: modified(&own).into(),
        symlink_target,
        metadata: metadata::read(path).into_iter().collect(),
    })
}

fn kind(kind: Kind) -> FileType {
    if kind.is_file() {
        FileType::FILE_TYPE_FILE
    } else if kind.is_dir() {
        FileType::FILE_TYPE_DIRECTORY
    } else if kind.is_symlink() {
        FileType::FILE_TYPE_SYMLINK
    } else {
        FileType::FILE_TYPE_UNSPECIFIED
    }
}

fn modified(metadata: &Metadata) -> Timestamp {
    Timestamp {
        seconds: metadata.mtime(),
        nanos: metadata.mtime_nsec() as i32,
        ..Timestamp::default()
    }
}
