//! A step that did not work: what was tried, and the kernel's answer. Printed as one line on the console.

use std::fmt;
use std::io;

/// What was tried and why it failed.
#[derive(Debug)]
pub struct Failure {
    step: String,
    cause: io::Error,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.step, self.cause)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// Names the step that a result belongs to.
pub trait Step<T> {
    /// Turns an error into a [`Failure`] of `step`.
    fn step(self, step: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, step: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|cause| Failure {
            step: step.into(),
            cause: cause.into(),
        })
    }
}
