//! A lock with a place to wait for something: who waits has a word of his own there, which says whether he was notified.

use std::{
    marker::PhantomData,
    sync::{Arc, MutexGuard},
    time::{Duration, Instant},
};

use wasmpool_abi::ObjectKind;

use super::{
    abandon::Ending,
    argument::plain_argument,
    holder::{HOLDER, this_thread},
    lock::{AcquireError, LOCK},
    lock_word::{Acquired, LockWord, NotAcquired},
    object::{Object, ShareError},
    words::{ALL, Page, TRIES, Woken, Words},
};

/// The one of this word waits. Without it he was notified and has not taken the lock again yet.
const WAITING: u32 = 1 << 31;

/// Places on a control page: more than workers and threads of one host ever are.
const PLACES: u32 = 1024;

/// A lock and places to wait, a word each: zero, or who is there, and [`WAITING`] until he is notified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiters {
    /// The lock, which whoever waits or notifies holds.
    pub(crate) lock: LockWord,
    /// Where the next notification begins to look, so that nobody is passed over for ever.
    pub(crate) turn: usize,
    /// Where the words begin.
    pub(crate) at: usize,
    /// How many there are.
    pub(crate) places: u32,
}

/// Those of a condition.
pub(crate) const WAITERS: Waiters = Waiters {
    lock: LOCK,
    turn: 8,
    at: 64,
    places: PLACES,
};

/// How a wait ended, with the lock taken again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waited {
    /// Whether there was a notification; else the time passed.
    pub(crate) notified: bool,
    /// How the lock was found.
    pub(crate) acquired: Acquired,
}

/// Why there was no wait, or no end of it that the caller lives to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotWaited {
    /// The caller does not hold the lock.
    NotHeld,
    /// All places are taken. The caller holds the lock still.
    Full,
    /// The task was told to stop. It does not hold the lock.
    Stopped,
}

impl Waiters {
    fn word(self, place: u32) -> usize {
        self.at + 4 * (place % self.places) as usize
    }

    /// Releases the lock, waits to be notified, at most until `until`, and takes the lock again, however long that takes.
    ///
    /// # Errors
    /// See [`NotWaited`].
    pub(crate) fn wait(
        self,
        words: &impl Words,
        holder: u32,
        until: Option<Instant>,
    ) -> Result<Waited, NotWaited> {
        if !self.lock.is_held_by(words, holder) {
            return Err(NotWaited::NotHeld);
        }
        let waiting = holder | WAITING;
        let at = (0..self.places)
            .map(|place| self.word(place))
            .find(|&at| words.load(at) == 0 && words.compare_exchange(at, 0, waiting).is_ok())
            .ok_or(NotWaited::Full)?;
        self.lock.release(words, holder);
        let mut ended = Woken::Perhaps;
        while ended == Woken::Perhaps && words.load(at) == waiting {
            ended = words.wait(at, waiting, until);
        }
        // The place is given up when the lock is held, not before: the notification of one who dies between the two is found
        // in his place and passed on.
        let acquired = match ended {
            Woken::Stopped => Err(NotAcquired::Stopped),
            Woken::Perhaps | Woken::TimedOut => match self.lock.acquire(words, holder, None) {
                // It was released above: somebody writes names into words that he has no business with.
                Err(NotAcquired::AlreadyHeld) => Ok(Acquired::Abandoned),
                acquired => acquired,
            },
        };
        match acquired {
            Ok(acquired) => Ok(Waited {
                // Notified after the time had passed, but before he was back, is notified.
                notified: words.swap(at, 0) != waiting,
                acquired,
            }),
            Err(_) => {
                self.leave(words, at, words.load(at));
                Err(NotWaited::Stopped)
            }
        }
    }

    /// Notifies up to `count` of those who wait; `false` when `holder` does not hold the lock.
    pub(crate) fn notify(self, words: &impl Words, holder: u32, count: u32) -> bool {
        if !self.lock.is_held_by(words, holder) {
            return false;
        }
        self.notify_unlocked(words, count);
        true
    }

    /// The same for one who passes on what he has no more use for.
    fn notify_unlocked(self, words: &impl Words, count: u32) {
        let first = words.load(self.turn) % self.places;
        let mut left = count;
        for place in first..first + self.places {
            if left == 0 {
                return;
            }
            let at = self.word(place);
            let now = words.load(at);
            // Whose word changes meanwhile leaves.
            if now & WAITING != 0 && words.compare_exchange(at, now, now & !WAITING).is_ok() {
                words.wake(at, ALL);
                words.store(self.turn, (place + 1) % self.places);
                left -= 1;
            }
        }
    }

