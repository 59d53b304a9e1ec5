//! The kernel's file systems in the guest. Any root disk will do: mount points that an image lacks are made.

use std::ffi::CStr;
use std::fs;
use std::os::unix::fs::symlink;

use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};

use super::console;
use super::failure::{Failure, Step};

/// Where users' processes live; `/snapshot/prepare` freezes it.
pub const USERS_CGROUP: &str = "/sys/fs/cgroup/user";

struct Place {
    kind: &'static str,
    target: &'static str,
    flags: MountFlags,
    options: &'static CStr,
    /// Without these nothing works; of the others the guest says that they are missing, and goes on.
    needed: bool,
}

const PLACES: &[Place] = &[
    Place {
        kind: "proc",
        target: "/proc",
        flags: SEALED,
        options: c"",
        needed: true,
    },
    Place {
        kind: "sysfs",
        target: "/sys",
        flags: SEALED,
        options: c"",
        needed: true,
    },
    Place {
        kind: "devtmpfs",
        target: "/dev",
        flags: MountFlags::NOSUID,
        options: c"",
        needed: true,
    },
    Place {
        kind: "devpts",
        target: "/dev/pts",
        flags: NO_DEVICE_BINARY,
        options: c"gid=5,mode=620,ptmxmode=666",
        needed: false,
    },
    Place {
        kind: "tmpfs",
        target: "/dev/shm",
        flags: PLAIN,
        options: c"mode=1777",
        needed: false,
    },
    Place {
        kind: "tmpfs",
        target: "/run",
        flags: PLAIN,
        options: c"mode=755",
        needed: false,
    },
    Place {
        kind: "tmpfs",
        target: "/tmp",
        flags: PLAIN,
        options: c"mode=1777",
        needed: false,
    },
    Place {
        kind: "cgroup2",
        target: "/sys/fs/cgroup",
        flags: SEALED,
        options: c"",
        needed: false,
    },
];

const PLAIN: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);
const SEALED: MountFlags = PLAIN.union(MountFlags::NOEXEC);
/// devpts holds devices, so it may not be `nodev`.
const NO_DEVICE_BINARY: MountFlags = MountFlags::NOSUID.union(MountFlags::NOEXEC);

/// What programs expect in /dev beside the kernel's nodes; bash's `<(…)` needs the first.
const DEV_LINKS: &[(&str, &str)] = &[
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
];

/// Mounts them all and makes the users' cgroup.
pub fn make() -> Result<(), Failure> {
    for place in PLACES {
        match attach(place) {
            Err(failure) if place.needed => return Err(failure),
            Err(failure) => console::complain(&failure.to_string()),
            Ok(()) => {}
        }
    }
    for (target, link) in DEV_LINKS {
        let _ = symlink(target, link);
    }
    if let Err(failure) = fs::create_dir_all(USERS_CGROUP).step(format!("make {USERS_CGROUP}")) {
        console::complain(&failure.to_string());
    }
    Ok(())
}

fn attach(place: &Place) -> Result<(), Failure> {
    fs::create_dir_all(place.target).step(format!("make {}", place.target))?;
    match mount(
        place.kind,
        place.target,
        place.kind,
        place.flags,
        place.options,
    ) {
        // The kernel mounted it already (devtmpfs with CONFIG_DEVTMPFS_MOUNT).
        Ok(()) | Err(Errno::BUSY) => Ok(()),
        Err(errno) => Err(errno).step(format!("mount {}", place.target)),
    }
}
