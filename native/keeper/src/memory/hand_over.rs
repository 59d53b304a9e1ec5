//! Hearing from the VMM where its memory is, in Firecracker's format: one JSON list of regions on a
//! stream, and with it, in paged mode, the userfaultfd.
//!
//! The VMM may be hostile. It can say anything about its memory, which is its own; but not as
//! another process, not without end, and not so that the keeper waits for it.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use confine::{Failure, Result, WhileDoing};
use memory_format::PAGE_SIZE;
use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};
use serde::Deserialize;

use super::guest_memory::{Mode, Region};

/// Firecracker's longest, of a machine with many regions, is far below.
const LONGEST: usize = 16 * 1024;
/// One is expected. Room for more, so that more can be told from one.
const MOST_DESCRIPTORS: usize = 4;

/// Waiting for the message.
pub struct HandOver {
    mode: Mode,
    listener: UnixListener,
    stream: Option<UnixStream>,
    text: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

/// What the VMM has said.
pub struct HandedOver {
    pub regions: Vec<Region>,
    /// There in paged mode, and only there.
    pub userfaultfd: Option<OwnedFd>,
}

impl HandOver {
    /// Expects it on a non-blocking listener.
    pub fn expect(mode: Mode, listener: UnixListener) -> Self {
        Self {
            mode,
            listener,
            stream: None,
            text: Vec::new(),
            descriptors: Vec::new(),
        }
    }

    /// What to wait for.
    pub fn source(&self) -> BorrowedFd<'_> {
        match &self.stream {
            Some(stream) => stream.as_fd(),
            None => self.listener.as_fd(),
        }
    }

    /// Takes what has come. None: it is not all there yet.
    pub fn take(&mut self, vmm_pid: i32) -> Result<Option<HandedOver>> {
        if self.stream.is_none() {
            self.stream = self.accept(vmm_pid)?;
        }
        let Some(stream) = self.stream.take() else {
            return Ok(None);
        };
        loop {
            match self.receive(&stream) {
                Ok(0) => return Err(wrong("it ends in the middle")),
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => break,
                Err(errno) => {
                    return Err(errno).while_doing(|| "hear where the VMM's memory is".into());
                }
            }
            if let Some(regions) = parse(&self.text)? {
                return self.conclude(regions).map(Some);
            }
            if self.text.len() > LONGEST {
                return Err(wrong("it is too long"));
            }
        }
        self.stream = Some(stream);
        Ok(None)
    }

    /// Others than the VMM are sent away.
    fn accept(&self, vmm_pid: i32) -> Result<Option<UnixStream>> {
        let Ok((stream, _)) = self.listener.accept() else {
            return Ok(None);
        };
        let what = || "see who speaks of the VMM's memory".to_owned();
        let peer = peer_pid(&stream).while_doing(what)?;
        if peer != vmm_pid {
            eprintln!("roost-keeper: process {peer}, which is not the VMM, spoke of its memory");
            return Ok(None);
        }
        stream.set_nonblocking(true).while_doing(what)?;
        Ok(Some(stream))
    }

    fn receive(&mut self, stream: &UnixStream) -> rustix::io::Result<usize> {
        let mut step = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = recvmsg(
            stream,
            &mut [IoSliceMut::new(&mut step)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        )?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                self.descriptors.extend(descriptors);
            }
        }
        if received.flags.contains(ReturnFlags::CTRUNC) {
            return Err(Errno::TOOBIG);
        }
        self.text.extend_from_slice(&step[..received.bytes]);
        Ok(received.bytes)
    }

    fn conclude(&mut self, regions: Vec<Region>) -> Result<HandedOver> {
        let mut descriptors = std::mem::take(&mut self.descriptors);
        let expected = match self.mode {
            Mode::Mapped => 0,
            Mode::Paged => 1,
        };
        if descriptors.len() != expected {
            return Err(wrong(&format!(
                "it came with {} descriptors, not {expected}",
                descriptors.len()
            )));
        }
        Ok(HandedOver {
            regions,
            userfaultfd: descriptors.pop(),
        })
    }
}

/// Who has connected: 0 if that is a process which cannot be seen from here.
fn peer_pid(stream: &UnixStream) -> std::io::Result<i32> {
    let mut peer = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut length = size_of_val(&peer) as libc::socklen_t;
    // SAFETY: the structure is what is asked for, and as long as is said.
    let answer = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &raw mut length,
        )
    };
    if answer == 0 {
        Ok(peer.pid)
    } else {
        Err(std::io::Error::last_os_error())
    }
}

/// None if it may yet become a list.
fn parse(text: &[u8]) -> Result<Option<Vec<Region>>> {
    /// `page_size_kib`, in spite of its name, holds bytes, too, and is on its way out.
    #[derive(Deserialize)]
    struct Told {
        base_host_virt_addr: u64,
        size: u64,
        offset: u64,
        page_size: Option<u64>,
        page_size_kib: Option<u64>,
    }
    let told: Vec<Told> = match serde_json::from_slice(text) {
        Ok(told) => told,
        Err(error) if error.is_eof() => return Ok(None),
        Err(error) => return Err(wrong(&error.to_string())),
    };
    if let Some(other) = told
        .iter()
        .find(|region| region.page_size.or(region.page_size_kib) != Some(PAGE_SIZE))
    {
        return Err(wrong(&format!(
            "the pages at {} are not of {PAGE_SIZE} bytes",
            other.base_host_virt_addr
        )));
    }
    let regions = told.into_iter().map(|region| Region {
        address: region.base_host_virt_addr,
        size: region.size,
        offset: region.offset,
    });
    Ok(Some(regions.collect()))
}

fn wrong(problem: &str) -> Failure {
    Failure::new(format!(
        "what the VMM says of its memory is wrong: {problem}"
    ))
}
