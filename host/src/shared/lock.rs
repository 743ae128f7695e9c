//! A lock that host and guests take alike. `lock_word.rs` has its word, which other objects carry too.

use std::{
    marker::PhantomData,
    sync::{Arc, MutexGuard},
    time::{Duration, Instant},
};

use wasmpool_abi::ObjectKind;

use super::{
    abandon::Ending,
    argument::plain_argument,
    holder::this_thread,
    lock_word::{Acquired, LockWord, NotAcquired},
    object::{Object, ShareError},
    words::Page,
};

/// Where the lock of every object lies that has one.
pub(crate) const LOCK: LockWord = LockWord(0);

/// A lock that one task or one thread of the host holds at a time, as Python's `multiprocessing.Lock`.
///
/// Given to a task as (part of) an argument it is the same lock there. A task that returns while it holds the lock leaves it free;
/// when the holder fails or dies, the lock is free too and the next who takes it is told ([`LockGuard::was_abandoned`]).
///
/// Unlike Python's, it knows its holder: nobody else can release it, and who takes it twice gets an error instead of waiting for
/// ever.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let lock = wasmpool::Lock::new()?;
/// {
///     let guard = lock.acquire()?;
///     assert!(!guard.was_abandoned());
/// } // released
/// assert!(lock.try_acquire().is_ok());
/// # Ok(())
/// # }
/// ```
pub struct Lock {
    object: Arc<Object>,
}

plain_argument!(Lock);

impl Lock {
    /// A lock that nobody holds.
    ///
    /// # Errors
    /// No descriptors, memory or address space left.
    pub fn new() -> Result<Self, ShareError> {
        let object = Object::plain(ObjectKind::Lock)?;
        Ok(Self { object })
    }

    /// Takes it, waiting for as long as that takes.
    ///
    /// # Errors
    /// This thread holds it already.
    pub fn acquire(&self) -> Result<LockGuard<'_>, AcquireError> {
        LockGuard::acquire(&self.object, None)
    }

    /// Takes it, waiting for it so long at most.
    ///
    /// # Errors
    /// The time passed, or this thread holds it already.
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<LockGuard<'_>, AcquireError> {
        LockGuard::acquire(&self.object, Instant::now().checked_add(timeout))
    }

    /// Takes it when it is free now.
    ///
    /// # Errors
    /// Somebody holds it.
    pub fn try_acquire(&self) -> Result<LockGuard<'_>, AcquireError> {
        self.acquire_timeout(Duration::ZERO)
    }
}

/// Why a lock was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// The time passed, or it was not free for one who did not want to wait.
    #[error("timed out")]
    TimedOut,
    /// The caller holds it already, and would wait for itself for ever.
    #[error("held by the caller already")]
    AlreadyHeld,
    /// The caller has taken it more often than can be counted.
    #[error("taken too often")]
    TooDeep,
}

impl From<NotAcquired> for AcquireError {
    fn from(error: NotAcquired) -> Self {
        match error {
            // A thread of the host is never told to stop.
            NotAcquired::TimedOut | NotAcquired::Stopped => AcquireError::TimedOut,
            NotAcquired::AlreadyHeld => AcquireError::AlreadyHeld,
        }
    }
}

/// The lock of an object, held by this thread until the guard is dropped. When that happens while the thread panics, the next
/// holder is told that it was abandoned.
#[derive(Debug)]
#[must_use = "the lock is released when the guard is dropped"]
pub struct LockGuard<'a> {
    object: &'a Object,
    abandoned: bool,
    panicking: bool,
    /// The thread is what holds it.
    here: PhantomData<MutexGuard<'a, ()>>,
}

impl<'a> LockGuard<'a> {
    /// Takes the lock of an object that has one.
    ///
    /// # Errors
    /// The time passed, or this thread holds it already.
    pub(crate) fn acquire(
        object: &'a Object,
        until: Option<Instant>,
    ) -> Result<Self, AcquireError> {
        let acquired = LOCK.acquire(&Page::new(object.map()), this_thread(), until)?;
        Ok(Self {
            object,
            abandoned: acquired == Acquired::Abandoned,
            panicking: std::thread::panicking(),
            here: PhantomData,
        })
    }

    /// Whether its last holder failed or died while holding it, so that what it protects may be half changed.
    pub fn was_abandoned(&self) -> bool {
        self.abandoned
    }
}

impl Drop for LockGuard<'_> {
    fn drop(&mut self) {
        release(self.object, self.panicking);
    }
}

/// Releases the lock of an object, as abandoned when this thread has begun to panic since it took it.
pub(super) fn release(object: &Object, panicking_before: bool) {
    let words = Page::new(object.map());
    // Either says false when a hostile worker has written over the word: then there is nothing left to release.
    if std::thread::panicking() && !panicking_before {
        LOCK.abandon(&words, this_thread(), Ending::Failed);
    } else {
        LOCK.release(&words, this_thread());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_holds_it_and_the_others_wait() {
        let lock = Lock::new().unwrap();
        let guard = lock.acquire().unwrap();
        assert_eq!(lock.try_acquire().unwrap_err(), AcquireError::AlreadyHeld);
        let other = lock.clone();
        std::thread::spawn(move || {
            let soon = Duration::from_millis(5);
            let refused = [other.try_acquire(), other.acquire_timeout(soon)];
            for refused in refused {
                assert_eq!(refused.unwrap_err(), AcquireError::TimedOut);
            }
        })
        .join()
        .unwrap();
        let other = lock.clone();
        let waits = std::thread::spawn(move || drop(other.acquire().unwrap()));
        drop(guard);
        waits.join().unwrap();
        assert!(lock.try_acquire().is_ok_and(|guard| !guard.was_abandoned()));
    }

    #[test]
    fn a_panic_is_told_to_the_next_and_to_nobody_after() {
        let lock = Lock::new().unwrap();
        let other = lock.clone();
        std::thread::spawn(move || {
            let _guard = other.acquire().unwrap();
            std::panic::resume_unwind(Box::new("on purpose"));
        })
        .join()
        .unwrap_err();
        assert!(lock.acquire().unwrap().was_abandoned());
        assert!(!lock.acquire().unwrap().was_abandoned());
    }

    #[test]
    fn threads_that_count_under_it_lose_nothing() {
        let lock = Lock::new().unwrap();
        let words = lock.object.map();
        let count = 64;
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for _ in 0..2000 {
                        let _guard = lock.acquire().unwrap();
                        // Not one operation, so that two at once would lose counts.
                        let now = words
                            .u32_at(count)
                            .load(std::sync::atomic::Ordering::Relaxed);
                        words
                            .u32_at(count)
                            .store(now + 1, std::sync::atomic::Ordering::Relaxed);
                    }
                });
            }
        });
        let counted = words
            .u32_at(count)
            .load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(counted, 8000);
    }
}
