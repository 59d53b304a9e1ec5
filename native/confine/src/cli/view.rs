//! What the confined program sees of the machine's folders.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use confine::mounts::{self, CAREFUL};
use confine::{Failure, Result, WhileDoing};
use rustix::fs::{FileType, Mode};
use rustix::mount::MountAttrFlags;

use crate::arguments::{Arguments, Bind};
use crate::user_names;

/// Folders made on the way to a mount point are all that a hiding tmpfs ever holds.
const HIDING_BYTES: u32 = 64 * 1024;

/// Hides what is to be hidden, then puts the binds in place, in their order.
///
/// The sources are taken before anything is hidden and the targets after: so a folder that lies
/// deep in a hidden place, as a checkout in a home that only its owner may enter, can be shown from
/// there, and even at its own path.
pub fn arrange(arguments: &Arguments) -> Result<()> {
    let sources = arguments
        .binds
        .iter()
        .map(|bind| mounts::copy(&bind.source, bind.attributes))
        .collect::<Result<Vec<_>>>()?;
    let hiding = arguments
        .hidden
        .iter()
        .map(|path| hide(path))
        .collect::<Result<Vec<_>>>()?;
    for (bind, source) in arguments.binds.iter().zip(&sources) {
        show(bind, source)?;
    }
    for tmpfs in &hiding {
        mounts::restrict(tmpfs.as_fd(), MountAttrFlags::MOUNT_ATTR_RDONLY)
            .while_doing(|| "make what hides a folder read-only".into())?;
    }
    match &arguments.user_name {
        Some(name) => user_names::add(name, arguments.uid, arguments.gid),
        None => Ok(()),
    }
}

fn hide(path: &Path) -> Result<OwnedFd> {
    if !path.is_dir() {
        return Err(Failure::new(format!(
            "hide {}: it is not a folder",
            path.display()
        )));
    }
    let place = mounts::place(path)?;
    let tmpfs = mounts::tmpfs(HIDING_BYTES, CAREFUL | MountAttrFlags::MOUNT_ATTR_NOEXEC)?;
    mounts::attach(tmpfs.as_fd(), place.as_fd())
        .while_doing(|| format!("hide {}", path.display()))?;
    Ok(tmpfs)
}

/// Mounts `source` on the bind's target, which is made if it is not there.
fn show(bind: &Bind, source: &OwnedFd) -> Result<()> {
    let (from, to) = (bind.source.display(), bind.target.display());
    if !bind.target.exists() {
        make_target(source, &bind.target).while_doing(|| format!("make the mount point {to}"))?;
    }
    let place = mounts::place(&bind.target)?;
    mounts::attach(source.as_fd(), place.as_fd()).while_doing(|| format!("mount {from} on {to}"))
}

/// A folder or an empty file, as `source` is, with the folders above it: open to all, whatever the
/// umask, since it is not root who will go there.
fn make_target(source: &OwnedFd, target: &Path) -> std::io::Result<()> {
    let is_folder = FileType::from_raw_mode(rustix::fs::fstat(source)?.st_mode).is_dir();
    let umask = rustix::process::umask(Mode::WGRP | Mode::WOTH);
    let made = if is_folder {
        std::fs::create_dir_all(target)
    } else {
        std::fs::create_dir_all(target.parent().unwrap_or(Path::new("/")))
            .and_then(|()| std::fs::File::create_new(target).map(drop))
    };
    rustix::process::umask(umask);
    made
}
