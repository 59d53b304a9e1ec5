//! A VMM for tests of saving, without a guest: it makes its memory from the plan as the preload
//! library does in mapped mode, tells the keeper where that is, and then does to it what a test
//! asks for on `/vm/commands.sock`, one command a line, each answered with `done`.
//!
//! - `write OFFSET LENGTH SEED`: numbers that are never zero
//! - `zero OFFSET LENGTH`, `touch OFFSET LENGTH` (only reads), `page-out OFFSET LENGTH`
//! - `dump`: the whole memory to `/vm/dump`
//! - `state BYTES`: so many to `/vm/state.sock`, and the end of the connection
//! - `hold-state`: the same, but neither bytes nor end

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{FromRawFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};

use memory_plan::Plan;

fn main() {
    let memory = Memory::from_plan();
    let region = serde_json::json!([{
        "base_host_virt_addr": memory.start as u64, "size": memory.length, "offset": 0,
        "page_size": 4096, "page_size_kib": 4096,
    }]);
    let mut keeper = UnixStream::connect("/vm/memory.sock").expect("the keeper listens");
    write!(keeper, "{region}").expect("the keeper reads");
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
            ("zero", &[offset, length]) => memory.part(offset, length).fill(0),
            ("touch", &[offset, length]) => {
                let sum: usize = memory
                    .part(offset, length)
                    .iter()
                    .map(|&b| b as usize)
                    .sum();
                std::hint::black_box(sum);
            }
            ("page-out", &[offset, length]) => memory.page_out(offset, length),
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
    fn from_plan() -> Self {
        let number = std::env::var(memory_plan::VARIABLE).expect("a plan is inherited");
        let mut bytes = Vec::new();
        inherited(number.parse().expect("a descriptor's number"))
            .read_to_end(&mut bytes)
            .expect("read the plan");
        let plan = Plan::read(&bytes).expect("a plan as it should be");
        let length = plan.header().size as usize;
        let anonymous = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let start = map(std::ptr::null_mut(), length, anonymous, -1, 0);
        for range in plan.ranges() {
            // SAFETY: a plan that was read holds ranges within the memory only.
            let place = unsafe { start.add(range.span.offset as usize) };
            let layer = plan.header().first_layer + range.layer as RawFd;
            let fixed = libc::MAP_PRIVATE | libc::MAP_FIXED;
            map(
                place,
                range.span.length as usize,
                fixed,
                layer,
                range.layer_offset as i64,
            );
        }
        Self { start, length }
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

    fn page_out(&self, offset: usize, length: usize) {
        let part = self.part(offset, length);
        // SAFETY: changes where the pages are, not what is in them.
        let answer = unsafe { libc::madvise(part.as_mut_ptr().cast(), length, libc::MADV_PAGEOUT) };
        assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
    }
}

fn inherited(number: RawFd) -> File {
    // SAFETY: the keeper has left it to this process, where nobody else uses it.
    unsafe { File::from_raw_fd(number) }
}

fn map(place: *mut u8, length: usize, flags: i32, file: RawFd, offset: i64) -> *mut u8 {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: either a new place of the kernel's choice, or within what was mapped there.
    let start = unsafe { libc::mmap(place.cast(), length, protection, flags, file, offset) };
    assert_ne!(
        start,
        libc::MAP_FAILED,
        "{}",
        std::io::Error::last_os_error()
    );
    start.cast()
}
