//! The machine around the server, as far as `/init` changes it: clock, random pool, names, trusted certificates. Only a guest
//! of its own has one; a server under test leaves its machine alone.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use rustix::time::{ClockId, Timespec, clock_settime};

const EXTRA_CERTIFICATES: &str = "/usr/local/share/ca-certificates/roost.crt";
/// Where most distributions keep all certificates in one file.
const TRUSTED: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Marks the line of /etc/hosts that is ours to replace.
const HOSTS_MARK: &str = "# roost";

/// `_IOW('R', 3, int[2])` and `_IO('R', 7)`: random(4).
const RNDADDENTROPY: libc::Ioctl = 0x4008_5203;
const RNDRESEEDCRNG: libc::Ioctl = 0x5207;

/// The most entropy taken at once: far more than the pool can hold.
pub const MOST_ENTROPY: usize = 512;

/// This machine.
#[derive(Debug)]
pub struct Guest;

impl Guest {
    /// Sets the wall clock.
    pub fn set_clock(&self, seconds: i64, nanoseconds: i32) -> io::Result<()> {
        let time = Timespec {
            tv_sec: seconds,
            tv_nsec: nanoseconds.into(),
        };
        Ok(clock_settime(ClockId::Realtime, time)?)
    }

    /// Mixes in randomness that no other clone has, and makes the kernel use it at once.
    pub fn stir_random_pool(&self, entropy: &[u8]) -> io::Result<()> {
        let pool = File::options().write(true).open("/dev/urandom")?;
        let entropy = &entropy[..entropy.len().min(MOST_ENTROPY)];
        let words = MOST_ENTROPY / size_of::<u32>();
        // struct rand_pool_info: bits, bytes, the bytes themselves.
        let mut info = vec![0_u32; 2 + words];
        info[0] = entropy.len() as u32 * 8;
        info[1] = entropy.len() as u32;
        for (word, bytes) in info[2..].iter_mut().zip(entropy.chunks(size_of::<u32>())) {
            let mut whole = [0; 4];
            whole[..bytes.len()].copy_from_slice(bytes);
            *word = u32::from_ne_bytes(whole);
        }
        // SAFETY: `info` is a rand_pool_info whose byte count is within its buffer; it lives through the call, which only
        // reads it.
        let added = unsafe { libc::ioctl(pool.as_raw_fd(), RNDADDENTROPY, info.as_ptr()) };
        if added < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: takes no argument.
        let reseeded = unsafe { libc::ioctl(pool.as_raw_fd(), RNDRESEEDCRNG) };
        if reseeded < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    /// Sets the host name.
    pub fn set_hostname(&self, name: &str) -> io::Result<()> {
        Ok(rustix::system::sethostname(name.as_bytes())?)
    }

    /// Writes the host name down, and lets it resolve: `sudo` complains of a name that does not.
    pub fn record_hostname(&self, name: &str) -> io::Result<()> {
        replace(Path::new("/etc/hostname"), &format!("{name}\n"))?;
        let hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
        replace(Path::new("/etc/hosts"), &with_own_name(&hosts, name))
    }

    /// The machine's own id (32 hexadecimal digits), for those who ask D-Bus or systemd's libraries.
    pub fn record_machine_id(&self, id: &str) -> io::Result<()> {
        replace(Path::new("/etc/machine-id"), &format!("{id}\n"))
    }

    /// Adds certificates to those that programs trust.
    pub fn trust(&self, bundle: &str) -> io::Result<()> {
        replace(Path::new(EXTRA_CERTIFICATES), bundle)?;
        match fs::read_to_string(TRUSTED) {
            Ok(trusted) if !trusted.contains(bundle.trim()) => replace(
                Path::new(TRUSTED),
                &format!("{}\n{bundle}", trusted.trim_end()),
            ),
            // An image without certificates gets them when its package is installed, which collects ours too.
            _ => Ok(()),
        }
    }
}

/// The file has this content, or the one it had: never half of it, also on a full disk. An equal one is left alone, so that a
/// restore that changes nothing dirties nothing.
fn replace(path: &Path, content: &str) -> io::Result<()> {
    if fs::read(path).is_ok_and(|before| before == content.as_bytes()) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let new = path.with_extension("roost-new");
    fs::write(&new, content)
        .and_then(|()| fs::rename(&new, path))
        .inspect_err(|_| {
            let _ = fs::remove_file(&new);
        })
}

fn with_own_name(hosts: &str, name: &str) -> String {
    let mut lines: Vec<&str> = hosts
        .lines()
        .filter(|line| !line.ends_with(HOSTS_MARK))
        .collect();
    let own = format!("127.0.1.1\t{name} {HOSTS_MARK}");
    lines.push(&own);
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_name_replaces_the_old_one_and_nothing_else() {
        let first = with_own_name("127.0.0.1\tlocalhost\n", "one");
        assert_eq!(first, "127.0.0.1\tlocalhost\n127.0.1.1\tone # roost\n");
        assert_eq!(
            with_own_name(&first, "two"),
            "127.0.0.1\tlocalhost\n127.0.1.1\ttwo # roost\n"
        );
    }
}
