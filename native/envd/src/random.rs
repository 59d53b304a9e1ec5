//! Names that nobody else has thought of.

use std::io;

use rustix::rand::{GetRandomFlags, getrandom};

/// Sixteen hexadecimal digits.
pub fn name() -> io::Result<String> {
    let mut bytes = [0; 8];
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}
