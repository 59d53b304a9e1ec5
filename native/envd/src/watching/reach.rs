//! Which file systems are watched. Of a change that another machine makes on a network mount the kernel learns nothing, so
//! watching one is refused unless the client knows that; and the kernel's own file systems change without telling.

use std::io;
use std::path::Path;

use rustix::fs::statfs;

/// By the kernel's magic numbers (linux/magic.h): NFS, CIFS, SMB, SMB2, FUSE, 9p, Ceph, AFS, Coda.
const NETWORK: [u32; 9] = [
    0x6969,
    0xFF53_4D42,
    0x517B,
    0xFE53_4D42,
    0x6573_5546,
    0x0102_1997,
    0x00C3_6400,
    0x5346_414F,
    0x7375_7245,
];

/// proc, sysfs, cgroup2, devpts, debugfs, tracefs, bpf.
const KERNEL: [u32; 7] = [
    0x9FA0,
    0x6265_6572,
    0x6367_7270,
    0x1CD1,
    0x6462_6720,
    0x7472_6163,
    0xCAFE_4A11,
];

/// What kind of file system a folder is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    Local,
    Network,
    Kernel,
}

/// That of this path. Of a mount that answers nobody this is still answered.
pub fn ground(path: &Path) -> io::Result<Ground> {
    // The numbers have 32 bits, the field's width is the machine's.
    Ok(of(statfs(path)?.f_type as u32))
}

fn of(magic: u32) -> Ground {
    if NETWORK.contains(&magic) {
        Ground::Network
    } else if KERNEL.contains(&magic) {
        Ground::Kernel
    } else {
        Ground::Local
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_are_told_apart() {
        assert_eq!(ground(Path::new("/proc")).unwrap(), Ground::Kernel);
        assert_eq!(ground(Path::new("/")).unwrap(), Ground::Local);
        assert_eq!(of(0x6573_5546), Ground::Network);
        // As a 64-bit field may hold it, with its sign.
        assert_eq!(of(0xFFFF_FFFF_FF53_4D42_u64 as u32), Ground::Network);
    }
}
