//! Names: the host's own, `/etc/resolv.conf` and `/etc/hosts`. An image may hold anything there, or nothing.

use std::fs;
use std::io;
use std::path::Path;

use super::console;
use super::failure::Step;

const HOSTS: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

/// Sets what a guest needs before anyone told it who it is. Nothing here may stop a boot: what fails is said.
pub fn assume(nameserver: std::net::Ipv4Addr) {
    let outcomes = [
        rustix::system::sethostname(image_hostname().as_bytes()).step("set the host name"),
        write_in_place(
            Path::new("/etc/resolv.conf"),
            &format!("nameserver {nameserver}\n"),
        )
        .step("write /etc/resolv.conf"),
        write_if_missing(Path::new("/etc/hosts"), HOSTS).step("write /etc/hosts"),
    ];
    for failure in outcomes.into_iter().filter_map(Result::err) {
        console::complain(&failure.to_string());
    }
}

fn image_hostname() -> String {
    let name = fs::read_to_string("/etc/hostname").unwrap_or_default();
    match name.trim() {
        "" => "sandbox".to_owned(),
        name => name.chars().take(64).collect(),
    }
}

/// Makes `path` a regular file with this content. A symlink there is replaced, not followed: distributions point
/// resolv.conf into /run, at a file of a resolver that does not run here. An equal file is left alone, so that a boot
/// does not dirty the disk.
fn write_in_place(path: &Path, content: &str) -> io::Result<()> {
    let is_file = fs::symlink_metadata(path).map(|metadata| metadata.is_file());
    match is_file {
        Ok(true) if fs::read(path)? == content.as_bytes() => return Ok(()),
        Ok(false) => fs::remove_file(path)?,
        Ok(true) | Err(_) => {}
    }
    create(path, content)
}

fn write_if_missing(path: &Path, content: &str) -> io::Result<()> {
    if path.exists() {
        Ok(())
    } else {
        create(path, content)
    }
}

fn create(path: &Path, content: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn folder(name: &str) -> std::path::PathBuf {
        let path =
            std::env::temp_dir().join(format!("envd-identity-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        path
    }

    #[test]
    fn a_dangling_resolv_conf_becomes_a_file() {
        let folder = folder("dangling");
        let path = folder.join("resolv.conf");
        symlink("../run/systemd/resolve/stub-resolv.conf", &path).unwrap();
        write_in_place(&path, "nameserver 1.2.3.4\n").unwrap();
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(fs::read_to_string(&path).unwrap(), "nameserver 1.2.3.4\n");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_equal_file_is_not_written_again() {
        let folder = folder("equal");
        let path = folder.join("resolv.conf");
        write_in_place(&path, "same").unwrap();
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        write_in_place(&path, "same").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_image_without_etc_gets_its_hosts() {
        let folder = folder("hosts");
        let path = folder.join("etc/hosts");
        write_if_missing(&path, HOSTS).unwrap();
        write_if_missing(&path, "other").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), HOSTS);
        fs::remove_dir_all(folder).unwrap();
    }
}
