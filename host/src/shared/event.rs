//! A flag to wait for: one word with the flag, the number of times that it was set, and whether somebody sleeps.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use wasmpool_abi::ObjectKind;

use super::{
    abandon::Ending,
    argument::plain_argument,
    object::{Object, ShareError},
    reactor::Changed,
    waiting::{Sealed, Waitable, Word},
    words::{ALL, Over, Page, Rounds, Signal, TRIES, Woken, Words},
};

/// Somebody may sleep on the word.
const SLEEPERS: u32 = 1;
/// The flag.
const SET: u32 = 2;
/// One in the count of the times that it was set: who waits misses none, however soon it is cleared again.
const TIME: u32 = 4;

/// A flag at this offset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag(pub(crate) usize);

/// That of an event.
pub(crate) const FLAG: Flag = Flag(0);

impl Flag {
    /// Sets it and wakes all who wait.
    pub(crate) fn set(self, words: &impl Words) {
        let mut now = words.load(self.0);
        for _ in 0..TRIES {
            if now & SET != 0 {
                return;
            }
            let set = (now & !SLEEPERS | SET).wrapping_add(TIME);
            match words.compare_exchange(self.0, now, set) {
                Ok(_) if now & SLEEPERS == 0 => return,
                Ok(_) => break,
                Err(other) => now = other,
            }
        }
        words.wake(self.0, ALL);
    }

    /// Clears it.
    pub(crate) fn clear(self, words: &impl Words) {
        let mut now = words.load(self.0);
        for _ in 0..TRIES {
            match words.compare_exchange(self.0, now, now & !SET) {
                Ok(_) => return,
                Err(other) => now = other,
            }
        }
    }

    /// Whether it is set.
    pub(crate) fn is_set(self, words: &impl Words) -> bool {
        words.load(self.0) & SET != 0
    }

    /// Waits until it is set, or was.
    ///
    /// # Errors
    /// It was not in time.
    pub(crate) fn wait(self, words: &impl Words, until: Option<Instant>) -> Result<(), Over> {
        let before = words.load(self.0);
        let mut now = before;
        let mut rounds = Rounds::default();
        loop {
            if now & SET != 0 || (now ^ before) & !(SET | SLEEPERS) != 0 {
                return Ok(());
            }
            let asleep = now | SLEEPERS;
            if now == asleep || words.compare_exchange(self.0, now, asleep).is_ok() {
                match words.wait(self.0, asleep, until) {
                    Woken::Perhaps => {}
                    // Everybody who waits is woken, so there is no wake-up to pass on.
                    Woken::TimedOut => return Err(Over::TimedOut),
                    Woken::Stopped => return Err(Over::Stopped),
                }
            } else if let Some(over) = rounds.again(words, until) {
                return Err(over);
            }
            now = words.load(self.0);
        }
    }

    /// Wakes all who wait, for one who may have died between setting it and that.
    pub(crate) fn wake_for_the_dead(self, words: &impl Words, ending: Ending) {
        if ending == Ending::Failed {
            words.wake(self.0, ALL);
        }
    }
}

/// A flag that tasks and the host set, clear and wait for, as Python's `multiprocessing.Event`.
///
/// Who waits does not miss it when it is set and cleared again at once.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stop = wasmpool::Event::new()?;
/// assert!(!stop.is_set());
/// stop.set();
/// stop.wait();
/// # Ok(())
/// # }
/// ```
pub struct Event {
    object: Arc<Object>,
}

plain_argument!(Event);

/// Ready when it is set.
impl Waitable for Event {}

impl Sealed for Event {
    fn is_ready(&self) -> bool {
        self.is_set()
    }

    fn word(&self) -> Word {
        Word::of(self.object.map(), Signal(FLAG.0))
    }
}

impl Event {
    /// An event that is not set.
    ///
    /// # Errors
    /// No descriptors, memory or address space left.
    pub fn new() -> Result<Self, ShareError> {
        let object = Object::plain(ObjectKind::Event)?;
        Ok(Self { object })
    }

    fn words(&self) -> Page<'_> {
        Page::new(self.object.map())
    }

    /// Sets it and wakes all who wait for it.
    pub fn set(&self) {
        FLAG.set(&self.words());
    }

    /// Clears it.
    pub fn clear(&self) {
        FLAG.clear(&self.words());
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        FLAG.is_set(&self.words())
    }

    /// Waits until it is set, or was, for any executor.
    pub fn wait_async(&self) -> impl Future<Output = ()> + Send + use<> {
        let word = Word::of(self.object.map(), Signal(FLAG.0));
        async move {
            let before = word.now();
            let mut now = before;
            while now & SET == 0 && (now ^ before) & !(SET | SLEEPERS) == 0 {
                Changed::new(word.clone(), now).await;
                now = word.now();
            }
        }
    }

    /// Waits until it is set.
    pub fn wait(&self) {
        while FLAG.wait(&self.words(), None).is_err() {}
    }

    /// Waits until it is set, so long at most, and says whether it was.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        let until = Instant::now().checked_add(timeout);
        FLAG.wait(&self.words(), until).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_set_until_it_is_cleared() {
        let event = Event::new().unwrap();
        assert!(!event.is_set() && !event.wait_timeout(Duration::from_millis(2)));
        event.set();
        event.set();
        assert!(event.is_set() && event.wait_timeout(Duration::ZERO));
        event.wait();
        event.clear();
        assert!(!event.is_set() && !event.wait_timeout(Duration::ZERO));
    }

    #[test]
    fn who_sleeps_sees_a_flag_that_was_set_and_cleared() {
        let event = Event::new().unwrap();
        let other = event.clone();
        let waiter = std::thread::spawn(move || other.wait());
        // It sleeps once the word says so.
        while event
            .object
            .map()
            .u32_at(0)
            .load(std::sync::atomic::Ordering::SeqCst)
            & SLEEPERS
            == 0
        {
            std::thread::yield_now();
        }
        event.set();
        event.clear();
        waiter.join().unwrap();
        assert!(!event.is_set());
    }
}
