//! From this process to a VMM, as a script would start one: network namespace, TAP device, a root of
//! its own, the memory's plan, `exec`. As root, with all that root may do.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::mount::{MountPropagationFlags, mount_bind_recursive, mount_change};
use rustix::process::Signal;
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

use crate::Result;
use crate::arguments::Arguments;
use crate::plan;

/// Where Roost's command line has the TAP device.
const TAP: RawFd = 3;

/// `--root --vm [--kernel] [--netns] [--generation] --memory mapped|paged -- COMMAND…`: the folder `vm` holds
/// `ram`, the file in whose place the memory is given.
pub fn become_machine(arguments: &Arguments) -> Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // Memory is told apart by pages, as Roost does.
    rustix::thread::disable_transparent_huge_pages(true)?;
    let (root, vm) = (arguments.path("root")?, arguments.path("vm")?);
    let paged = arguments.text("memory")? == "paged";
    let generation = arguments.optional("generation").map(Path::new);
    plan::inherit(&vm.join("ram"), generation, paged)?;
    if let Some(netns) = arguments.optional("netns") {
        let kind = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(File::open(netns)?.as_fd(), kind)?;
        plan::put(open_tap()?, TAP)?;
    }
    // SAFETY: one thread, and nothing that it holds depends on where things are mounted.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private)?;
    mount_bind_recursive(vm, root.join("vm"))?;
    mount_bind_recursive("/dev", root.join("dev"))?;
    if let Some(kernel) = arguments.optional("kernel") {
        mount_bind_recursive(kernel, root.join("kernel"))?;
    }
    rustix::process::chroot(root)?;
    rustix::process::chdir("/")?;
    let [program, words @ ..] = &arguments.rest[..] else {
        return Err("no command".into());
    };
    Err(Command::new(program)
        .args(words)
        .env_clear()
        .env("LD_PRELOAD", "/vm/preload.so")
        .env(memory_plan::VARIABLE, plan::PLAN.to_string())
        .exec()
        .into())
}

fn open_tap() -> Result<File> {
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/net/tun")?;
    let mut request = libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru {
            ifru_flags: (libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR) as i16,
        },
    };
    let name = CString::new("tap0")?;
    for (to, from) in request.ifr_name.iter_mut().zip(name.as_bytes()) {
        *to = from.cast_signed();
    }
    // SAFETY: TUNSETIFF reads and writes one ifreq, which this is.
    match unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF as _, &raw mut request) } {
        0 => Ok(device),
        _ => Err(std::io::Error::last_os_error().into()),
    }
}
