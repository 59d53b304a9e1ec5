//! A VMM for tests of the hand-over, without a guest, that says what it is told to say. Its
//! arguments are steps, one after the other:
//!
//! - `text:…`: to be sent; `ADDRESS` in it is where its 16 pages of memory are
//! - `userfaultfd`: over these pages; `narrow-userfaultfd`: over the first 8; `pipe`: to be sent, too
//! - `send`: what there is to send, as one message
//! - `touch:PAGE`: waits for it as a guest would
//! - `close`: the connection; `again`: another one
//! - `pause`: until `/vm/go-on` exists; `exit`
//!
//! After the last it stays.

use std::io::{Error, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::ptr::null_mut;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

const PAGE: usize = 4096;
const PAGES: usize = 16;
/// Where the keeper leaves `/dev/userfaultfd`.
const DEVICE: RawFd = 257;

const NEW: libc::Ioctl = 0xAA00;
const API: libc::Ioctl = 0xC018_AA3F;
const REGISTER: libc::Ioctl = 0xC020_AA00;
const MISSING_AND_PROTECTED: u64 = 3;
/// As the preload library asks for.
const FEATURES: u64 = 1 << 0 | 1 << 3 | 1 << 13 | 1 << 15;

fn main() {
    let memory = memory();
    let connect = || UnixStream::connect("/vm/memory.sock").expect("the keeper listens");
    let mut keeper = Some(connect());
    let (mut text, mut descriptors) = (String::new(), Vec::new());
    for step in std::env::args().skip(1) {
        let (verb, rest) = step.split_once(':').unwrap_or((&step, ""));
        match verb {
            "text" => text += &rest.replace("ADDRESS", &(memory as usize).to_string()),
            "userfaultfd" => descriptors.push(userfaultfd(memory, PAGES)),
            "narrow-userfaultfd" => descriptors.push(userfaultfd(memory, PAGES / 2)),
            "pipe" => descriptors.push(std::io::pipe().expect("make a pipe").0.into()),
            "send" => {
                send(
                    keeper.as_ref().expect("open"),
                    text.as_bytes(),
                    &descriptors,
                );
                text.clear();
                // Copies stay open here, as the library keeps one.
                std::mem::forget(std::mem::take(&mut descriptors));
            }
            "touch" => {
                let page: usize = rest.parse().expect("a page");
                // SAFETY: one of the pages of `memory`.
                let word =
                    unsafe { std::ptr::read_volatile(memory.add(page * PAGE).cast::<u64>()) };
                println!("page {page}: {word:#x}");
            }
            "close" => keeper = None,
            "again" => keeper = Some(connect()),
            "pause" => {
                while !std::fs::exists("/vm/go-on").is_ok_and(|is_there| is_there) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            "exit" => std::process::exit(7),
            _ => panic!("not a step: {step}"),
        }
    }
    println!("done");
    loop {
        std::thread::park();
    }
}

fn memory() -> *mut u8 {
    let (protection, flags) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
    );
    // SAFETY: a new mapping where the kernel likes.
    let memory = unsafe { libc::mmap(null_mut(), PAGES * PAGE, protection, flags, -1, 0) };
    assert_ne!(memory, libc::MAP_FAILED, "{}", Error::last_os_error());
    memory.cast()
}

fn userfaultfd(memory: *mut u8, pages: usize) -> OwnedFd {
    let mut api = [0xAA, FEATURES, 0];
    let length = (pages * PAGE) as u64;
    let mut register = [memory as u64, length, MISSING_AND_PROTECTED, 0];
    // SAFETY: the structures are as the kernel expects, and the descriptor is a new one.
    unsafe {
        let made = libc::ioctl(DEVICE, NEW, libc::O_CLOEXEC | libc::O_NONBLOCK);
        assert!(made >= 0, "{}", Error::last_os_error());
        let made = OwnedFd::from_raw_fd(made);
        for (request, argument) in [(API, api.as_mut_ptr()), (REGISTER, register.as_mut_ptr())] {
            let answer = libc::ioctl(made.as_raw_fd(), request, argument);
            assert_eq!(answer, 0, "{}", Error::last_os_error());
        }
        made
    }
}

fn send(keeper: &UnixStream, text: &[u8], descriptors: &[OwnedFd]) {
    let borrowed: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !borrowed.is_empty() {
        assert!(control.push(SendAncillaryMessage::ScmRights(&borrowed)));
    }
    // A keeper that has heard enough has closed its side.
    let _ = sendmsg(
        keeper,
        &[IoSlice::new(text)],
        &mut control,
        SendFlags::NOSIGNAL,
    );
}
