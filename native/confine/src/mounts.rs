//! Mounts made with descriptors: a mount is copied or created unattached, given its attributes, and
//! only then put in place, so that it is never seen half restricted. (Kernel calls of Linux 5.2;
//! `mount_setattr` of 5.12.)

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags,
    OpenTreeFlags, UnmountFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen,
    mount_change, move_mount, open_tree, unmount,
};

use crate::{Result, WhileDoing};

/// What every mount made here has: no set-uid programs, no device nodes.
pub const CAREFUL: MountAttrFlags =
    MountAttrFlags::MOUNT_ATTR_NOSUID.union(MountAttrFlags::MOUNT_ATTR_NODEV);

/// From here on no mount or unmount passes between this namespace and the one it came from.
pub fn cut_from_host() -> Result<()> {
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .while_doing(|| "make the mounts private".into())
}

/// From here on mounts made here stay here, while the host's unmounts still arrive, so that a
/// long-lived process does not keep alive every file system that the machine had mounted when it
/// was started.
pub fn hide_from_host() -> Result<()> {
    mount_change(
        "/",
        MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC,
    )
    .while_doing(|| "make the mounts one-way".into())
}

/// An unattached bind mount of `source` (a folder without what is mounted below it, or a file),
/// with `attributes` added to those it has.
pub fn copy(source: &Path, attributes: MountAttrFlags) -> Result<OwnedFd> {
    let what = || format!("copy the mount of {}", source.display());
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let tree = open_tree(CWD, source, flags).while_doing(what)?;
    restrict(tree.as_fd(), attributes).while_doing(what)?;
    Ok(tree)
}

/// An unattached, empty tmpfs, owned by root, mode 0755, that can hold `bytes`.
pub fn tmpfs(bytes: u32, attributes: MountAttrFlags) -> Result<OwnedFd> {
    let make = || -> rustix::io::Result<OwnedFd> {
        let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_set_string(context.as_fd(), "mode", "0755")?;
        fsconfig_set_string(context.as_fd(), "size", bytes.to_string())?;
        fsconfig_create(context.as_fd())?;
        fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
    };
    make().while_doing(|| "make a tmpfs".into())
}

/// Adds `attributes` to those of a mount.
pub fn restrict(mount: BorrowedFd<'_>, attributes: MountAttrFlags) -> rustix::io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: attributes.bits().into(),
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: the path is a NUL-terminated literal, and the structure is alive and of the length
    // that is passed.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const attributes,
            size_of_val(&attributes),
        )
    };
    if answer == 0 {
        Ok(())
    } else {
        Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
    }
}

/// The place `path` as it is now, to be mounted on: what is mounted over it or above it later does
/// not change what is meant.
pub fn place(path: &Path) -> Result<OwnedFd> {
    rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        .while_doing(|| format!("open {}", path.display()))
}

/// Puts an unattached mount on `place`. `mount` stays usable as a way into it.
pub fn attach(mount: BorrowedFd<'_>, place: BorrowedFd<'_>) -> rustix::io::Result<()> {
    move_mount(
        mount,
        "",
        place,
        "",
        MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH,
    )
}

/// Takes the uppermost mount off `path`, at once for all who come, and in the end when nobody uses
/// it any more.
pub fn detach(path: &Path) -> Result<()> {
    unmount(path, UnmountFlags::DETACH).while_doing(|| format!("unmount {}", path.display()))
}
