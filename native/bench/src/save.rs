//! Writing down which pages of a machine have changed, and what is in them: one scan, one copy.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use crate::Result;
use crate::arguments::Arguments;

const PAGE: usize = 4096;
/// Read at a time.
const PIECE: u64 = 1 << 20;
const ZEROS: [u8; PAGE] = [0; PAGE];
const MOST_RUNS: usize = 2048;

/// See linux/fs.h, as for all here.
const FILE: u64 = 1 << 2;
const PRESENT: u64 = 1 << 3;
const SWAPPED: u64 = 1 << 4;

/// `struct pm_scan_arg`.
#[repr(C)]
#[derive(Default)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    runs: u64,
    most_runs: u64,
    most_pages: u64,
    inverted: u64,
    all_of: u64,
    any_of: u64,
    told: u64,
}

/// `struct page_region`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Run {
    start: u64,
    end: u64,
    categories: u64,
}

const PAGEMAP_SCAN: libc::Ioctl =
    (3 << 30) | ((size_of::<Scan>() as libc::Ioctl) << 16) | ((b'f' as libc::Ioctl) << 8) | 16;

/// `--pid --address --size --folder`: `layer`, the pages that are not zero, and `map`, of which runs they are.
pub fn save(arguments: &Arguments) -> Result<()> {
    let pid: u32 = arguments.number("pid")?;
    let (address, size): (u64, u64) = (arguments.number("address")?, arguments.number("size")?);
    let folder = arguments.path("folder")?;
    let pagemap = File::open(format!("/proc/{pid}/pagemap"))?;
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut layer = BufWriter::with_capacity(PIECE as usize, File::create(folder.join("layer"))?);
    let mut map = BufWriter::new(File::create(folder.join("map"))?);
    let mut bytes = vec![0; PIECE as usize];
    let (mut from, end) = (address, address + size);
    while from < end {
        let runs = changed(&pagemap, from, end)?;
        from = match runs.last() {
            Some(last) if runs.len() == MOST_RUNS => last.end,
            _ => end,
        };
        for run in runs {
            for number in [run.start - address, run.end - address] {
                map.write_all(&number.to_le_bytes())?;
            }
            for start in (run.start..run.end).step_by(PIECE as usize) {
                let piece = &mut bytes[..(run.end - start).min(PIECE) as usize];
                memory.read_exact_at(piece, start)?;
                for page in piece.chunks_exact(PAGE) {
                    if page != ZEROS {
                        layer.write_all(page)?;
                    }
                }
            }
        }
    }
    layer.flush()?;
    map.flush()?;
    Ok(())
}

/// Pages of the private mapping that are not the file's any more.
fn changed(pagemap: &File, start: u64, end: u64) -> Result<Vec<Run>> {
    let mut runs = vec![Run::default(); MOST_RUNS];
    let mut scan = Scan {
        size: size_of::<Scan>() as u64,
        start,
        end,
        runs: runs.as_mut_ptr() as u64,
        most_runs: MOST_RUNS as u64,
        inverted: FILE,
        all_of: FILE,
        any_of: PRESENT | SWAPPED,
        ..Scan::default()
    };
    // SAFETY: as the kernel knows it, and there is room for as many runs as it says.
    let found = unsafe { libc::ioctl(pagemap.as_raw_fd(), PAGEMAP_SCAN, &raw mut scan) };
    runs.truncate(usize::try_from(found).map_err(|_| std::io::Error::last_os_error())?);
    Ok(runs)
}
