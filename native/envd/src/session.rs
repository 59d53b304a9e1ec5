//! What `/init` told this sandbox: its environment, its access token, its default user and folder.
//!
//! It outlives the server in a memory file that PID 1 holds, so that a server started again after a crash still asks for the
//! token.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

/// As told last; nothing was told yet: no environment, no token.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub environment: BTreeMap<String, String>,
    pub access_token: Option<String>,
    pub default_user: Option<String>,
    pub default_folder: Option<String>,
}

/// The session of this server.
#[derive(Debug)]
pub struct SessionStore {
    current: RwLock<Arc<Session>>,
    memory: Option<File>,
}

impl SessionStore {
    /// Takes up what an earlier server left in `memory`.
    pub fn open(memory: Option<File>) -> io::Result<Self> {
        let session = memory
            .as_ref()
            .map(recall)
            .transpose()?
            .flatten()
            .unwrap_or_default();
        Ok(Self {
            current: RwLock::new(Arc::new(session)),
            memory,
        })
    }

    /// The session as it is now.
    pub fn current(&self) -> Arc<Session> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Replaces it.
    pub fn replace(&self, session: Session) -> io::Result<()> {
        if let Some(memory) = &self.memory {
            let text = serde_json::to_vec(&session)?;
            memory.write_all_at(&text, 0)?;
            memory.set_len(text.len() as u64)?;
        }
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(session);
        Ok(())
    }
}

fn recall(memory: &File) -> io::Result<Option<Session>> {
    let mut text = vec![0; memory.metadata()?.len() as usize];
    memory.read_exact_at(&mut text, 0)?;
    if text.is_empty() {
        Ok(None)
    } else {
        Ok(Some(serde_json::from_slice(&text)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, memfd_create};

    #[test]
    fn a_server_started_again_still_knows_its_token() {
        let memory = File::from(memfd_create(c"test", MemfdFlags::CLOEXEC).unwrap());
        let first = SessionStore::open(Some(memory.try_clone().unwrap())).unwrap();
        let long = Session {
            access_token: Some("a".repeat(1000)),
            ..Session::default()
        };
        first.replace(long).unwrap();
        let told = Session {
            access_token: Some("secret".into()),
            ..Session::default()
        };
        first.replace(told.clone()).unwrap();
        drop(first);
        assert_eq!(*SessionStore::open(Some(memory)).unwrap().current(), told);
    }
}
