//! The device state on its way into a VMM that waits for it.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;

use confine::{Result, WhileDoing};

/// Where QEMU listens after `migrate-incoming`.
const INCOMING: &str = "/vm/incoming.sock";
const STEP: usize = 64 * 1024;

/// Sends all of it, and answers how much that was. Waits for the VMM as long as that lives.
pub fn send(state: &File) -> Result<u64> {
    let mut stream =
        UnixStream::connect(INCOMING).while_doing(|| format!("connect to {INCOMING}"))?;
    let mut sent = 0;
    let mut buffer = vec![0; STEP];
    loop {
        let step = state
            .read_at(&mut buffer, sent)
            .while_doing(|| "read the device state".into())?;
        if step == 0 {
            return Ok(sent);
        }
        stream
            .write_all(&buffer[..step])
            .while_doing(|| "send the device state".into())?;
        sent += step as u64;
    }
}
