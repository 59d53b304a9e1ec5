//! What changes in a folder, told as it happens ([`follow`]) or when asked for ([`Watchers`]).
//!
//! ```text
//! inotify ─▶ watch (whose name: places) ─▶ events (with entries) ─┬─▶ stream of a client
//!                                                                 └─▶ queue of a watcher
//! ```
//!
//! Nothing is lost in silence: where the kernel or a queue dropped events, the watch ends and says so.

mod change;
mod descent;
mod error;
mod events;
mod live;
mod places;
mod polled;
mod reach;
mod stream;
mod watch;

pub use events::Telling;
pub use live::Wanted;
pub use polled::Watchers;
pub use stream::follow;
pub use watch::Reach;
