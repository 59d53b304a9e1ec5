//! Paths as clients give them: absolute, relative to the user's home (or the default folder), or beginning with `~`.

use std::path::{Path, PathBuf};

use crate::users::User;

/// A path that no file can have.
#[derive(Debug, PartialEq, Eq)]
pub struct BadPath;

impl std::fmt::Display for BadPath {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("the path contains a NUL character")
    }
}

/// Makes `path` absolute. `folder` is where relative ones begin. Nothing is looked up, `..` and symlinks stay as they are.
pub fn absolute(path: &str, user: &User, folder: &Path) -> Result<PathBuf, BadPath> {
    if path.contains('\0') {
        return Err(BadPath);
    }
    Ok(match path.strip_prefix('~') {
        Some("") => user.home.clone(),
        Some(rest) if rest.starts_with('/') => user.home.join(rest.trim_start_matches('/')),
        // `join` takes an absolute path as it is.
        _ if path.is_empty() => folder.to_owned(),
        _ => folder.join(path),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{Gid, Uid};

    fn resolve(path: &str) -> Result<PathBuf, BadPath> {
        let user = User {
            name: "user".into(),
            uid: Uid::from_raw(1000),
            gid: Gid::from_raw(1000),
            home: "/home/user".into(),
            shell: "/bin/sh".into(),
        };
        absolute(path, &user, Path::new("/srv"))
    }

    #[test]
    fn relative_paths_begin_in_the_folder_and_tilde_in_the_home() {
        assert_eq!(resolve("/etc/../x"), Ok("/etc/../x".into()));
        assert_eq!(resolve("a/b"), Ok("/srv/a/b".into()));
        assert_eq!(resolve(""), Ok("/srv".into()));
        assert_eq!(resolve("~"), Ok("/home/user".into()));
        assert_eq!(resolve("~//x"), Ok("/home/user/x".into()));
        assert_eq!(resolve("~other/x"), Ok("/srv/~other/x".into()));
    }

    #[test]
    fn a_path_with_nul_is_refused() {
        assert_eq!(resolve("/tmp/a\0b"), Err(BadPath));
    }
}
