//! How a file that was written is told.

use std::path::Path;

use serde::Serialize;

use crate::metadata::{self, Metadata};

/// One file.
#[derive(Debug, Serialize)]
pub struct Written {
    path: String,
    name: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata,
}

impl Written {
    /// As it is on the disk: its metadata is what was kept, not what was sent.
    pub fn look(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default();
        Self {
            path: path.to_string_lossy().into_owned(),
            name: name.to_string_lossy().into_owned(),
            r#type: "file",
            metadata: metadata::read(path),
        }
    }
}
