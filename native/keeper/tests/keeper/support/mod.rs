//! The world a keeper needs, made for one test and taken away after it: a folder, a network
//! namespace with a TAP device, a root with one static program (busybox), control groups where
//! asked for.

mod cgroup;
mod failed_start;
pub mod generations;
pub mod guest;
mod keeper;
mod process;
pub mod saves;

pub use cgroup::Cgroup;
pub use failed_start::{assert_begins, failure, failure_with};
pub use keeper::{Client, Keeper};
pub use process::{Process, eventually};

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

pub const UID: u32 = 1_900_000_123;
pub const GID: u32 = 1_900_000_124;
pub const TAP_FD: i32 = 9;

/// The end of a script whose VMM is to stay.
pub const WAIT: &str = "busybox sleep 3600";

static WORLDS: AtomicU32 = AtomicU32::new(0);

/// Everything it made is removed when it is dropped, also when the test has failed.
pub struct World {
    pub name: String,
    pub folder: PathBuf,
}

impl World {
    pub fn new() -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "these tests need root"
        );
        let name = format!(
            "rk{}-{}",
            std::process::id(),
            WORLDS.fetch_add(1, Ordering::Relaxed)
        );
        let world = Self {
            folder: std::env::temp_dir().join(&name),
            name,
        };

        for folder in ["root/bin", "root/dev", "root/vm", "root/ro", "vm", "ro"] {
            fs::create_dir_all(world.path(folder)).unwrap();
        }
        fs::copy("/bin/busybox", world.path("root/bin/busybox"))
            .expect("the tests need /bin/busybox, statically linked (Debian: busybox-static)");
        std::os::unix::fs::chown(world.path("vm"), Some(UID), Some(GID)).unwrap();
        fs::write(world.path("ro/file"), "shown\n").unwrap();

        ip(&["netns", "add", &world.name]);
        ip(&["-n", &world.name, "tuntap", "add", "tap0", "mode", "tap"]);
        world
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.join(relative)
    }

    /// A configuration whose VMM is a shell that runs `script`.
    pub fn config(&self, script: &str) -> Value {
        json!({
            "sandbox_id": "sb_test",
            "socket": self.path("keeper.sock"),
            "exit_file": self.path("exit.json"),
            "console_log": self.path("console.log"),
            "vmm_log": self.path("vmm.log"),
            "log_limit_bytes": 65536,
            "cgroup_procs": [],
            "netns": Path::new("/run/netns").join(&self.name),
            "tap": "tap0",
            "tap_fd": TAP_FD,
            "uid": UID,
            "gid": GID,
            "root": self.path("root"),
            "mounts": [
                { "source": self.path("vm"), "target": "/vm", "read_only": false },
                { "source": self.path("ro"), "target": "/ro", "read_only": true },
            ],
            "devices": ["null", "zero", "urandom"],
            "argv": ["/bin/busybox", "sh", "-c", script],
            "env": { "PATH": "/bin" },
        })
    }

    /// A keeper whose VMM runs `script`.
    pub fn start(&self, script: &str) -> Keeper {
        Keeper::start(&self.config(script)).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn read(&self, file: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(file)).unwrap_or_default()).into_owned()
    }

    /// Waits until the VMM has written a line `text` to its console, and gives all that it has
    /// written.
    pub fn console_with(&self, text: &str) -> String {
        eventually(&format!("the console says {text:?}"), || {
            let console = self.read("console.log");
            console.lines().any(|line| line == text).then_some(console)
        })
    }

    /// What the machine has mounted in the world's folder.
    pub fn mounts(&self) -> Vec<String> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let folder = self.folder.to_str().unwrap();
        mounts
            .lines()
            .filter(|line| line.contains(folder))
            .map(str::to_owned)
            .collect()
    }

    /// The names in the world's folder.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(&self.folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = Command::new("ip")
            .args(["netns", "del", &self.name])
            .status();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn ip(arguments: &[&str]) {
    let status = Command::new("ip")
        .args(arguments)
        .status()
        .expect("the tests need ip (Debian: iproute2)");
    assert!(status.success(), "ip {arguments:?}");
}
