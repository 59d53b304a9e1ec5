//! From the initramfs to the root disk: wait for it, mount it, make it `/`.

use std::ffi::CString;
use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_move, unmount};

use super::failure::{Failure, Step};

const DISK: &str = "/dev/vda";
const NEW_ROOT: &str = "/newroot";

/// A driver finds its device as it is loaded; only a device on a slow bus comes later.
const DISK_WAIT: Duration = Duration::from_secs(10);

/// Makes the file system on the first virtio disk the root of this process and all that follow. Leaves nothing mounted
/// but that.
pub fn switch() -> Result<(), Failure> {
    mount_dev("/dev")?;
    super::modules::load(Path::new("/modules"))?;
    wait_for_disk(Path::new(DISK), DISK_WAIT)?;

    make_folder(NEW_ROOT)?;
    // The kernel replays the journal of a disk that was not unmounted: a killed VM is the usual case, not an accident.
    // Without access times: reading a file must not make a page dirty, or snapshots of idle guests would grow.
    mount(
        DISK,
        NEW_ROOT,
        "ext4",
        MountFlags::NOATIME,
        None::<&std::ffi::CStr>,
    )
    .step(format!("mount {DISK} (ext4) as the root"))?;
    forget_modules();
    unmount("/dev", UnmountFlags::DETACH).step("unmount the initramfs's /dev")?;

    rustix::process::chdir(NEW_ROOT).step("enter the new root")?;
    mount_move(".", "/").step("move the root disk to /")?;
    rustix::process::chroot(".").step("chroot")?;
    rustix::process::chdir("/").step("enter /")
}

fn mount_dev(target: &str) -> Result<(), Failure> {
    make_folder(target)?;
    match mount(
        "dev",
        target,
        "devtmpfs",
        MountFlags::NOSUID,
        None::<&std::ffi::CStr>,
    ) {
        Ok(()) | Err(Errno::BUSY) => Ok(()),
        Err(errno) => Err(errno).step(format!("mount {target}")),
    }
}

fn make_folder(path: &str) -> Result<(), Failure> {
    fs::create_dir_all(path).step(format!("make {path}"))
}

/// The initramfs stays in memory as the lowest mount, out of sight; its modules need not.
fn forget_modules() {
    let _ = fs::remove_dir_all("/modules");
}

fn wait_for_disk(disk: &Path, patience: Duration) -> Result<(), Failure> {
    let folder = disk.parent().unwrap_or(Path::new("/"));
    let watch = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)
        .step("inotify")?;
    let folder_name = CString::new(folder.as_os_str().as_encoded_bytes())
        .map_err(std::io::Error::from)
        .step("inotify")?;
    inotify::add_watch(&watch, folder_name.as_c_str(), inotify::WatchFlags::CREATE)
        .step(format!("watch {}", folder.display()))?;

    let deadline = Instant::now() + patience;
    while !is_block_device(disk) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(std::io::Error::new(
                std::io::ErrorKind::NotFound,
                "no such disk appeared",
            ))
            .step(format!(
                "wait {} s for {}",
                patience.as_secs(),
                disk.display()
            ));
        }
        let timeout = Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        match poll(&mut [PollFd::new(&watch, PollFlags::IN)], Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno).step("wait for the disk"),
        }
        // What the events say does not matter, only that the queue is empty before the next look.
        let mut buffer = [MaybeUninit::uninit(); 1024];
        let mut events = inotify::Reader::new(&watch, &mut buffer);
        while events.next().is_ok() {}
    }
    Ok(())
}

fn is_block_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_block_device())
}
