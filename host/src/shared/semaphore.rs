//! Semaphores: every permit is a word that says who holds it, so that those of the dead come back.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use wasmpool_abi::ObjectKind;

use super::{
    abandon::Ending,
    argument::plain_argument,
    holder::{HOLDER, this_thread},
    lock::AcquireError,
    object::{Object, ShareError},
    words::{Over, Page, Signal, Woken, Words},
};
use crate::wire::message::Shape;

/// Permits that one semaphore can have: each acquire looks through them.
pub(crate) const MAX_PERMITS: u32 = 1024;

/// Nobody holds the permit.
const FREE: u32 = 1 << 31;
/// The permit is taken, and by nobody who could die: it comes back by a release only.
const KEPT: u32 = 1 << 30;

/// Permits from this offset on, `slots` of them at most: a word each, the first that is zero is behind the last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permits {
    /// Raised when a permit becomes free.
    pub(crate) freed: Signal,
    /// Where the words begin.
    pub(crate) at: usize,
    /// How many there can be.
    pub(crate) slots: u32,
    /// Whether there are never more than at the start.
    pub(crate) bounded: bool,
}

impl Permits {
    /// Those of a control page.
    pub(crate) const fn new(bounded: bool) -> Self {
        Self {
            freed: Signal(0),
            at: 64,
            slots: MAX_PERMITS,
            bounded,
        }
    }

    /// Makes the first permits, before anybody else can see the words.
    pub(crate) fn start(self, words: &impl Words, permits: u32) {
        for slot in 0..permits.min(self.slots) {
            words.store(self.word(slot), FREE);
        }
    }

    fn word(self, slot: u32) -> usize {
        self.at + 4 * slot as usize
    }

    /// The words of the permits that exist, each with what it says.
    fn each(self, words: &impl Words) -> impl Iterator<Item = (usize, u32)> {
        (0..self.slots)
            .map(move |slot| (self.word(slot), words.load(self.word(slot))))
            .take_while(|(_, now)| *now != 0)
    }

    /// Changes one permit that `wanted` holds for; `false` when there is none.
    fn change(self, words: &impl Words, wanted: impl Fn(u32) -> bool, into: u32) -> bool {
        self.each(words)
            .any(|(at, now)| wanted(now) && words.compare_exchange(at, now, into).is_ok())
    }

    /// Takes a permit.
    ///
    /// # Errors
    /// None was to be had in time.
    pub(crate) fn acquire(
        self,
        words: &impl Words,
        holder: u32,
        until: Option<Instant>,
    ) -> Result<(), Over> {
        loop {
            // Read first: whatever becomes free after the look is a change.
            let seen = self.freed.now(words);
            if self.change(words, |now| now == FREE, holder) {
                return Ok(());
            }
            match self.freed.wait(words, seen, until) {
                Woken::Perhaps => {}
                // Everybody who waits is woken by every change, so there is no wake-up to pass on.
                Woken::TimedOut => return Err(Over::TimedOut),
                Woken::Stopped => return Err(Over::Stopped),
            }
        }
    }

    /// Gives a permit back: one of the caller's, else one that is kept, else another's; else there is one more from now on.
    ///
    /// # Errors
    /// There cannot be more.
    pub(crate) fn release(self, words: &impl Words, holder: u32) -> Result<(), ReleaseError> {
        let is_back = self.change(words, |now| now == holder, FREE)
            || self.change(words, |now| now == KEPT, FREE)
            || self.change(words, |now| now != FREE, FREE)
            || (!self.bounded && self.make(words));
        if is_back {
            self.freed.notify(words);
            return Ok(());
        }
        Err(if self.bounded {
            ReleaseError::NotHeld
        } else {
            ReleaseError::TooMany
        })
    }

    fn make(self, words: &impl Words) -> bool {
        (0..self.slots).any(|slot| words.compare_exchange(self.word(slot), 0, FREE).is_ok())
    }

    /// Keeps a permit of the caller's taken when he ends; `false` when he holds none.
    pub(crate) fn keep(self, words: &impl Words, holder: u32) -> bool {
        self.change(words, |now| now == holder, KEPT)
    }

    /// How many are free.
    pub(crate) fn value(self, words: &impl Words) -> u32 {
        let free = self.each(words).filter(|(_, now)| *now == FREE).count();
        u32::try_from(free).unwrap_or(self.slots)
    }

    /// Frees what one who can do nothing any more holds.
    pub(crate) fn abandon(self, words: &impl Words, holder: u32, ending: Ending) {
        let mut freed = false;
        for (at, now) in self.each(words) {
            // Whoever changed it meanwhile has freed it.
            freed |= now & HOLDER == holder && words.compare_exchange(at, now, FREE).is_ok();
        }
        match ending {
            Ending::Returned if !freed => {}
            Ending::Returned => self.freed.notify(words),
            Ending::Failed => self.freed.notify_for_the_dead(words),
        }
    }
}

/// Why a permit was not given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// All permits of a bounded semaphore are free.
    #[error("released more often than acquired")]
    NotHeld,
    /// A semaphore has 1,024 permits at most.
    #[error("a semaphore has {MAX_PERMITS} permits at most")]
    TooMany,
}

