//! The part `memory` of the configuration.

use std::path::PathBuf;

use memory_format::PAGE_SIZE;
use serde::Deserialize;

use super::guest_memory::Mode;

/// What docs/formats/keeper.md calls `memory`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub size_bytes: u64,
    pub mode: Mode,
    pub map: Option<PathBuf>,
    pub layers: Option<PathBuf>,
    pub state: Option<PathBuf>,
    pub working_set: Option<PathBuf>,
    pub save_folder: PathBuf,
}

impl Settings {
    /// What can be said without opening anything. `check_path` is how the configuration checks any
    /// path.
    pub fn check(
        &self,
        check_path: impl Fn(&str, &std::path::Path) -> Result<(), String>,
    ) -> Result<(), String> {
        if self.size_bytes == 0 || !self.size_bytes.is_multiple_of(PAGE_SIZE) {
            return Err(format!(
                "memory.size_bytes must be a multiple of {PAGE_SIZE}, and not 0"
            ));
        }
        let paths = [
            ("memory.map", self.map.as_ref()),
            ("memory.layers", self.layers.as_ref()),
            ("memory.state", self.state.as_ref()),
            ("memory.working_set", self.working_set.as_ref()),
            ("memory.save_folder", Some(&self.save_folder)),
        ];
        for (field, path) in paths {
            path.map_or(Ok(()), |path| check_path(field, path))?;
        }
        Ok(())
    }
}
