//! What clients note on files: extended attributes of the user's namespace, under `user.e2b.`, where E2B's agent keeps them.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{XattrFlags, fsetxattr, getxattr, listxattr};
use rustix::io::Errno;

/// Names without the prefix, and values.
pub type Metadata = BTreeMap<String, String>;

/// Where they are among a file's attributes.
pub const PREFIX: &str = "user.e2b.";

/// Most files' names fit in here, or have none.
const USUAL_LIST: usize = 256;
/// The kernel's limits.
const LONGEST_LIST: usize = 64 << 10;
const LONGEST_VALUE: usize = 64 << 10;

/// What is noted on the file, or on what a link leads to. Nothing where that cannot be told.
pub fn read(path: &Path) -> Metadata {
    let mut usual = [0_u8; USUAL_LIST];
    match listxattr(path, &mut usual) {
        Ok(length) => of_names(path, &usual[..length]),
        Err(Errno::RANGE) => {
            let mut long = vec![0; LONGEST_LIST];
            let length = listxattr(path, &mut long).unwrap_or(0);
            of_names(path, &long[..length])
        }
        Err(_) => Metadata::new(),
    }
}

/// Names end with NUL each.
fn of_names(path: &Path, list: &[u8]) -> Metadata {
    let names = list.split_inclusive(|&byte| byte == 0);
    let names = names.filter_map(|name| CStr::from_bytes_with_nul(name).ok());
    names.filter_map(|name| one(path, name)).collect()
}

/// A program in the sandbox may have set anything: what is no text cannot be told.
fn one(path: &Path, name: &CStr) -> Option<(String, String)> {
    let key = name.to_str().ok()?.strip_prefix(PREFIX)?;
    let mut value = vec![0; LONGEST_VALUE];
    let length = getxattr(path, name, &mut value).ok()?;
    value.truncate(length);
    Some((key.to_owned(), String::from_utf8(value).ok()?))
}

/// Notes it on an open file. Some file systems (`/tmp` is one on older kernels) keep no attributes: there it is let go, and whoever
/// reads the file's metadata sees that.
pub fn write(file: impl AsFd, metadata: &Metadata) -> io::Result<()> {
    for (key, value) in metadata {
        let name = format!("{PREFIX}{key}");
        match fsetxattr(&file, &*name, value.as_bytes(), XattrFlags::empty()) {
            Ok(()) => {}
            Err(Errno::NOTSUP) => return Ok(()),
            // No single attribute is too long: it is all of them that have no room in one block.
            Err(Errno::TOOBIG | Errno::RANGE) => return Err(Errno::NOSPC.into()),
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}
