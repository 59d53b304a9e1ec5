//! Giving up root, for good.

use rustix::fs::{Gid, Uid};
use rustix::io::Errno;
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits,
    set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use crate::{Failure, Result, WhileDoing};

/// Becomes `uid` and `gid` (real, effective, saved, file system), without supplementary groups,
/// without a capability in any of the five sets, and without any way to gain one: not by a set-uid
/// program, not by file capabilities, not by becoming uid 0. Nor with a key in its hands that root
/// has put in its session's keyring.
///
/// Takes away the parent-death signal and, as every change of user, makes the process non-dumpable
/// until it executes a program.
pub fn drop_to(uid: u32, gid: u32) -> Result<()> {
    // To the kernel -1 means "leave it as it is": as user that would be root.
    if [uid, gid].iter().any(|id| [0, u32::MAX].contains(id)) {
        return Err(Failure::new(format!(
            "refuse to run as user {uid}, group {gid}"
        )));
    }
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));

    lock_secure_bits().while_doing(|| "lock the secure bits".into())?;
    empty_bounding_set().while_doing(|| "empty the capability bounding set".into())?;
    set_thread_groups(&[]).while_doing(|| "leave all groups".into())?;
    set_thread_res_gid(gid, gid, gid).while_doing(|| format!("become group {gid}"))?;
    set_thread_res_uid(uid, uid, uid).while_doing(|| format!("become user {uid}"))?;
    clear_ambient_capability_set().while_doing(|| "clear the ambient capabilities".into())?;
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, none).while_doing(|| "clear the capabilities".into())?;
    set_no_new_privs(true).while_doing(|| "set no_new_privs".into())?;
    leave_session_keyring().while_doing(|| "leave the session keyring".into())
}

/// Uid 0 means nothing special any more to this process and its descendants, and they cannot change
/// that.
fn lock_secure_bits() -> rustix::io::Result<()> {
    type Bits = CapabilitiesSecureBits;
    set_capabilities_secure_bits(
        Bits::NO_ROOT
            | Bits::NO_ROOT_LOCKED
            | Bits::KEEP_CAPS_LOCKED
            | Bits::NO_CAP_AMBIENT_RAISE
            | Bits::NO_CAP_AMBIENT_RAISE_LOCKED,
    )
}

/// The kernel has as many capabilities as it has; the first that it does not know ends the list.
fn empty_bounding_set() -> rustix::io::Result<()> {
    for number in 0..u64::BITS {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            Err(Errno::INVAL) if number > 0 => break,
            other => other?,
        }
    }
    Ok(())
}

/// Possession of a keyring is inherited, whatever the user: so begin a new one, which is empty.
fn leave_session_keyring() -> std::io::Result<()> {
    const ANONYMOUS: *const libc::c_char = std::ptr::null();
    // SAFETY: a null name is allowed, and stands for a keyring without one.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            libc::KEYCTL_JOIN_SESSION_KEYRING,
            ANONYMOUS,
        )
    };
    match std::io::Error::last_os_error() {
        // A kernel without keys has none to hide.
        error if answer < 0 && error.raw_os_error() != Some(libc::ENOSYS) => Err(error),
        _ => Ok(()),
    }
}
