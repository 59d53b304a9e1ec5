//! Running `roost-confine`, and a folder to run it in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

pub const UID: u32 = 1_899_999_123;
pub const GID: u32 = 1_899_999_124;

/// `roost-confine` with user and group given, and `options` (by words) before the `--`.
pub fn confine(options: &str) -> Command {
    assert!(
        rustix::process::geteuid().is_root(),
        "these tests need root"
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_roost-confine"));
    command.args(["--uid", &UID.to_string(), "--gid", &GID.to_string()]);
    command.args(options.split_whitespace()).arg("--");
    command
}

/// Runs a shell script so, and gives what it printed. It must end well.
pub fn shell(options: &str, script: &str) -> String {
    let output = confine(options)
        .args(["/bin/sh", "-c", script])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// The one line with which it refused.
pub fn refusal(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(125), "{text}");
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    text.strip_prefix("roost-confine: ")
        .unwrap()
        .trim_end()
        .to_owned()
}

/// A folder that only root may enter, removed when dropped.
pub struct Folder(PathBuf);

static FOLDERS: AtomicU32 = AtomicU32::new(0);

impl Folder {
    pub fn new() -> Self {
        let name = format!(
            "rc{}-{}",
            std::process::id(),
            FOLDERS.fetch_add(1, Ordering::Relaxed)
        );
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir(&folder.0).unwrap();
        fs::set_permissions(
            &folder.0,
            std::os::unix::fs::PermissionsExt::from_mode(0o700),
        )
        .unwrap();
        folder
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A folder in it with a file `note` that says its name.
    pub fn with(&self, name: &str) -> PathBuf {
        let folder = self.0.join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("note"), format!("{name}\n")).unwrap();
        folder
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
