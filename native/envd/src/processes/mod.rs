//! Users' processes: started here, followed by any number of readers, kept for a while after their end. A process belongs to
//! the agent, never to the connection that started it.

mod backlog;
mod child;
mod ending;
mod follow;
mod launch;
mod output;
mod pipes;
mod process;
mod refusal;
mod registry;
mod request;
mod service;

pub use service::ProcessService;
