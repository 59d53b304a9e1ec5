//! One save at a time, and how it is told to stop.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError, Weak};

use confine::{Failure, Result, WhileDoing};
use rustix::event::{EventfdFlags, eventfd};

/// The save that runs, if one does.
#[derive(Default)]
pub struct Attempts {
    current: Weak<Attempt>,
}

/// A save that runs. It has ended when the last reference but those of [`Cancelled`] is gone.
pub struct Attempt {
    /// Why it is to stop.
    stop: OnceLock<&'static str>,
    /// Readable from then on.
    bell: OwnedFd,
    ended: Arc<Ended>,
}

#[derive(Default)]
struct Ended {
    yes: Mutex<bool>,
    news: Condvar,
}

/// A save that has been told to stop.
pub struct Cancelled(Arc<Ended>);

impl Attempts {
    /// Begins one, if none runs.
    pub fn begin(&mut self) -> Result<Arc<Attempt>> {
        if self.current.strong_count() > 0 {
            return Err(Failure::new("a save is under way already"));
        }
        let attempt = Arc::new(Attempt {
            stop: OnceLock::new(),
            bell: eventfd(0, EventfdFlags::CLOEXEC).while_doing(|| "make an eventfd".into())?,
            ended: Arc::default(),
        });
        self.current = Arc::downgrade(&attempt);
        Ok(attempt)
    }

    /// Tells the one that runs to stop; none if there is none.
    pub fn cancel(&self, why: &'static str) -> Option<Cancelled> {
        let attempt = self.current.upgrade()?;
        if attempt.stop.set(why).is_ok() {
            let _ = rustix::io::write(&attempt.bell, &1_u64.to_ne_bytes());
        }
        Some(Cancelled(Arc::clone(&attempt.ended)))
    }
}

impl Attempt {
    /// Fails when it is to stop.
    pub fn check(&self) -> Result<()> {
        match self.stop.get() {
            Some(why) => Err(Failure::new(*why)),
            None => Ok(()),
        }
    }

    /// To wait for together with something else: readable when it is to stop.
    pub fn stopped(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        *self
            .ended
            .yes
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
        self.ended.news.notify_all();
    }
}

impl Cancelled {
    /// Waits until nothing of it is left.
    pub fn wait(self) {
        let yes = self.0.yes.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.0.news.wait_while(yes, |yes| !*yes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_at_a_time_until_it_has_ended() {
        let mut attempts = Attempts::default();
        assert!(attempts.cancel("stop").is_none());
        let attempt = attempts.begin().unwrap();
        assert!(attempts.begin().is_err());
        assert!(attempt.check().is_ok());

        let cancelled = attempts.cancel("stop").unwrap();

        assert_eq!(attempt.check().unwrap_err().to_string(), "stop");
        attempts.cancel("another reason");
        assert_eq!(attempt.check().unwrap_err().to_string(), "stop");
        let ending = std::thread::spawn(move || drop(attempt));
        cancelled.wait();
        ending.join().unwrap();
        assert!(attempts.begin().unwrap().check().is_ok());
    }
}