    /// Gives a place up, without the lock; a notification that lies there goes to another.
    fn leave(self, words: &impl Words, at: usize, was: u32) {
        let mut now = was;
        for _ in 0..TRIES {
            match words.compare_exchange(at, now, 0) {
                Ok(_) => break,
                Err(other) if other & HOLDER == was & HOLDER => now = other,
                Err(_) => return,
            }
        }
        if now & WAITING == 0 {
            self.notify_unlocked(words, 1);
        }
    }

    /// Settles what is left of one who can do nothing any more. When he failed with the lock in his hand all who wait are
    /// notified: the notification that they wait for may have been his, and one of them will be told that he is gone.
    pub(crate) fn abandon(self, words: &impl Words, holder: u32, ending: Ending) {
        for place in 0..self.places {
            let at = self.word(place);
            let now = words.load(at);
            if now == 0 {
                continue;
            }
            if now & HOLDER == holder {
                self.leave(words, at, now);
            } else if ending == Ending::Failed && now & WAITING == 0 {
                // He may have died between the notification and the wake-up.
                words.wake(at, ALL);
            }
        }
        if self.lock.abandon(words, holder, ending) && ending == Ending::Failed {
            self.notify_unlocked(words, ALL);
        }
    }
}

/// A lock with a place to wait for something that others do under it, as Python's `multiprocessing.Condition`.
///
/// A wait may end without a notification: when the holder of the lock fails or dies, all who wait wake up, and the first of them is
/// told ([`ConditionGuard::was_abandoned`]). So look again at what was waited for, or use [`ConditionGuard::wait_while`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
/// let condition = wasmpool::Condition::new()?;
/// let done = AtomicBool::new(false);
/// std::thread::scope(|threads| {
///     threads.spawn(|| {
///         let guard = condition.lock().unwrap();
///         done.store(true, SeqCst);
///         guard.notify_all();
///     });
///     let mut guard = condition.lock().unwrap();
///     guard.wait_while(|| !done.load(SeqCst)).unwrap();
/// });
/// # Ok(())
/// # }
/// ```
pub struct Condition {
    object: Arc<Object>,
}

plain_argument!(Condition);

impl Condition {
    /// A condition for which nobody waits, and whose lock is free.
    ///
    /// # Errors
    /// No descriptors, memory or address space left.
    pub fn new() -> Result<Self, ShareError> {
        let object = Object::plain(ObjectKind::Condition)?;
        Ok(Self { object })
    }

    /// Takes the lock, waiting for as long as that takes.
    ///
    /// # Errors
    /// This thread holds it already.
    pub fn lock(&self) -> Result<ConditionGuard<'_>, AcquireError> {
        ConditionGuard::acquire(&self.object, None)
    }

    /// Takes the lock, waiting for it so long at most.
    ///
    /// # Errors
    /// The time passed, or this thread holds it already.
    pub fn lock_timeout(&self, timeout: Duration) -> Result<ConditionGuard<'_>, AcquireError> {
        ConditionGuard::acquire(&self.object, Instant::now().checked_add(timeout))
    }

    /// Takes the lock when it is free now.
    ///
    /// # Errors
    /// Somebody holds it.
    pub fn try_lock(&self) -> Result<ConditionGuard<'_>, AcquireError> {
        self.lock_timeout(Duration::ZERO)
    }
}

/// Why a wait did not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The caller does not hold the lock: a task that broke out of its sandbox has written over it.
    #[error("the lock is not held by the caller")]
    NotHeld,
    /// A thousand others wait.
    #[error("{PLACES} wait already")]
    Full,
}

/// The lock of a condition, held by this thread until the guard is dropped. When that happens while the thread panics, the next
/// holder is told that it was abandoned.
#[derive(Debug)]
#[must_use = "the lock is released when the guard is dropped"]
pub struct ConditionGuard<'a> {
    object: &'a Object,
    abandoned: bool,
    panicking: bool,
    /// The thread is what holds it.
    here: PhantomData<MutexGuard<'a, ()>>,
}

impl<'a> ConditionGuard<'a> {
    fn acquire(object: &'a Object, until: Option<Instant>) -> Result<Self, AcquireError> {
        let acquired = LOCK.acquire(&Page::new(object.map()), this_thread(), until)?;
        Ok(Self {
            object,
            abandoned: acquired == Acquired::Abandoned,
            panicking: std::thread::panicking(),
            here: PhantomData,
        })
    }

