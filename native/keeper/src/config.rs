//! What the agent asks for, read from standard input and checked before anything is touched.
//! The fields are described in docs/formats/keeper.md.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use confine::{Failure, Result, WhileDoing};
use serde::Deserialize;

use crate::memory;

/// More than any real configuration by far.
const LONGEST: u64 = 1024 * 1024;
/// What a socket's address holds, without its final NUL.
const LONGEST_SOCKET_PATH: usize = 107;
/// What a link's name holds, without its final NUL.
const LONGEST_LINK_NAME: usize = 15;
/// The VMM's descriptors have to stay well below the usual limit of 1024.
const HIGHEST_TAP_FD: i32 = 255;
const SMALLEST_LOG: u64 = 4096;

/// A configuration that has been checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub sandbox_id: String,
    pub socket: PathBuf,
    pub exit_file: PathBuf,
    pub console_log: PathBuf,
    pub vmm_log: PathBuf,
    pub log_limit_bytes: u64,
    pub cgroup_procs: Vec<PathBuf>,
    pub netns: PathBuf,
    pub tap: Option<String>,
    pub tap_fd: i32,
    pub uid: u32,
    pub gid: u32,
    pub root: PathBuf,
    pub mounts: Vec<Mount>,
    pub devices: Vec<Device>,
    pub argv: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub memory: Option<memory::Settings>,
}

/// A folder or file of the host, shown to the VMM.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    pub source: PathBuf,
    pub target: PathBuf,
    pub read_only: bool,
}

/// The names that `devices` may hold.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    Null,
    Zero,
    Random,
    Urandom,
    Kvm,
}

impl Config {
    /// Reads one JSON object up to the end of `input`.
    pub fn read(input: impl Read) -> Result<Self> {
        let mut text = Vec::new();
        input
            .take(LONGEST + 1)
            .read_to_end(&mut text)
            .while_doing(|| "read the configuration".into())?;
        if text.len() as u64 > LONGEST {
            return Err(Failure::new(format!(
                "the configuration is longer than {LONGEST} bytes"
            )));
        }
        let config: Self = serde_json::from_slice(&text)
            .map_err(|error| Failure::new(format!("the configuration is wrong: {error}")))?;
        config
            .check()
            .map_err(|problem| Failure::new(format!("the configuration is wrong: {problem}")))?;
        Ok(config)
    }

    fn check(&self) -> std::result::Result<(), String> {
        let id_letters = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.sandbox_id.is_empty()
            || self.sandbox_id.len() > 128
            || !self.sandbox_id.chars().all(id_letters)
        {
            return Err("sandbox_id must be 1 to 128 letters, digits, - and _".into());
        }
        self.check_files()?;
        self.check_confinement()?;
        self.check_program()?;
        self.memory
            .as_ref()
            .map_or(Ok(()), |memory| memory.check(check_path))
    }

    fn check_files(&self) -> std::result::Result<(), String> {
        let files = [
            ("socket", &self.socket),
            ("exit_file", &self.exit_file),
            ("console_log", &self.console_log),
            ("vmm_log", &self.vmm_log),
        ];
        for (index, (field, path)) in files.iter().enumerate() {
            check_path(field, path)?;
            if path.file_name().is_none() {
                return Err(format!("{field} must name a file"));
            }
            if let Some((other, _)) = files[..index].iter().find(|(_, other)| other == path) {
                return Err(format!("{field} and {other} must not be the same file"));
            }
        }
        if self.socket.as_os_str().len() > LONGEST_SOCKET_PATH {
            return Err(format!(
                "socket must be at most {LONGEST_SOCKET_PATH} bytes long"
            ));
        }
        if self.log_limit_bytes < SMALLEST_LOG {
            return Err(format!("log_limit_bytes must be at least {SMALLEST_LOG}"));
        }
        Ok(())
    }

    fn check_confinement(&self) -> std::result::Result<(), String> {
        for path in &self.cgroup_procs {
            check_path("cgroup_procs", path)?;
            if path.file_name().is_none_or(|name| name != "cgroup.procs") {
                return Err(format!(
                    "cgroup_procs must name files called cgroup.procs, not {}",
                    path.display()
                ));
            }
        }
        check_path("netns", &self.netns)?;
        if let Some(tap) = &self.tap {
            let letters = |c: char| c.is_ascii_graphic() && !['/', ':', '%'].contains(&c);
            if tap.is_empty() || tap.len() > LONGEST_LINK_NAME || !tap.chars().all(letters) {
                return Err(format!(
                    "tap must be the name of a link, of 1 to {LONGEST_LINK_NAME} bytes"
                ));
            }
        }
        if !(3..=HIGHEST_TAP_FD).contains(&self.tap_fd) {
            return Err(format!("tap_fd must be from 3 to {HIGHEST_TAP_FD}"));
        }
        for (field, id) in [("uid", self.uid), ("gid", self.gid)] {
            if id == 0 || id == u32::MAX {
                return Err(format!(
                    "{field} must be that of an unprivileged user, not {id}"
                ));
            }
        }
        check_path("root", &self.root)?;
        if self.root == Path::new("/") {
            return Err("root must be a folder of its own, not /".into());
        }
        for mount in &self.mounts {
            check_path("mounts.source", &mount.source)?;
            check_path("mounts.target", &mount.target)?;
            if mount.target == Path::new("/") || mount.target.starts_with("/dev") {
                return Err(format!(
                    "mounts.target must not be {}",
                    mount.target.display()
                ));
            }
        }
        match self
            .devices
            .iter()
            .enumerate()
            .find(|(index, device)| self.devices[..*index].contains(device))
        {
            Some((_, twice)) => Err(format!(
                "devices names {} twice",
                confine::devices::Device::from(*twice).name()
            )),
            None => Ok(()),
        }
    }

    fn check_program(&self) -> std::result::Result<(), String> {
        let Some(program) = self.argv.first() else {
            return Err("argv must begin with the VMM's program".into());
        };
        check_path("argv[0]", Path::new(program))?;
        if self.argv.iter().any(|argument| argument.contains('\0')) {
            return Err("argv must not contain NUL".into());
        }
        for (name, value) in &self.env {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return Err(format!("env holds something that is no variable: {name:?}"));
            }
        }
        Ok(())
    }
}

impl From<Device> for confine::devices::Device {
    fn from(device: Device) -> Self {
        match device {
            Device::Null => Self::Null,
            Device::Zero => Self::Zero,
            Device::Random => Self::Random,
            Device::Urandom => Self::Urandom,
            Device::Kvm => Self::Kvm,
        }
    }
}

/// Absolute and plain: what is checked here is what the kernel will be given.
fn check_path(field: &str, path: &Path) -> std::result::Result<(), String> {
    let text = path.as_os_str().as_encoded_bytes();
    if !path.is_absolute()
        || text.contains(&0)
        || path.components().any(|part| part == Component::ParentDir)
    {
        return Err(format!(
            "{field} must be an absolute path without .. and NUL, not {:?}",
            path.display().to_string()
        ));
    }
    Ok(())
}
