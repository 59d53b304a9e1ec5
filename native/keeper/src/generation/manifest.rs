//! Of a generation's `manifest.json`, what is about its files. The agent writes it, and knows what
//! else is in it.

use std::io::Read;
use std::path::{Component, Path};

use confine::{Failure, Result, WhileDoing};
use serde::Deserialize;

use super::open_file;

/// More than any real manifest by far.
const LONGEST: u64 = 16 * 1024 * 1024;

#[derive(Debug, Deserialize)]
pub struct Manifest {
    pub memory_mb: u64,
    pub files: Vec<Listed>,
}

/// A file as it was when the generation was made.
#[derive(Debug, Deserialize)]
pub struct Listed {
    /// Within the generation's folder.
    pub name: String,
    pub size: u64,
    /// BLAKE3 in hexadecimal. A disk's layers need none: they are what another generation
    /// continued, and reading all of them would take as long as copying them.
    pub checksum: Option<String>,
}

impl Manifest {
    /// Reads that of the generation in `folder`.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut text = Vec::new();
        open_file(&folder.join("manifest.json"))?
            .take(LONGEST)
            .read_to_end(&mut text)
            .while_doing(|| "read manifest.json".into())?;
        serde_json::from_slice(&text)
            .map_err(|error| Failure::new(format!("manifest.json is wrong: {error}")))
    }

    /// What it says of a file.
    pub fn file(&self, name: &str) -> Option<&Listed> {
        self.files.iter().find(|file| file.name == name)
    }
}

impl Listed {
    /// Whether the name leads to somewhere within the folder.
    pub fn is_inside(&self) -> bool {
        let mut parts = Path::new(&self.name).components();
        !self.name.is_empty() && parts.all(|part| matches!(part, Component::Normal(_)))
    }

    pub fn is_of_disk(&self) -> bool {
        self.name.starts_with("disk/")
    }
}
