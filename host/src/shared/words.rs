//! The words of a control page, and sleeping on them. What is built of them knows neither processes nor clocks.
//!
//! [`Words`] is a trait so that the same code runs on real memory and under a checker that tries every interleaving.
//! All operations are sequentially consistent: the arguments in `README.md` need one order, and on the processors that
//! this runs on it costs nothing beside the locked instructions themselves.

use std::{
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

use rustix::{io::Errno, thread::futex, time::Timespec};

use crate::sys::shared::SharedMap;

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// Something may have changed: look again.
    Perhaps,
    /// The time has come.
    TimedOut,
    /// The task that waits was told to stop.
    Stopped,
}

/// Why there is nothing to wait for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// The time has come.
    TimedOut,
    /// The task that waits was told to stop.
    Stopped,
}

/// Words of 32 and 64 bits at byte offsets, which others change at any instant.
pub(crate) trait Words {
    /// Reads a word.
    fn load(&self, at: usize) -> u32;
    /// Writes a word.
    fn store(&self, at: usize, value: u32);
    /// Writes a word and returns what it was.
    fn swap(&self, at: usize, value: u32) -> u32;
    /// Writes `new` when the word is `old`.
    ///
    /// # Errors
    /// What it is instead.
    fn compare_exchange(&self, at: usize, old: u32, new: u32) -> Result<u32, u32>;
    /// Reads a word of 64 bits.
    fn load64(&self, at: usize) -> u64;
    /// Writes a word of 64 bits.
    fn store64(&self, at: usize, value: u64);
    /// Writes `new` when the word of 64 bits is `old`.
    ///
    /// # Errors
    /// What it is instead.
    fn compare_exchange64(&self, at: usize, old: u64, new: u64) -> Result<u64, u64>;
    /// Whether a wait until `until` would be over at once, and why: for loops that somebody else can keep going without
    /// a sleep.
    fn is_over(&self, until: Option<Instant>) -> Option<Over>;
    /// Sleeps while the word is `expected`, at most until `until`. May wake without a reason.
    fn wait(&self, at: usize, expected: u32, until: Option<Instant>) -> Woken;
    /// Wakes up to `count` of those who sleep on the word.
    fn wake(&self, at: usize, count: u32);
}

/// All who sleep on a word.
pub(crate) const ALL: u32 = i32::MAX.cast_unsigned();

/// The longest single sleep of a task: after it the stop word is read again, in case its signal came just before the sleep.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Real words, in memory that several processes map.
pub(crate) struct Page<'a> {
    map: &'a SharedMap,
    /// Whether the task that waits here was told to stop; the host's own threads have no such thing.
    stop: Option<&'a dyn Fn() -> bool>,
}

impl std::fmt::Debug for Page<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Page").finish_non_exhaustive()
    }
}

impl<'a> Page<'a> {
    /// The words of an object, for a thread of the host.
    pub(crate) fn new(map: &'a SharedMap) -> Self {
        Self { map, stop: None }
    }

    /// The same for a task: a wait ends when `stop` says so.
    pub(crate) fn for_task(map: &'a SharedMap, stop: &'a dyn Fn() -> bool) -> Self {
        Self {
            map,
            stop: Some(stop),
        }
    }

    /// Whether the task that works here was told to stop.
    pub(crate) fn stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop())
    }

    /// The bytes behind the words.
    pub(crate) fn map(&self) -> &SharedMap {
        self.map
    }
}

impl Words for Page<'_> {
    fn load(&self, at: usize) -> u32 {
        self.map.u32_at(at).load(SeqCst)
    }

    fn store(&self, at: usize, value: u32) {
        self.map.u32_at(at).store(value, SeqCst);
    }

    fn swap(&self, at: usize, value: u32) -> u32 {
        self.map.u32_at(at).swap(value, SeqCst)
    }

    fn compare_exchange(&self, at: usize, old: u32, new: u32) -> Result<u32, u32> {
        self.map
            .u32_at(at)
            .compare_exchange(old, new, SeqCst, SeqCst)
    }

    fn load64(&self, at: usize) -> u64 {
        self.map.u64_at(at).load(SeqCst)
    }

    fn store64(&self, at: usize, value: u64) {
        self.map.u64_at(at).store(value, SeqCst);
    }

    fn compare_exchange64(&self, at: usize, old: u64, new: u64) -> Result<u64, u64> {
        self.map
            .u64_at(at)
            .compare_exchange(old, new, SeqCst, SeqCst)
    }

    fn is_over(&self, until: Option<Instant>) -> Option<Over> {
        if self.stop.is_some_and(|stop| stop()) {
            return Some(Over::Stopped);
        }
        let passed = until.is_some_and(|until| Instant::now() >= until);
        passed.then_some(Over::TimedOut)
    }

    fn wait(&self, at: usize, expected: u32, until: Option<Instant>) -> Woken {
        match self.is_over(until) {
            Some(Over::Stopped) => return Woken::Stopped,
            Some(Over::TimedOut) => return Woken::TimedOut,
            None => {}
        }
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let slice = match (left, self.stop) {
            (Some(left), Some(_)) => Some(left.min(LONGEST_WAIT)),
            (None, Some(_)) => Some(LONGEST_WAIT),
            (left, None) => left,
        };
        // One too long for the kernel's clock is as good as none.
        let slice = slice.and_then(|slice| Timespec::try_from(slice).ok());
        let word = self.map.u32_at(at);
        match futex::wait(word, futex::Flags::empty(), expected, slice.as_ref()) {
            Err(Errno::TIMEDOUT) if until.is_some_and(|until| Instant::now() >= until) => {
                Woken::TimedOut
            }
            // Whoever returns `Stopped` may have been woken by the one wake-up there was: it is his to pass on.
            _ if self.stop.is_some_and(|stop| stop()) => Woken::Stopped,
            _ => Woken::Perhaps,
        }
    }

    fn wake(&self, at: usize, count: u32) {
        let _ = futex::wake(self.map.u32_at(at), futex::Flags::empty(), count);
    }
}

