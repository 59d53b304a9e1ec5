//! The smallest page server that serves: one thread, one file that lies in the memory's order, no map, no
//! zero pages, no memory that is given back.

use std::fs::File;
use std::io::{Error, IoSliceMut, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::ptr::null_mut;

use crate::Result;
use crate::arguments::Arguments;

const WINDOW: u64 = 64 * 1024;
const BATCH: u64 = 1 << 20;
const COPY: libc::Ioctl = (3 << 30) | (40 << 16) | (0xAA << 8) | 0x03;
const COPY_PROTECTED: u64 = 1 << 1;
const PAGE_FAULT: u8 = 0x12;
const MESSAGE: usize = 32;

#[repr(C)]
struct Copy {
    to: u64,
    from: u64,
    length: u64,
    mode: u64,
    done: i64,
}

/// `--socket --layer [--push yes]`: says that it listens, takes one memory, and serves it until it is killed.
pub fn serve(arguments: &Arguments) -> Result<()> {
    let layer = File::open(arguments.path("layer")?)?;
    let size = layer.metadata()?.len();
    let (kind, populate) = (libc::MAP_SHARED, libc::MAP_POPULATE);
    // SAFETY: a new mapping where the kernel likes, which stays.
    let pages = unsafe {
        let (length, file) = (size as usize, layer.as_raw_fd());
        libc::mmap(
            null_mut(),
            length,
            libc::PROT_READ,
            kind | populate,
            file,
            0,
        )
    };
    if pages == libc::MAP_FAILED {
        return Err(Error::last_os_error().into());
    }
    let listener = UnixListener::bind(arguments.path("socket")?)?;
    println!("ready");
    std::io::stdout().flush()?;
    let (base, faults) = hear(&listener.accept()?.0)?;
    let copy = |offset: u64, length: u64| {
        let mut copy = Copy {
            to: base + offset,
            from: pages as u64 + offset,
            length: length.min(size - offset),
            mode: COPY_PROTECTED,
            done: 0,
        };
        // SAFETY: as the kernel expects it; it reads our mapping and writes to the other's memory.
        unsafe { libc::ioctl(faults.as_raw_fd(), COPY, &raw mut copy) };
    };
    if arguments.optional("push").is_some() {
        (0..size)
            .step_by(BATCH as usize)
            .for_each(|at| copy(at, BATCH));
    }
    let mut messages = [0_u8; MESSAGE * 16];
    loop {
        let mut watched = libc::pollfd {
            fd: faults.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one entry, and a buffer of the length that is told.
        let read = unsafe {
            libc::poll(&raw mut watched, 1, -1);
            libc::read(
                faults.as_raw_fd(),
                messages.as_mut_ptr().cast(),
                messages.len(),
            )
        };
        let read = usize::try_from(read).unwrap_or(0);
        for message in messages[..read].as_chunks::<MESSAGE>().0 {
            if message[0] == PAGE_FAULT {
                let mut address = [0; 8];
                address.copy_from_slice(&message[16..24]);
                copy(
                    (u64::from_ne_bytes(address) - base) / WINDOW * WINDOW,
                    WINDOW,
                );
            }
        }
    }
}

/// Where the memory begins, and its userfaultfd.
fn hear(stream: &UnixStream) -> Result<(u64, OwnedFd)> {
    let mut text = [0_u8; 1024];
    let mut control = [0_u64; 8];
    let mut part = IoSliceMut::new(&mut text);
    // SAFETY: all zero is a message without name, parts or flags.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = (&raw mut part).cast();
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    // SAFETY: the message points to buffers of the lengths that it tells.
    let read = unsafe { libc::recvmsg(stream.as_raw_fd(), &raw mut message, 0) };
    let read = usize::try_from(read).map_err(|_| Error::last_os_error())?;
    // SAFETY: the kernel has filled it; what it holds, if anything, is one descriptor.
    let descriptor: RawFd = unsafe {
        let first = libc::CMSG_FIRSTHDR(&raw const message);
        if first.is_null() {
            return Err("no userfaultfd came".into());
        }
        libc::CMSG_DATA(first).cast::<RawFd>().read_unaligned()
    };
    let base = text[..read]
        .split(|byte| !byte.is_ascii_digit())
        .find(|digits| !digits.is_empty())
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
        .ok_or("no address came")?;
    // SAFETY: it was sent to us, and nobody else here has it.
    Ok((base, unsafe { OwnedFd::from_raw_fd(descriptor) }))
}
