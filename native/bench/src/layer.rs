//! A generation of memory to bring pages from: every page of it in one layer, none of them zero.

use std::fs::{self, File};
use std::io::BufWriter;

use memory_format::{LayerId, Map, PAGE_SIZE, Packer, PageRun, WorkingSet};

use crate::Result;
use crate::arguments::Arguments;

const PAGE: usize = PAGE_SIZE as usize;
const ID: [u8; 16] = [1; 16];

/// `--folder --pages`: `memory.map`, `memory/<layer id>.layer`, and a `working-set` that asks for all.
pub fn write(arguments: &Arguments) -> Result<()> {
    let folder = arguments.path("folder")?;
    let pages: u64 = arguments.number("pages")?;
    let id = LayerId::from_bytes(ID).ok_or("no layer id")?;
    fs::create_dir(folder.join("memory"))?;
    let layer = File::create(folder.join("memory").join(id.file_name()))?;
    let parent = Map::zero(pages * PAGE_SIZE);
    let mut packer = Packer::new(&parent, 1, id, BufWriter::new(layer));
    let mut page = [0; PAGE];
    for number in 0..pages {
        for (at, byte) in page.iter_mut().enumerate() {
            *byte = (at as u64 + number * 7) as u8 | 1;
        }
        packer.pages(number * PAGE_SIZE, &page)?;
    }
    fs::write(folder.join("memory.map"), packer.finish()?.map.to_bytes())?;
    let mut all = WorkingSet::new();
    all.push(PageRun { first: 0, pages });
    fs::write(folder.join("working-set"), all.to_bytes())?;
    Ok(())
}
