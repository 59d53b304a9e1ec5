//! What the confined program sees of the machine's folders.

use std::fs::DirBuilder;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use confine::mounts::{self, CAREFUL};
use confine::{Failure, Result, WhileDoing};
use rustix::fs::Mode;
use rustix::mount::MountAttrFlags;

use crate::arguments::Arguments;
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
        show(source, &bind.target).while_doing(|| {
            format!(
                "mount {} on {}",
                bind.source.display(),
                bind.target.display()
            )
        })?;
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

/// Mounts `source` on `target`, which is made if it is not there, with the folders above it open to
/// all.
fn show(source: &OwnedFd, target: &Path) -> std::io::Result<()> {
    let umask = rustix::process::umask(Mode::WGRP | Mode::WOTH);
    let made = make_target(source, target);
    rustix::process::umask(umask);
    made?;
    let place = rustix::fs::open(
        target,
        rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    Ok(mounts::attach(source.as_fd(), place.as_fd())?)
}

fn make_target(source: &OwnedFd, target: &Path) -> std::io::Result<()> {
    if target.exists() {
        return Ok(());
    }
    let mut folders = DirBuilder::new();
    folders.recursive(true).mode(0o755);
    let is_folder =
        rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(source)?.st_mode).is_dir();
    if is_folder {
        return folders.create(target);
    }
    folders.create(target.parent().unwrap_or(Path::new("/")))?;
    std::fs::File::create_new(target).map(drop)
}