/// A word that counts changes of something, for those who wait for it to change: bit 0 says that somebody sleeps on it,
/// the rest is the count. One word for both, so that a change either sees the sleeper or is seen by him.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signal(pub(crate) usize);

/// Somebody sleeps on the word of a [`Signal`].
pub(crate) const SLEEPERS: u32 = 1;
/// One change in the word of a [`Signal`].
pub(crate) const CHANGE: u32 = 2;

/// Tries of a loop that only a hostile process can keep from its end.
pub(crate) const TRIES: u32 = 1 << 20;

impl Signal {
    /// What it is now; read before what is waited for is looked at.
    pub(crate) fn now(self, words: &impl Words) -> u32 {
        words.load(self.0)
    }

    /// Sleeps unless there was a change since [`Signal::now`] said `seen`.
    pub(crate) fn wait(self, words: &impl Words, seen: u32, until: Option<Instant>) -> Woken {
        let asleep = seen | SLEEPERS;
        if seen != asleep && words.compare_exchange(self.0, seen, asleep).is_err() {
            // A stranger may change it each time that somebody is about to sleep: the wait ends in time all the same.
            return match words.is_over(until) {
                Some(Over::TimedOut) => Woken::TimedOut,
                Some(Over::Stopped) => Woken::Stopped,
                None => Woken::Perhaps,
            };
        }
        words.wait(self.0, asleep, until)
    }

    /// Something has changed: wakes all who wait.
    pub(crate) fn notify(self, words: &impl Words) {
        let mut old = words.load(self.0);
        for _ in 0..TRIES {
            let new = (old & !SLEEPERS).wrapping_add(CHANGE);
            match words.compare_exchange(self.0, old, new) {
                Ok(_) if old & SLEEPERS == 0 => return,
                Ok(_) => break,
                Err(now) => old = now,
            }
        }
        words.wake(self.0, ALL);
    }

    /// [`Signal::notify`] in the name of one who died: he may have noted a change and not have woken anybody, so all
    /// are woken, whether the word says that somebody sleeps or not.
    pub(crate) fn notify_for_the_dead(self, words: &impl Words) {
        self.notify(words);
        words.wake(self.0, ALL);
    }
}

/// How often a loop that others can keep going looks whether its time is over.
const LOOK_EVERY: u32 = 1 << 8;

/// Counts the rounds of a loop that goes round again only because somebody else changed a word meanwhile: honest
/// processes do that a few times, a hostile one could do it for ever.
#[derive(Debug, Default)]
pub(crate) struct Rounds(u32);

impl Rounds {
    /// One more; now and then it looks at the clock and the stop word.
    pub(crate) fn again(&mut self, words: &impl Words, until: Option<Instant>) -> Option<Over> {
        self.0 = self.0.wrapping_add(1);
        match self.0 % LOOK_EVERY {
            0 => words.is_over(until),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::shared::{
        barrier::{NotMet, PLACES},
        semaphore::Permits,
    };

    /// Words of which one is changed by somebody else each time that the caller wants to change it.
    struct Restless {
        at: usize,
        tries: Cell<u32>,
    }

    impl Words for Restless {
        fn load(&self, _: usize) -> u32 {
            0
        }
        fn store(&self, _: usize, _: u32) {}
        fn swap(&self, _: usize, _: u32) -> u32 {
            0
        }
        fn compare_exchange(&self, at: usize, old: u32, _: u32) -> Result<u32, u32> {
            if at != self.at {
                return Ok(old);
            }
            self.tries.set(self.tries.get() + 1);
            assert!(self.tries.get() < 4 * TRIES, "it goes on for ever");
            Err(CHANGE)
        }
        fn load64(&self, _: usize) -> u64 {
            0
        }
        fn store64(&self, _: usize, _: u64) {}
        fn compare_exchange64(&self, _: usize, old: u64, _: u64) -> Result<u64, u64> {
            Ok(old)
        }
        fn is_over(&self, until: Option<Instant>) -> Option<Over> {
            until.map(|_| Over::TimedOut)
        }
        fn wait(&self, _: usize, _: u32, _: Option<Instant>) -> Woken {
            unreachable!("the word never stays as it was")
        }
        fn wake(&self, _: usize, _: u32) {}
    }

    #[test]
    fn a_word_that_never_rests_keeps_nobody_beyond_his_time() {
        let restless = |signal: Signal| Restless {
            at: signal.0,
            tries: Cell::new(0),
        };
        let now = Some(Instant::now());
        let permits = Permits::new(false);
        assert_eq!(
            permits.acquire(&restless(permits.freed), 7, now),
            Err(Over::TimedOut)
        );
        assert_eq!(
            PLACES.wait(&restless(PLACES.ended), 2, 7, now),
            Err(NotMet::TimedOut)
        );
    }
}
