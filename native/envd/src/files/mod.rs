//! `/files`: the bytes of one file out, of one or several files in, of any size, in constant memory. The agent acts as root;
//! new files belong to the user.

mod coding;
mod compose;
mod download;
mod noted;
mod range;
mod target;
mod temporary;
mod upload;
mod written;

pub use compose::compose;
pub use download::download;
pub use upload::upload;
