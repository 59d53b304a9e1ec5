//! Changes as a stream. A client that reads slowly is not read ahead for: the kernel keeps what happens meanwhile, and says when it
//! was too much.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use connectrpc::{ConnectError, ServiceStream};
use futures_util::stream;
use tokio::time::{Instant, timeout_at};

use super::change::End;
use super::error::ending;
use super::live::Live;
use crate::r#gen::filesystem::watch_dir_response::{Event, KeepAlive, StartEvent};
use crate::r#gen::filesystem::{FilesystemEvent, WatchDirResponse};

struct Following {
    live: Live,
    root: PathBuf,
    keepalive: Option<Duration>,
    begun: bool,
    events: VecDeque<FilesystemEvent>,
    more: bool,
    end: Option<End>,
    over: bool,
}

/// `start`, then what happens below `root`, until the client goes or the watch ends.
pub fn follow(
    live: Live,
    root: PathBuf,
    keepalive: Option<Duration>,
) -> ServiceStream<WatchDirResponse> {
    let following = Following {
        live,
        root,
        keepalive,
        begun: false,
        events: VecDeque::new(),
        more: false,
        end: None,
        over: false,
    };
    Box::pin(stream::unfold(following, |mut following| async move {
        let event = following.next().await?;
        let response = event.map(|event| WatchDirResponse { event: Some(event) });
        Some((response, following))
    }))
}

impl Following {
    async fn next(&mut self) -> Option<Result<Event, ConnectError>> {
        if self.over {
            return None;
        }
        if !std::mem::replace(&mut self.begun, true) {
            return Some(Ok(StartEvent {}.into()));
        }
        let silent_until = self.keepalive.map(|interval| Instant::now() + interval);
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(Ok(event.into()));
            }
            if let Some(end) = self.end {
                self.over = true;
                return Some(Err(ending(end, &self.root)));
            }
            if !self.more && !self.changed_before(silent_until).await {
                return Some(Ok(KeepAlive {}.into()));
            }
            match self.live.read(|news| news).await {
                Ok(news) => {
                    self.events.extend(news.events);
                    (self.more, self.end) = (news.more, news.end);
                }
                // The server ends.
                Err(_) => return None,
            }
        }
    }

    async fn changed_before(&self, deadline: Option<Instant>) -> bool {
        match deadline {
            None => self.live.changed().await.is_ok(),
            Some(deadline) => timeout_at(deadline, self.live.changed()).await.is_ok(),
        }
    }
}
