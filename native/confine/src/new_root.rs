//! Building another `/`: a read-only folder of the host with a few mounts in it, then nothing of
//! the host but that.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::mount::MountAttrFlags;

use crate::devices::{self, Device};
use crate::mounts::{self, CAREFUL};
use crate::{Result, WhileDoing};

/// What may be done with a folder that is mounted in the new root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read, and execute.
    ReadOnly,
    /// Read and write, but not execute: what the confined process wrote it cannot run.
    ReadWrite,
}

/// A root that is being built. The process must have a mount namespace of its own, cut from the
/// host.
pub struct NewRoot {
    folder: PathBuf,
    mount: OwnedFd,
}

impl NewRoot {
    /// Begins with `folder`: read-only, without set-uid programs and device nodes, and without what
    /// is mounted below it.
    pub fn from_folder(folder: &Path) -> Result<Self> {
        let mount = mounts::copy(folder, CAREFUL | MountAttrFlags::MOUNT_ATTR_RDONLY)?;
        let place = mounts::place(folder)?;
        mounts::attach(mount.as_fd(), place.as_fd())
            .while_doing(|| format!("mount {} on itself", folder.display()))?;
        Ok(Self {
            folder: folder.into(),
            mount,
        })
    }

    /// Mounts `source`, a path of the host, on `target`, an existing path of the new root.
    pub fn mount(&self, source: &Path, target: &Path, access: Access) -> Result<()> {
        let restriction = match access {
            Access::ReadOnly => MountAttrFlags::MOUNT_ATTR_RDONLY,
            Access::ReadWrite => MountAttrFlags::MOUNT_ATTR_NOEXEC,
        };
        let mount = mounts::copy(source, CAREFUL | restriction)?;
        self.attach(&mount, target, || source.display().to_string())
    }

    /// Mounts a fresh `/dev` that holds these device nodes and nothing else; see [`devices`] for
    /// whose they are.
    pub fn mount_devices(&self, wanted: &[Device], uid: u32, gid: u32) -> Result<()> {
        let mount = devices::folder(wanted, uid, gid)?;
        self.attach(&mount, Path::new("/dev"), || "the devices".into())
    }

    /// Makes it `/`, for this process and its children to come. Nothing of the old root can be
    /// named any more.
    pub fn enter(self) -> Result<()> {
        let enter = || -> rustix::io::Result<()> {
            rustix::process::fchdir(&self.mount)?;
            // The old root ends up mounted over the new one, in the very place where we stand, and
            // is taken off there: so no folder for it is needed inside the new root.
            rustix::process::pivot_root(".", ".")?;
            rustix::mount::unmount(".", rustix::mount::UnmountFlags::DETACH)?;
            rustix::process::chdir("/")
        };
        enter().while_doing(|| format!("make {} the root", self.folder.display()))
    }

    /// `target` is resolved as if the new root were `/` already, so that a symbolic link in it
    /// cannot point at the host.
    fn attach(&self, mount: &OwnedFd, target: &Path, source: impl Fn() -> String) -> Result<()> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        openat2(
            &self.mount,
            target,
            OFlags::PATH | OFlags::CLOEXEC,
            Mode::empty(),
            resolve,
        )
        .and_then(|place| mounts::attach(mount.as_fd(), place.as_fd()))
        .while_doing(|| {
            format!(
                "mount {} on {} in {}",
                source(),
                target.display(),
                self.folder.display()
            )
        })
    }
}
