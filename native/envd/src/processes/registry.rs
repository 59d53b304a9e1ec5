//! All processes that run, and those that ended not long ago.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::launch::Launched;
use super::process::Process;
use crate::r#gen::process::ProcessConfig;

/// So long an ended process can still be attached.
const REMEMBERED: Duration = Duration::from_secs(300);

/// By process id.
#[derive(Debug, Default, Clone)]
pub struct Registry(Arc<Mutex<HashMap<u32, Arc<Process>>>>);

impl Registry {
    /// Takes a launched process over, and lets go of it some minutes after its end.
    pub fn adopt(
        &self,
        pid: u32,
        config: ProcessConfig,
        tag: Option<String>,
        launched: Launched,
    ) -> Arc<Process> {
        let (process, ended) = Process::adopt(pid, config, tag, launched);
        self.lock().insert(process.pid, process.clone());
        let (registry, remembered) = (self.clone(), process.clone());
        tokio::spawn(async move {
            ended.await;
            tokio::time::sleep(REMEMBERED).await;
            registry.forget(&remembered);
        });
        process
    }

    /// By process id. An ended process whose number is another's now is no longer to be found.
    pub fn by_pid(&self, pid: u32) -> Option<Arc<Process>> {
        self.lock().get(&pid).cloned()
    }

    /// By tag: one that runs rather than one that ended.
    pub fn by_tag(&self, tag: &str) -> Option<Arc<Process>> {
        let processes = self.lock();
        let tagged = processes
            .values()
            .filter(|process| process.tag.as_deref() == Some(tag));
        tagged.min_by_key(|process| process.is_over()).cloned()
    }

    /// Those that run, by process id.
    pub fn running(&self) -> Vec<Arc<Process>> {
        let mut running: Vec<_> = self
            .lock()
            .values()
            .filter(|process| !process.is_over())
            .cloned()
            .collect();
        running.sort_by_key(|process| process.pid);
        running
    }

    fn forget(&self, process: &Arc<Process>) {
        let mut processes = self.lock();
        if processes
            .get(&process.pid)
            .is_some_and(|known| Arc::ptr_eq(known, process))
        {
            processes.remove(&process.pid);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Arc<Process>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
