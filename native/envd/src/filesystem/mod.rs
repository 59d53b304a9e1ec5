//! The tree of files as clients see and change it: `filesystem.Filesystem`. The agent acts as root; what it makes belongs to
//! the user.

mod entry;
mod listing;
mod permissions;
mod refusal;
mod relocation;
mod service;

pub use entry::describe;
pub use service::FilesystemService;
