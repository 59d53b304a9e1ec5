//! The command line of `envd serve`. People do not type it: PID 1 does, and tests.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::RawFd;
use std::path::PathBuf;

/// What is said to someone who types it nevertheless.
pub const USAGE: &str = "\
usage: envd serve --listen ADDRESS:PORT --gateway IP [--guest] [--cgroup FOLDER] [--session-fd N]
       envd            (as PID 1 of a guest)";

/// How a server runs.
#[derive(Debug, PartialEq, Eq)]
pub struct Serve {
    /// Where it listens; port 0 lets the kernel choose.
    pub listen: SocketAddr,
    /// The address whose `/init` and `/snapshot/prepare` are taken.
    pub gateway: IpAddr,
    /// The machine is the server's own: `/init` sets its clock, names and random pool.
    pub guest: bool,
    /// The cgroup (v2) that users' processes enter, where there is such a folder.
    pub cgroup: PathBuf,
    /// A memory file, inherited, that keeps the session from one server to the next.
    pub session: Option<RawFd>,
}

impl Serve {
    /// Reads the arguments after `serve`; the error is one sentence.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut listen, mut gateway, mut guest, mut session) = (None, None, false, None);
        let mut cgroup = PathBuf::from(crate::boot::USERS_CGROUP);
        while let Some(name) = arguments.next() {
            if name == "--guest" {
                guest = true;
                continue;
            }
            let value = arguments
                .next()
                .ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--listen" => {
                    listen = Some(
                        value
                            .parse()
                            .map_err(|_| format!("--listen: {value} is no ADDRESS:PORT"))?,
                    )
                }
                "--gateway" => {
                    gateway = Some(
                        value
                            .parse()
                            .map_err(|_| format!("--gateway: {value} is no IP address"))?,
                    )
                }
                "--session-fd" => {
                    session = Some(
                        value
                            .parse()
                            .map_err(|_| format!("--session-fd: {value} is no number"))?,
                    )
                }
                "--cgroup" => cgroup = value.into(),
                _ => return Err(format!("{name} is not known")),
            }
        }
        Ok(Self {
            listen: listen.ok_or("--listen is missing")?,
            gateway: gateway.ok_or("--gateway is missing")?,
            guest,
            cgroup,
            session,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Serve, String> {
        Serve::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn who_is_trusted_is_always_said() {
        let serve = parse("--listen 127.0.0.1:0 --gateway 127.0.0.1").unwrap();
        assert!(!serve.guest && serve.session.is_none());
        assert_eq!(
            parse("--listen 127.0.0.1:0").unwrap_err(),
            "--gateway is missing"
        );
        assert_eq!(
            parse("--listen nowhere").unwrap_err(),
            "--listen: nowhere is no ADDRESS:PORT"
        );
        assert_eq!(parse("--listen").unwrap_err(), "--listen needs a value");
        assert_eq!(parse("--more 1").unwrap_err(), "--more is not known");
    }
}
