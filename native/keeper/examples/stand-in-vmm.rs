//! A VMM for tests of memory, without a guest: it maps its memory as QEMU does, with the preload
//! library, which tells the keeper where it is, and then does to it what a test asks for on
//! `/vm/commands.sock`, one command a line, each answered with `done`. Its arguments are lengths
//! that it maps instead of the whole, to see what the library makes of that.
//!
//! - `write OFFSET LENGTH SEED`, `write-every-other-page OFFSET LENGTH SEED`: numbers that are never
//!   zero
//! - `zero OFFSET LENGTH`, `touch OFFSET LENGTH` (only reads), `page-out OFFSET LENGTH`,
//!   `give-back OFFSET LENGTH` (zero from then on)
//! - `log-reads STRIDE`: from then on reads a word of every STRIDE-th page, the last first, and
//!   writes page and word to `/vm/reads`
//! - `dump`: the whole memory to `/vm/dump`
//! - `state BYTES`: so many to `/vm/state.sock`, and the end of the connection
//! - `hold-state`: the same, but neither bytes nor end

use std::fs::File;
use std::io::{BufRead, BufReader, Error, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::ptr::null_mut;

use roost_qemu_preload::mmap;

fn main() {
    for length in std::env::args().skip(1) {
        Memory::from_keeper(length.parse().ok());
    }
    let memory = Memory::from_keeper(None);
    let listener = UnixListener::bind("/vm/commands.sock").expect("listen for commands");
    println!("ready");

    let (client, _) = listener.accept().expect("a test connects");
    let mut held = Vec::new();
    for line in BufReader::new(&client).lines() {
        let line = line.expect("a command");
        let mut words = line.split(' ');
        let command = words.next().unwrap_or_default();
        let numbers: Vec<usize> = words.map(|word| word.parse().expect("a number")).collect();
        match (command, &numbers[..]) {
            ("write", &[offset, length, seed]) => memory.write(offset, length, seed as u64),
            ("write-every-other-page", &[offset, length, seed]) => {
                for page in (offset..offset + length).step_by(2 * 4096) {
                    memory.write(page, 4096, (seed + page) as u64);
                }
            }
            ("zero", &[offset, length]) => memory.part(offset, length).fill(0),
            ("touch", &[offset, length]) => {
                let sum: usize = memory
                    .part(offset, length)
                    .iter()
                    .map(|&b| b as usize)
                    .sum();
                std::hint::black_box(sum);
            }
            ("page-out", &[offset, length]) => memory.advise(offset, length, libc::MADV_PAGEOUT),
            ("give-back", &[offset, length]) => {
                memory.advise(offset, length, libc::MADV_DONTNEED);
            }
            ("log-reads", &[stride]) => memory.log_reads(stride),
            ("dump", []) => {
                std::fs::write("/vm/dump", memory.part(0, memory.length)).expect("write the dump")
            }
            ("state", &[bytes]) => {
                let mut stream = UnixStream::connect("/vm/state.sock").expect("the keeper listens");
                // A keeper that has enough of it closes its side.
                let _ = stream.write_all(&vec![b's'; bytes]);
            }
            ("hold-state", []) => held.push(UnixStream::connect("/vm/state.sock")),
            _ => panic!("not a command: {line}"),
        }
        writeln!(&client, "done").expect("the test reads");
    }
}

struct Memory {
    start: *mut u8,
    length: usize,
}

impl Memory {
    /// As QEMU does it, with the preload library's `mmap` in the place of the C library's.
    fn from_keeper(length: Option<usize>) -> Self {
        let mut options = File::options();
        let file = options.read(true).write(true).open("/vm/ram");
        let file = file.expect("the test has put it there");
        let whole = file.metadata().expect("it is a file").len() as usize;
        let length = length.unwrap_or(whole);
        let (protection, shared) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: a new mapping where the kernel likes.
        let start = unsafe { mmap(null_mut(), length, protection, shared, file.as_raw_fd(), 0) };
        assert_ne!(start, libc::MAP_FAILED, "{}", Error::last_os_error());
        Self {
            start: start.cast(),
            length,
        }
    }

    #[allow(clippy::mut_from_ref)]
    fn part(&self, offset: usize, length: usize) -> &mut [u8] {
        assert!(offset + length <= self.length, "beyond the memory");
        // SAFETY: mapped for as long as the process lives, within bounds, and used by one thread
        // that holds one such part at a time.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(offset), length) }
    }

    fn write(&self, offset: usize, length: usize, seed: u64) {
        let mut number = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for word in self.part(offset, length).as_chunks_mut::<8>().0 {
            number ^= number << 13;
            number ^= number >> 7;
            number ^= number << 17;
            *word = number.to_ne_bytes();
        }
    }

    /// Into a file that is mapped: what has been read is there, even if this process gets no further.
    fn log_reads(&self, stride: usize) {
        let pages: Vec<usize> = (0..self.length / 4096).step_by(stride).rev().collect();
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(true);
        let file = options.open("/vm/reads").expect("make the log");
        file.set_len(pages.len() as u64 * 16).expect("make room");
        let (protection, shared) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        let length = pages.len() * 16;
        // SAFETY: a new mapping where the kernel likes.
        let log =
            unsafe { libc::mmap(null_mut(), length, protection, shared, file.as_raw_fd(), 0) };
        assert_ne!(log, libc::MAP_FAILED, "{}", Error::last_os_error());
        let (log, memory) = (log as usize, self.start as usize);
        std::thread::spawn(move || {
            for (number, page) in pages.into_iter().enumerate() {
                // SAFETY: within the two mappings, which stay.
                unsafe {
                    let word = std::ptr::read_volatile((memory + page * 4096) as *const u64);
                    let entry = (log + number * 16) as *mut u64;
                    std::ptr::write_volatile(entry.add(1), word);
                    // Page 0 is told from what has not been read.
                    std::ptr::write_volatile(entry, page as u64 + 1);
                }
            }
        });
    }

    fn advise(&self, offset: usize, length: usize, advice: i32) {
        let part = self.part(offset, length);
        // SAFETY: changes where the pages are, or makes zeros of them; they are plain bytes, to
        // which nobody holds a reference any more.
        let answer = unsafe { libc::madvise(part.as_mut_ptr().cast(), length, advice) };
        assert_eq!(answer, 0, "{}", Error::last_os_error());
    }
}
