//! Users' processes: started here, followed by any number of readers, kept for a while after their end. A process belongs to
//! the agent, never to the connection that started it.

mod backlog;
mod channel;
mod child;
mod ending;
mod follow;
mod input;
mod launch;
mod output;
mod process;
mod refusal;
mod registry;
mod request;
mod service;
mod streams;
mod terminal;

pub use service::ProcessService;
