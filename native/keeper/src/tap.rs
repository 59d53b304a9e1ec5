//! Opening an existing TAP device, for the VMM to send and receive the guest's frames.

use std::fs::OpenOptions;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use confine::{Failure, Result, WhileDoing};

/// Opens the TAP device `name` of the network namespace that the process is in.
///
/// Frames carry the virtio-net header (`IFF_VNET_HDR`): QEMU asks the descriptor for it
/// (`TUNGETIFF`) and needs it for checksum and segmentation offload; Firecracker demands it.
pub fn open(name: &str) -> Result<OwnedFd> {
    let mut request = libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: 0 },
    };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    must_exist(name, &request)?;

    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/net/tun")
        .while_doing(|| "open /dev/net/tun".into())?;
    let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
    request.ifr_ifru.ifru_flags = flags as i16;
    // SAFETY: TUNSETIFF reads and writes one ifreq, which `request` is; its name ends in a NUL,
    // being shorter than IFNAMSIZ.
    let answer = unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF as _, &raw mut request) };
    if answer == 0 {
        Ok(device.into())
    } else {
        Err(std::io::Error::last_os_error())
    }
    .while_doing(|| format!("open the TAP device {name}"))
}

/// Asked to open a device that is not there, the kernel makes one: it would work, lead nowhere, and
/// hide the mistake.
fn must_exist(name: &str, request: &libc::ifreq) -> Result<()> {
    // SAFETY: the name is NUL-terminated, see above.
    match unsafe { libc::if_nametoindex(request.ifr_name.as_ptr()) } {
        0 => Err(Failure::new(format!(
            "there is no TAP device {name} in the network namespace"
        ))),
        _ => Ok(()),
    }
}
