//! Putting one generation in the place of another, in a single step: at every moment, and also after a
//! loss of power, either the one or the other is there.

use std::path::Path;

use confine::{Failure, Result, WhileDoing};
use rustix::fs::{CWD, Mode, OFlags, RenameFlags};

/// Exchanges the names of two folders that lie in the same one. On the disk when it returns.
pub fn exchange(one: &Path, other: &Path) -> Result<()> {
    let parent = one.parent().filter(|_| one.parent() == other.parent());
    let parent = parent.ok_or_else(|| {
        Failure::new(format!(
            "{} and {} do not lie in the same folder",
            one.display(),
            other.display()
        ))
    })?;
    rustix::fs::renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)
        .while_doing(|| format!("exchange {} and {}", one.display(), other.display()))?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(parent, flags, Mode::empty())
        .and_then(rustix::fs::fsync)
        .while_doing(|| format!("fsync {}", parent.display()))
}
