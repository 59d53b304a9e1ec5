//! `/files`: the bytes of one file out, of one or several files in, of any size, in constant memory. The agent acts as root;
//! new files belong to the user.

mod coding;
mod download;
mod range;
mod target;
mod temporary;
mod upload;

pub use download::download;
pub use upload::upload;
