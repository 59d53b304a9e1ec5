//! Telling the keeper where the memory is, as Firecracker tells its page-fault handler.

use core::ffi::{CStr, c_void};
use core::fmt::Write;
use core::mem::{MaybeUninit, forget};

use memory_plan::PAGE_SIZE;
use rustix::cmsg_space;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::{Errno, IoSlice, Result};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, connect, sendmsg, socket_with,
};

use crate::c_library::Line;
use crate::give::must;
use crate::userfaultfd::Userfaultfd;

const KEEPER: &CStr = c"/vm/memory.sock";

/// Sends the one region, and in paged mode its userfaultfd, of which our own copy stays open for
/// life.
pub fn hand_over(memory: *mut c_void, size: u64, faults: Option<Userfaultfd>) {
    let address = memory.addr();
    let mut message = Line::new();
    // Both fields hold bytes, whatever the second's name: so it is with Firecracker.
    let written = write!(
        message,
        "[{{\"base_host_virt_addr\":{address},\"size\":{size},\"offset\":0,\"page_size\":{PAGE_SIZE},\"page_size_kib\":{PAGE_SIZE}}}]"
    );
    let sent = written
        .map_err(|_| Errno::MSGSIZE)
        .and_then(|()| send(message.as_bytes(), faults.as_ref().map(AsFd::as_fd)));
    must("tell the keeper where the memory is", sent);
    forget(faults);
}

fn send(message: &[u8], descriptor: Option<BorrowedFd<'_>>) -> Result<()> {
    let keeper = socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    connect(&keeper, &SocketAddrUnix::new(KEEPER)?)?;
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = descriptor.as_slice();
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(Errno::NOBUFS);
    }
    // A stream that is empty takes a message this short as a whole.
    match sendmsg(
        &keeper,
        &[IoSlice::new(message)],
        &mut control,
        SendFlags::NOSIGNAL,
    )? {
        sent if sent == message.len() => Ok(()),
        _ => Err(Errno::MSGSIZE),
    }
}
