//! The one error of this crate: what was being done, and why the kernel refused.

use std::fmt;

/// A step that could not be taken. Its text is one sentence for a person: `mount /x on /vm:
/// Permission denied (os error 13)`.
#[derive(Debug)]
pub struct Failure {
    what: String,
    cause: Option<std::io::Error>,
}

/// What every step answers.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure that no system call reported.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            cause: None,
        }
    }

    /// A failure of a call that returns only if it fails.
    pub fn caused(what: impl Into<String>, cause: std::io::Error) -> Self {
        Self {
            what: what.into(),
            cause: Some(cause),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => write!(f, "{}: {cause}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

/// Says what was being done when a call failed.
pub trait WhileDoing<T> {
    /// Turns the call's error into a [`Failure`] that begins with `what`.
    fn while_doing(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T> WhileDoing<T> for std::io::Result<T> {
    fn while_doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|cause| Failure::caused(what(), cause))
    }
}

impl<T> WhileDoing<T> for rustix::io::Result<T> {
    fn while_doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|errno| Failure::caused(what(), errno.into()))
    }
}
