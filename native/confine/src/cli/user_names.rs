//! A name for a user that the machine does not know.
//!
//! Some programs (initdb, ssh) refuse to run as a user without one. The machine's own files are not
//! touched: the program sees copies of them with a line more.

use std::fs::{File, Permissions};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use confine::mounts::{self, CAREFUL};
use confine::{Result, WhileDoing};
use rustix::fs::{Mode, OFlags};
use rustix::mount::MountAttrFlags;

const FOLDER: &str = "/etc";
/// Room for the two files' pages.
const SPARE_BYTES: usize = 64 * 1024;

/// From here on `uid` is called `name`, and so is the group `gid`, in this mount namespace.
pub fn add(name: &str, uid: u32, gid: u32) -> Result<()> {
    let files = [
        (
            "passwd",
            format!("{name}:x:{uid}:{gid}::/nonexistent:/usr/sbin/nologin\n"),
            uid,
        ),
        ("group", format!("{name}:x:{gid}:\n"), gid),
    ];
    // The places are taken while they can be seen: below, something else is called /etc for a
    // moment.
    let mut copies = Vec::new();
    for (file, line, number) in files {
        let path = Path::new(FOLDER).join(file);
        let known = std::fs::read(&path).while_doing(|| format!("read {}", path.display()))?;
        let place = mounts::place(&path)?;
        copies.push((file, with_line(&known, name, number, &line), place));
    }

    // A copy lives in a tmpfs that has no name. Before Linux 6.15 only what is mounted somewhere
    // can be bind-mounted elsewhere, so the tmpfs is, for that moment, over /etc, where nobody but
    // this process looks.
    let bytes = SPARE_BYTES + copies.iter().map(|(_, text, _)| text.len()).sum::<usize>();
    let tmpfs = mounts::tmpfs(u32::try_from(bytes).unwrap_or(u32::MAX), CAREFUL)?;
    mounts::attach(tmpfs.as_fd(), mounts::place(Path::new(FOLDER))?.as_fd())
        .while_doing(|| format!("mount a tmpfs on {FOLDER}"))?;
    for (file, text, place) in &copies {
        let path = Path::new(FOLDER).join(file);
        write(&tmpfs, file, text).while_doing(|| format!("copy {}", path.display()))?;
        let mount = mounts::copy(&path, CAREFUL | MountAttrFlags::MOUNT_ATTR_RDONLY)?;
        mounts::attach(mount.as_fd(), place.as_fd())
            .while_doing(|| format!("mount the copy of {}", path.display()))?;
    }
    mounts::detach(Path::new(FOLDER))
}

fn write(folder: &OwnedFd, name: &str, text: &[u8]) -> std::io::Result<()> {
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(folder, name, flags, Mode::RUSR)?);
    file.write_all(text)?;
    // Not at its making: there the umask would have its say.
    file.set_permissions(Permissions::from_mode(0o444))
}

/// A passwd or group file with `line` first, so that it is the one found, and without others of
/// that name or number.
fn with_line(file: &[u8], name: &str, number: u32, line: &str) -> Vec<u8> {
    let number = number.to_string();
    let is_other = |line: &&[u8]| {
        let mut fields = line.trim_ascii_end().split(|&byte| byte == b':');
        let (its_name, its_number) = (fields.next(), fields.nth(1));
        its_name != Some(name.as_bytes()) && its_number != Some(number.as_bytes())
    };
    [line.as_bytes()]
        .into_iter()
        .chain(file.split_inclusive(|&byte| byte == b'\n').filter(is_other))
        .collect::<Vec<_>>()
        .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_line_replaces_those_of_its_name_or_number_and_no_others() {
        let known = b"root:x:0:0::/root:/x\npg:x:5:5::/:/x\nb:x:77:77::/:/x\nc:x:770:77::/:/x";
        let text = with_line(known, "pg", 77, "pg:x:77:78::/:/y\n");
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "pg:x:77:78::/:/y\nroot:x:0:0::/root:/x\nc:x:770:77::/:/x"
        );
    }
}
