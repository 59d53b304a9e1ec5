//! What is taken from QEMU's C library, and the one way out.

use core::ffi::{CStr, c_char, c_int};
use core::fmt::{self, Write};

use rustix::fd::BorrowedFd;

const STANDARD_ERROR: c_int = 2;
const FAILED: c_int = 1;

unsafe extern "C" {
    fn getenv(name: *const c_char) -> *const c_char;
    fn __errno_location() -> *mut c_int;
    fn _exit(status: c_int) -> !;
}

/// The value of a variable that is a number. One that is something else is a mistake of the
/// keeper's.
pub fn number_variable(name: &CStr) -> Option<c_int> {
    // SAFETY: QEMU changes its environment no more than anybody, and the value is only looked at
    // here.
    let value = unsafe {
        let value = getenv(name.as_ptr());
        if value.is_null() {
            return None;
        }
        CStr::from_ptr(value)
    };
    match value.to_str().map(str::parse) {
        Ok(Ok(number)) => Some(number),
        _ => die(format_args!("{name:?} is no number")),
    }
}

/// Leaves an error where C programs look for it.
pub fn set_errno(error: rustix::io::Errno) {
    // SAFETY: the C library answers a valid place that belongs to this thread.
    unsafe { *__errno_location() = error.raw_os_error() };
}

/// Ends QEMU with one line that says why: never go on with memory that may be wrong.
pub fn die(why: fmt::Arguments<'_>) -> ! {
    let mut line = Line::new();
    // What is too long for a line is cut.
    let _ = write!(line, "roost-qemu-preload: {why}");
    line.end();
    // SAFETY: if QEMU has closed its standard error, writing fails, and nobody would have read it;
    // `_exit` ends the process without running anything of QEMU's.
    unsafe {
        let _ = rustix::io::write(BorrowedFd::borrow_raw(STANDARD_ERROR), line.as_bytes());
        _exit(FAILED)
    }
}

/// A text of bounded length.
pub struct Line {
    text: [u8; 256],
    length: usize,
}

impl Line {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            text: [0; 256],
            length: 0,
        }
    }

    /// What has been written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text[..self.length]
    }

    fn end(&mut self) {
        let end = self.length.min(self.text.len() - 1);
        self.text[end] = b'\n';
        self.length = end + 1;
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.text[self.length..];
        let fits = text.len().min(room.len());
        room[..fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.length += fits;
        if fits == text.len() {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}