macro_rules! semaphore {
    ($(#[doc = $doc:literal])+ $name:ident, $bounded:literal) => {
        $(#[doc = $doc])+
        pub struct $name {
            object: Arc<Object>,
        }

        plain_argument!($name);

        impl $name {
            const PERMITS: Permits = Permits::new($bounded);

            /// A semaphore with so many permits, all of them free.
            ///
            /// # Errors
            /// More than 1,024; no descriptors, memory or address space left.
            pub fn new(permits: u32) -> Result<Self, ShareError> {
                let kind = ObjectKind::$name;
                if permits > MAX_PERMITS {
                    let refused = format!("{permits} permits, and {MAX_PERMITS} are allowed");
                    let source = io::Error::new(io::ErrorKind::InvalidInput, refused);
                    return Err(ShareError { kind, source });
                }
                let object = Object::in_memory(kind, Shape::Semaphore { permits }, 0)
                    .map_err(|source| ShareError { kind, source })?;
                Self::PERMITS.start(&Page::new(object.map()), permits);
                Ok(Self { object })
            }

            /// Takes a permit, waiting for as long as that takes.
            ///
            /// # Errors
            /// None: the result is that of its kin.
            pub fn acquire(&self) -> Result<Permit<'_>, AcquireError> {
                self.acquire_until(None)
            }

            /// Takes a permit, waiting for one so long at most.
            ///
            /// # Errors
            /// The time passed.
            pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>, AcquireError> {
                self.acquire_until(Instant::now().checked_add(timeout))
            }

            /// Takes a permit when one is free now.
            ///
            /// # Errors
            /// None is.
            pub fn try_acquire(&self) -> Result<Permit<'_>, AcquireError> {
                self.acquire_timeout(Duration::ZERO)
            }

            fn acquire_until(&self, until: Option<Instant>) -> Result<Permit<'_>, AcquireError> {
                let holder = this_thread();
                Self::PERMITS
                    .acquire(&Page::new(self.object.map()), holder, until)
                    // A thread of the host is never told to stop.
                    .map_err(|_: Over| AcquireError::TimedOut)?;
                Ok(Permit {
                    object: &self.object,
                    permits: Self::PERMITS,
                    holder,
                })
            }

            /// Gives a permit back that was kept ([`Permit::forget`]), or that somebody else took.
            ///
            /// # Errors
            /// See [`ReleaseError`].
            pub fn release(&self) -> Result<(), ReleaseError> {
                Self::PERMITS.release(&Page::new(self.object.map()), NOBODY)
            }

            /// How many permits are free at this moment.
            pub fn value(&self) -> u32 {
                Self::PERMITS.value(&Page::new(self.object.map()))
            }
        }
    };
}
/// A holder that holds nothing.
const NOBODY: u32 = 0;

semaphore! {
    /// A number of permits, as Python's `multiprocessing.Semaphore`: a release without an acquire makes one more.
    ///
    /// A permit belongs to the task or the thread that took it. When the task ends, however it does, what it held is free again. To
    /// use a semaphore as a signal, where one side only acquires and the other only releases, the acquiring side *keeps* each permit
    /// ([`Permit::forget`]): a kept one comes back by a release only.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let at_most_two = wasmpool::Semaphore::new(2)?;
    /// let permit = at_most_two.acquire()?;
    /// assert_eq!(at_most_two.value(), 1);
    /// drop(permit);
    /// at_most_two.release()?; // without an acquire: there are three now
    /// assert_eq!(at_most_two.value(), 3);
    /// # Ok(())
    /// # }
    /// ```
    Semaphore, false
}

semaphore! {
    /// A number of permits that never grows, as Python's `multiprocessing.BoundedSemaphore`: a release without an acquire is an
    /// error. For everything else it is a [`Semaphore`].
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let semaphore = wasmpool::BoundedSemaphore::new(2)?;
    /// assert_eq!(semaphore.release(), Err(wasmpool::ReleaseError::NotHeld));
    /// # Ok(())
    /// # }
    /// ```
    BoundedSemaphore, true
}

/// A permit of a semaphore, given back when it is dropped, by whatever thread.
#[derive(Debug)]
#[must_use = "the permit is given back when it is dropped"]
pub struct Permit<'a> {
    object: &'a Object,
    permits: Permits,
    holder: u32,
}

impl Permit<'_> {
    /// Keeps the permit taken: it comes back by a release only.
    pub fn forget(self) {
        let words = Page::new(self.object.map());
        self.permits.keep(&words, self.holder);
        std::mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // Refused only when somebody else has given it back already.
        let _ = self
            .permits
            .release(&Page::new(self.object.map()), self.holder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_counted() {
        let semaphore = Semaphore::new(2).unwrap();
        let first = semaphore.acquire().unwrap();
        let second = semaphore.acquire().unwrap();
        assert_eq!(semaphore.try_acquire().unwrap_err(), AcquireError::TimedOut);
        assert_eq!(semaphore.value(), 0);
        drop(first);
        assert_eq!(semaphore.value(), 1);
        drop(second);
        semaphore.release().unwrap();
        assert_eq!(semaphore.value(), 3);
    }

    #[test]
    fn a_semaphore_of_none_is_a_signal() {
        let semaphore = Semaphore::new(0).unwrap();
        let other = semaphore.clone();
        let waiter = std::thread::spawn(move || {
            for _ in 0..1000 {
                other.acquire().unwrap().forget();
            }
        });
        for _ in 0..1000 {
            semaphore.release().unwrap();
        }
        waiter.join().unwrap();
        assert_eq!(semaphore.value(), 0);
    }

    #[test]
    fn bounds_hold() {
        let bounded = BoundedSemaphore::new(1).unwrap();
        assert_eq!(bounded.release(), Err(ReleaseError::NotHeld));
        bounded.acquire().unwrap().forget();
        bounded.release().unwrap();
        assert_eq!(bounded.release(), Err(ReleaseError::NotHeld));
        let many = Semaphore::new(MAX_PERMITS).unwrap();
        assert_eq!(many.value(), MAX_PERMITS);
        assert_eq!(many.release(), Err(ReleaseError::TooMany));
        let error = Semaphore::new(MAX_PERMITS + 1).unwrap_err();
        assert_eq!(error.to_string(), "failed to make a Semaphore");
    }
}