    fn wait_until(&mut self, until: Option<Instant>) -> Result<bool, WaitError> {
        match WAITERS.wait(&Page::new(self.object.map()), this_thread(), until) {
            Ok(waited) => {
                self.abandoned = waited.acquired == Acquired::Abandoned;
                Ok(waited.notified)
            }
            Err(NotWaited::Full) => Err(WaitError::Full),
            // A thread of the host is never told to stop.
            Err(NotWaited::NotHeld | NotWaited::Stopped) => Err(WaitError::NotHeld),
        }
    }

    /// Releases the lock, waits to be notified, takes the lock again.
    ///
    /// # Errors
    /// See [`WaitError`].
    pub fn wait(&mut self) -> Result<(), WaitError> {
        self.wait_until(None).map(|_| ())
    }

    /// The same, waiting so long at most; says whether there was a notification.
    ///
    /// # Errors
    /// See [`WaitError`].
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<bool, WaitError> {
        self.wait_until(Instant::now().checked_add(timeout))
    }

    /// Waits as long as `condition` says, which is asked with the lock held.
    ///
    /// # Errors
    /// See [`WaitError`].
    pub fn wait_while(&mut self, mut condition: impl FnMut() -> bool) -> Result<(), WaitError> {
        while condition() {
            self.wait()?;
        }
        Ok(())
    }

    /// The same, waiting so long at most; says whether `condition` said no in the end.
    ///
    /// # Errors
    /// See [`WaitError`].
    pub fn wait_while_timeout(
        &mut self,
        timeout: Duration,
        mut condition: impl FnMut() -> bool,
    ) -> Result<bool, WaitError> {
        let until = Instant::now().checked_add(timeout);
        while condition() {
            if !self.wait_until(until)? {
                return Ok(!condition());
            }
        }
        Ok(true)
    }

    /// Waits until `condition` says yes: the opposite of [`ConditionGuard::wait_while`], as Python has it.
    ///
    /// # Errors
    /// See [`WaitError`].
    pub fn wait_for(&mut self, mut condition: impl FnMut() -> bool) -> Result<(), WaitError> {
        self.wait_while(|| !condition())
    }

    /// Wakes one of those who wait.
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Wakes up to `count` of those who wait.
    pub fn notify(&self, count: u32) {
        // False only when a hostile worker has written over the lock: then nobody is owed anything.
        WAITERS.notify(&Page::new(self.object.map()), this_thread(), count);
    }

    /// Wakes all who wait.
    pub fn notify_all(&self) {
        self.notify(ALL);
    }

    /// Whether the last holder, before the guard was made or before its last wait ended, failed or died while holding the lock, so
    /// that what it protects may be half changed.
    pub fn was_abandoned(&self) -> bool {
        self.abandoned
    }
}

impl Drop for ConditionGuard<'_> {
    fn drop(&mut self) {
        let words = Page::new(self.object.map());
        // As with a lock, false means that there is nothing left to release.
        if std::thread::panicking() && !self.panicking {
            WAITERS.abandon(&words, this_thread(), Ending::Failed);
        } else {
            LOCK.release(&words, this_thread());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use super::*;

    #[test]
    fn a_notification_wakes_as_many_as_it_says() {
        let condition = Condition::new().unwrap();
        let (waiting, woken) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|threads| {
            for _ in 0..3 {
                threads.spawn(|| {
                    let mut guard = condition.lock().unwrap();
                    waiting.fetch_add(1, SeqCst);
                    guard.wait().unwrap();
                    woken.fetch_add(1, SeqCst);
                });
            }
            // The lock is free and all have been in: all wait.
            while waiting.load(SeqCst) < 3 {
                std::thread::yield_now();
            }
            condition.lock().unwrap().notify_one();
            while woken.load(SeqCst) < 1 {
                std::thread::yield_now();
            }
            let guard = condition.lock().unwrap();
            assert_eq!(woken.load(SeqCst), 1);
            guard.notify(0);
            guard.notify_all();
        });
        assert_eq!(woken.load(SeqCst), 3);
    }

    #[test]
    fn a_wait_without_a_notification_ends_with_its_time() {
        let condition = Condition::new().unwrap();
        let mut guard = condition.lock().unwrap();
        assert!(!guard.wait_timeout(Duration::from_millis(2)).unwrap());
        assert!(
            !guard
                .wait_while_timeout(Duration::from_millis(2), || true)
                .unwrap()
        );
        drop(guard);
        assert!(condition.try_lock().is_ok());
    }

    #[test]
    fn who_waits_is_told_of_a_holder_that_panicked() {
        let condition = Condition::new().unwrap();
        let mut guard = condition.lock().unwrap();
        let other = condition.clone();
        let panics = std::thread::spawn(move || {
            let _guard = other.lock().unwrap();
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        guard.wait().unwrap();
        assert!(guard.was_abandoned());
        panics.join().unwrap_err();
    }
}
