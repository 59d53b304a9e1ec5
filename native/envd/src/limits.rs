//! How many files the server may have open, and how many its processes may: they inherit what the server has unless it is put
//! back.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limit that the server was started with.
#[derive(Debug, Clone, Copy)]
pub struct OpenFiles {
    current: Option<u64>,
    maximum: Option<u64>,
}

impl OpenFiles {
    /// Raises the server's own limit as far as it may be: every process costs it some four.
    pub fn raise() -> Self {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: maximum,
                maximum,
            },
        );
        Self { current, maximum }
    }

    /// Puts this process's limit back. Safe between fork and exec.
    pub fn restore(self) {
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: self.current,
                maximum: self.maximum,
            },
        );
    }
}
