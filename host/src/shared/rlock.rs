//! A lock that its holder can take again: a lock word and a count that only the holder changes.

use std::{
    marker::PhantomData,
    sync::{Arc, MutexGuard},
    time::{Duration, Instant},
};

use wasmpool_abi::ObjectKind;

use super::{
    argument::plain_argument,
    holder::this_thread,
    lock::{self, AcquireError, LOCK},
    lock_word::{Acquired, NotAcquired},
    object::{Object, ShareError},
    words::{Page, Words},
};

/// How often the holder has it. Meaningless while nobody does.
const COUNT: usize = 4;

/// Why the lock was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotEntered {
    /// The time has come.
    TimedOut,
    /// The task that waits was told to stop.
    Stopped,
    /// The count is full.
    TooDeep,
}

/// Takes it, once or once more.
///
/// # Errors
/// It was not to be had in time.
pub(crate) fn acquire(
    words: &impl Words,
    holder: u32,
    until: Option<Instant>,
) -> Result<Acquired, NotEntered> {
    match LOCK.acquire(words, holder, until) {
        Ok(acquired) => {
            // Whatever one who died has left there.
            words.store(COUNT, 1);
            Ok(acquired)
        }
        Err(NotAcquired::AlreadyHeld) => {
            let count = words.load(COUNT).checked_add(1);
            words.store(COUNT, count.ok_or(NotEntered::TooDeep)?);
            Ok(Acquired::Clean)
        }
        Err(NotAcquired::TimedOut) => Err(NotEntered::TimedOut),
        Err(NotAcquired::Stopped) => Err(NotEntered::Stopped),
    }
}

/// Releases it once; `false` when `holder` does not have it.
pub(crate) fn release(words: &impl Words, holder: u32) -> bool {
    if !LOCK.is_held_by(words, holder) {
        return false;
    }
    match words.load(COUNT) {
        // Zero is not a count: who wrote that did not keep the rules.
        0 | 1 => LOCK.release(words, holder),
        count => {
            words.store(COUNT, count - 1);
            true
        }
    }
}

/// A lock that its holder can take again, as Python's `multiprocessing.RLock`: it is free when each guard is gone.
///
/// For everything else it is a [`Lock`](crate::Lock).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let lock = wasmpool::RLock::new()?;
/// let outer = lock.acquire()?;
/// let inner = lock.acquire()?;
/// # drop((outer, inner));
/// # Ok(())
/// # }
/// ```
pub struct RLock {
    object: Arc<Object>,
}

plain_argument!(RLock);

impl RLock {
    /// A lock that nobody holds.
    ///
    /// # Errors
    /// No descriptors, memory or address space left.
    pub fn new() -> Result<Self, ShareError> {
        let object = Object::plain(ObjectKind::RLock)?;
        Ok(Self { object })
    }

    /// Takes it, waiting for as long as that takes.
    ///
    /// # Errors
    /// This thread has taken it more than four thousand million times.
    pub fn acquire(&self) -> Result<RLockGuard<'_>, AcquireError> {
        self.acquire_until(None)
    }

    /// Takes it, waiting for it so long at most.
    ///
    /// # Errors
    /// The time passed.
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<RLockGuard<'_>, AcquireError> {
        self.acquire_until(Instant::now().checked_add(timeout))
    }

    /// Takes it when nobody else holds it now.
    ///
    /// # Errors
    /// Somebody does.
    pub fn try_acquire(&self) -> Result<RLockGuard<'_>, AcquireError> {
        self.acquire_timeout(Duration::ZERO)
    }

    fn acquire_until(&self, until: Option<Instant>) -> Result<RLockGuard<'_>, AcquireError> {
        let words = Page::new(self.object.map());
        let acquired = acquire(&words, this_thread(), until).map_err(|error| match error {
            // A thread of the host is never told to stop.
            NotEntered::TimedOut | NotEntered::Stopped => AcquireError::TimedOut,
            NotEntered::TooDeep => AcquireError::TooDeep,
        })?;
        Ok(RLockGuard {
            object: &self.object,
            abandoned: acquired == Acquired::Abandoned,
            panicking: std::thread::panicking(),
            here: PhantomData,
        })
    }
}

/// One taking of an [`RLock`], given back when the guard is dropped. When that happens while the thread panics, the next holder is
/// told that it was abandoned.
#[derive(Debug)]
#[must_use = "the lock is released when the guard is dropped"]
pub struct RLockGuard<'a> {
    object: &'a Object,
    abandoned: bool,
    panicking: bool,
    /// The thread is what holds it.
    here: PhantomData<MutexGuard<'a, ()>>,
}

impl RLockGuard<'_> {
    /// Whether the last holder failed or died while holding it, so that what it protects may be half changed. Only the outermost
    /// guard says so.
    pub fn was_abandoned(&self) -> bool {
        self.abandoned
    }
}

impl Drop for RLockGuard<'_> {
    fn drop(&mut self) {
        let words = Page::new(self.object.map());
        if words.load(COUNT) <= 1 {
            lock::release(self.object, self.panicking);
        } else {
            release(&words, this_thread());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_free_when_the_last_guard_is_gone() {
        let lock = RLock::new().unwrap();
        let free = || {
            std::thread::scope(|threads| {
                threads.spawn(|| lock.try_acquire().is_ok()).join().unwrap()
            })
        };
        let outer = lock.acquire().unwrap();
        let inner = lock.acquire().unwrap();
        drop(outer);
        assert!(!free());
        drop(inner);
        assert!(free());
    }

    #[test]
    fn a_panic_deep_inside_is_told_to_the_next() {
        let lock = RLock::new().unwrap();
        let other = lock.clone();
        std::thread::spawn(move || {
            let _outer = other.acquire().unwrap();
            let _inner = other.acquire().unwrap();
            std::panic::resume_unwind(Box::new("on purpose"));
        })
        .join()
        .unwrap_err();
        let guard = lock.acquire().unwrap();
        assert!(guard.was_abandoned());
        assert!(!lock.acquire().unwrap().was_abandoned());
    }
}
