//! Watchers that a client asks for news now and then. What happens meanwhile is kept for it, up to a limit.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use connectrpc::ConnectError;
use tokio::task::JoinHandle;

use super::change::End;
use super::error::{WatchError, ending};
use super::live::{Live, News, Room, Wanted};
use crate::r#gen::filesystem::FilesystemEvent;
use crate::random;

/// So much is kept for a client that does not ask.
const MOST_EVENTS: usize = 8192;
/// Its client is gone for good, if another wants to watch and there is no room.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// All watchers, by id, and the room that they share with streams.
#[derive(Debug, Default)]
pub struct Watchers {
    room: Room,
    by_id: Mutex<HashMap<String, Watcher>>,
}

#[derive(Debug)]
struct Watcher {
    kept: Arc<Kept>,
    collector: JoinHandle<()>,
    asked: Instant,
}

/// What was not asked for yet.
#[derive(Debug)]
struct Kept {
    root: PathBuf,
    queue: Mutex<Queue>,
}

#[derive(Debug)]
struct Queue {
    /// None after the end.
    live: Option<Arc<Live>>,
    events: VecDeque<FilesystemEvent>,
    end: Option<End>,
}

impl Watchers {
    /// A watch for a stream, or for a watcher.
    pub async fn open(&self, wanted: Wanted) -> Result<Live, WatchError> {
        match Live::open(&self.room, wanted.clone()).await {
            Err(WatchError::TooManyWatches) if self.forget_one() => {
                Live::open(&self.room, wanted).await
            }
            outcome => outcome,
        }
    }

    /// A new watcher's id.
    pub async fn create(&self, wanted: Wanted) -> Result<String, WatchError> {
        let root = wanted.telling.root.clone();
        let id = format!("w{}", random::name()?);
        let live = Arc::new(self.open(wanted).await?);
        let kept = Arc::new(Kept {
            root,
            queue: Mutex::new(Queue {
                live: Some(live.clone()),
                events: VecDeque::new(),
                end: None,
            }),
        });
        let watcher = Watcher {
            collector: tokio::spawn(collect(live, kept.clone())),
            kept,
            asked: Instant::now(),
        };
        self.lock().insert(id.clone(), watcher);
        Ok(id)
    }

    /// All that happened since the last call. A watch that ended says so when all before that has been told.
    pub async fn events(&self, id: &str) -> Result<Vec<FilesystemEvent>, ConnectError> {
        let kept = {
            let mut watchers = self.lock();
            let watcher = watchers.get_mut(id).ok_or_else(|| unknown(id))?;
            watcher.asked = Instant::now();
            watcher.kept.clone()
        };
        // What happened before this call is told by it, however far the collector is.
        while let Some(live) = kept.live() {
            if !read(&live, &kept).await {
                break;
            }
        }
        let mut queue = kept.lock();
        match queue.end {
            Some(end) if queue.events.is_empty() => Err(ending(end, &kept.root)),
            _ => Ok(queue.events.drain(..).collect()),
        }
    }

    /// Ends it.
    pub fn remove(&self, id: &str) -> Result<(), ConnectError> {
        let watcher = self.lock().remove(id);
        watcher.map(drop).ok_or_else(|| unknown(id))
    }

    /// Makes room of the watcher that nobody has asked for the longest.
    fn forget_one(&self) -> bool {
        let mut watchers = self.lock();
        let oldest = watchers
            .iter()
            .filter(|(_, watcher)| watcher.asked.elapsed() > FORGOTTEN)
            .min_by_key(|(_, watcher)| watcher.asked)
            .map(|(id, _)| id.clone());
        oldest.is_some_and(|id| watchers.remove(&id).is_some())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Watcher>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.collector.abort();
        self.kept.lock().live = None;
    }
}

impl Kept {
    fn live(&self) -> Option<Arc<Live>> {
        self.lock().live.clone()
    }

    fn add(&self, news: News) {
        let mut queue = self.lock();
        for event in news.events {
            if queue.events.len() == MOST_EVENTS {
                queue.end = Some(End::Lost);
                break;
            }
            queue.add(event);
        }
        queue.end = queue.end.or(news.end);
        if queue.end.is_some() {
            queue.live = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// The same again is one, with what is there now: a file that is being written.
    fn add(&mut self, event: FilesystemEvent) {
        match self.events.back_mut() {
            Some(last) if last.name == event.name && last.r#type == event.r#type => *last = event,
            _ => self.events.push_back(event),
        }
    }
}

/// The kernel keeps only so much, and new folders must be watched as they appear: so somebody reads at once.
async fn collect(live: Arc<Live>, kept: Arc<Kept>) {
    while kept.live().is_some() && live.changed().await.is_ok() {
        while read(&live, &kept).await {}
    }
}

/// Whether there may be more.
async fn read(live: &Live, kept: &Arc<Kept>) -> bool {
    let kept = kept.clone();
    let read = live.read(move |news| {
        let more = news.more;
        kept.add(news);
        more && kept.live().is_some()
    });
    read.await.unwrap_or(false)
}

fn unknown(id: &str) -> ConnectError {
    ConnectError::not_found(format!("there is no watcher {id:?}"))
}
