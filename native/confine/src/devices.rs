//! A `/dev` with only what is needed.
//!
//! The nodes are made anew in a small tmpfs (the only mount here that lets device nodes work), not
//! bound from the host: so the host's owners and modes, which differ from one distribution to the
//! next (`/dev/kvm` is often 0660, group `kvm`), neither matter nor need changing, and no
//! supplementary group is needed to open them.

use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use rustix::fs::{AtFlags, FileType, Gid, Mode, Uid, chmodat, chownat, mknodat};
use rustix::mount::MountAttrFlags;

use crate::{Failure, Result, WhileDoing, mounts};

/// A device that a confined process may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// `/dev/null`
    Null,
    /// `/dev/zero`
    Zero,
    /// `/dev/random`
    Random,
    /// `/dev/urandom`
    Urandom,
    /// `/dev/kvm`: the only one that is not for everybody
    Kvm,
}

impl Device {
    /// Its name in `/dev`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Zero => "zero",
            Self::Random => "random",
            Self::Urandom => "urandom",
            Self::Kvm => "kvm",
        }
    }
}

/// An unattached read-only folder with the nodes in `wanted`: `kvm` with mode 0600 and owned by
/// `uid` and `gid`, the others open to all, as everywhere. Each must exist on the host, whose
/// device numbers they get.
pub fn folder(wanted: &[Device], uid: u32, gid: u32) -> Result<OwnedFd> {
    let folder = mounts::tmpfs(
        64 * 1024,
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC,
    )?;
    for &device in wanted {
        let of_host = format!("/dev/{}", device.name());
        let facts =
            std::fs::metadata(&of_host).while_doing(|| format!("look at the device {of_host}"))?;
        if !facts.file_type().is_char_device() {
            return Err(Failure::new(format!("{of_host} is not a device")));
        }
        make_node(&folder, device, facts.rdev(), uid, gid)
            .while_doing(|| format!("make a node for {of_host}"))?;
    }
    mounts::restrict(
        std::os::fd::AsFd::as_fd(&folder),
        MountAttrFlags::MOUNT_ATTR_RDONLY,
    )
    .while_doing(|| "make the devices' folder read-only".into())?;
    Ok(folder)
}

fn make_node(
    folder: &OwnedFd,
    device: Device,
    number: u64,
    uid: u32,
    gid: u32,
) -> rustix::io::Result<()> {
    let name = device.name();
    let for_its_owner = Mode::RUSR | Mode::WUSR;
    mknodat(
        folder,
        name,
        FileType::CharacterDevice,
        for_its_owner,
        number,
    )?;
    if device == Device::Kvm {
        chownat(
            folder,
            name,
            Some(Uid::from_raw(uid)),
            Some(Gid::from_raw(gid)),
            AtFlags::SYMLINK_NOFOLLOW,
        )
    } else {
        // Not at its making: there the umask would have its say.
        chmodat(folder, name, Mode::from_raw_mode(0o666), AtFlags::empty())
    }
}
