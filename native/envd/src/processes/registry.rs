//! All processes that run, and those that ended not long ago.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::launch::Launched;
use super::process::Process;
use crate::r#gen::process::ProcessConfig;

/// So long an ended process can still be attached,
const REMEMBERED: Duration = Duration::from_secs(300);
/// unless so many ended after it,
const MOST_ENDED: usize = 256;
/// or left so much output unread: a small guest must not fill up with what nobody asks for.
const MOST_UNREAD: usize = 8 << 20;

#[derive(Debug, Default)]
struct Processes {
    by_pid: HashMap<u32, Arc<Process>>,
    /// In the order of their ends, with the time of forgetting.
    ended: VecDeque<(Instant, Arc<Process>)>,
}

/// Found by process id or tag.
#[derive(Debug, Default, Clone)]
pub struct Registry(Arc<Mutex<Processes>>);

impl Registry {
    /// Takes a launched process over.
    pub fn adopt(
        &self,
        pid: u32,
        config: ProcessConfig,
        tag: Option<String>,
        launched: Launched,
    ) -> Arc<Process> {
        let (process, ended) = Process::adopt(pid, config, tag, launched);
        self.lock().by_pid.insert(pid, process.clone());
        let (registry, adopted) = (self.clone(), process.clone());
        tokio::spawn(async move {
            ended.await;
            registry.remember(adopted);
        });
        process
    }

    /// By process id. An ended process whose number is another's now is no longer to be found.
    pub fn by_pid(&self, pid: u32) -> Option<Arc<Process>> {
        self.lock().by_pid.get(&pid).cloned()
    }

    /// By tag: one that runs rather than one that ended.
    pub fn by_tag(&self, tag: &str) -> Option<Arc<Process>> {
        let processes = self.lock();
        let tagged = processes
            .by_pid
            .values()
            .filter(|process| process.tag.as_deref() == Some(tag));
        tagged.min_by_key(|process| process.is_over()).cloned()
    }

    /// Those that run, by process id.
    pub fn running(&self) -> Vec<Arc<Process>> {
        let processes = self.lock();
        let mut running: Vec<_> = processes
            .by_pid
            .values()
            .filter(|process| !process.is_over())
            .cloned()
            .collect();
        running.sort_by_key(|process| process.pid);
        running
    }

    fn remember(&self, process: Arc<Process>) {
        let mut processes = self.lock();
        let until = Instant::now() + REMEMBERED;
        processes.ended.push_back((until, process));
        // One task forgets them all, while there are any: no timer runs where nothing has ended.
        if processes.ended.len() == 1 {
            tokio::spawn(self.clone().forget_in_time());
        }
        processes.bound();
    }

    async fn forget_in_time(self) {
        loop {
            let next = self.lock().forget_until(Instant::now());
            match next {
                Some(next) => sleep_until(next).await,
                None => return,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Processes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Processes {
    /// Forgets those whose time has come; tells when the next one's does.
    fn forget_until(&mut self, now: Instant) -> Option<Instant> {
        while let Some((until, _)) = self.ended.front() {
            if *until > now {
                return Some(*until);
            }
            self.forget_oldest();
        }
        None
    }

    /// The newest stays whatever it holds.
    fn bound(&mut self) {
        let mut unread: usize = self.ended.iter().map(|(_, process)| process.unread()).sum();
        while self.ended.len() > 1 && (self.ended.len() > MOST_ENDED || unread > MOST_UNREAD) {
            unread -= self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) -> usize {
        let Some((_, process)) = self.ended.pop_front() else {
            return 0;
        };
        // Its number may be another's by now.
        if self
            .by_pid
            .get(&process.pid)
            .is_some_and(|known| Arc::ptr_eq(known, &process))
        {
            self.by_pid.remove(&process.pid);
        }
        process.unread()
    }
}
