//! One word that is a lock: who holds it, whether somebody sleeps on it, and whether its last holder died.

use std::time::Instant;

use super::{
    abandon::Ending,
    holder::HOLDER,
    words::{ALL, Over, Rounds, TRIES, Woken, Words},
};

/// Somebody may sleep on the word.
const SLEEPERS: u32 = 1 << 31;
/// The last holder did not release it.
const ABANDONED: u32 = 1 << 30;

/// A lock at this offset. An uncontended acquire or release is one instruction and no system call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LockWord(pub(crate) usize);

/// How the lock was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acquired {
    /// Released by its last holder.
    Clean,
    /// Its last holder died or failed: what it protects may be half changed.
    Abandoned,
}

/// Why the lock was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAcquired {
    /// The time has come.
    TimedOut,
    /// The task that waits was told to stop.
    Stopped,
    /// The caller holds it already.
    AlreadyHeld,
}

impl From<Over> for NotAcquired {
    fn from(over: Over) -> Self {
        match over {
            Over::TimedOut => NotAcquired::TimedOut,
            Over::Stopped => NotAcquired::Stopped,
        }
    }
}

impl LockWord {
    /// Takes the lock for `holder`, waiting for it at most until `until`.
    ///
    /// # Errors
    /// It was not to be had in time, or never will be.
    pub(crate) fn acquire(
        self,
        words: &impl Words,
        holder: u32,
        until: Option<Instant>,
    ) -> Result<Acquired, NotAcquired> {
        if words.compare_exchange(self.0, 0, holder).is_ok() {
            return Ok(Acquired::Clean);
        }
        // Who has slept does not know how many others do: the lock is then taken as one that has sleepers.
        let mut slept = 0;
        let mut rounds = Rounds::default();
        loop {
            if let Some(over) = rounds.again(words, until) {
                return Err(self.give_up(words, over.into()));
            }
            let now = words.load(self.0);
            if now & HOLDER == 0 {
                let taken = holder | (now & SLEEPERS) | slept;
                if words.compare_exchange(self.0, now, taken).is_ok() {
                    return Ok(match now & ABANDONED {
                        0 => Acquired::Clean,
                        _ => Acquired::Abandoned,
                    });
                }
                continue;
            }
            if now & HOLDER == holder {
                return Err(NotAcquired::AlreadyHeld);
            }
            // Who does not want to wait leaves no trace.
            if slept == 0
                && let Some(over) = words.is_over(until)
            {
                return Err(over.into());
            }
            let asleep = now | SLEEPERS;
            if now != asleep && words.compare_exchange(self.0, now, asleep).is_err() {
                continue;
            }
            slept = SLEEPERS;
            let given_up = match words.wait(self.0, asleep, until) {
                Woken::Perhaps => continue,
                Woken::TimedOut => NotAcquired::TimedOut,
                Woken::Stopped => NotAcquired::Stopped,
            };
            return Err(self.give_up(words, given_up));
        }
    }

    /// It may have been this one that was woken: then another has to be.
    fn give_up(self, words: &impl Words, why: NotAcquired) -> NotAcquired {
        words.wake(self.0, 1);
        why
    }

    /// Releases the lock; `false` when `holder` does not hold it.
    pub(crate) fn release(self, words: &impl Words, holder: u32) -> bool {
        let mut now = holder;
        for _ in 0..TRIES {
            match words.compare_exchange(self.0, now, 0) {
                Ok(_) => {
                    if now & SLEEPERS != 0 {
                        words.wake(self.0, 1);
                    }
                    return true;
                }
                Err(other) if other & HOLDER == holder => now = other,
                Err(_) => return false,
            }
        }
        false
    }

    /// Whether `holder` holds it.
    pub(crate) fn is_held_by(self, words: &impl Words, holder: u32) -> bool {
        words.load(self.0) & HOLDER == holder
    }

    /// Takes it from a holder who can do nothing any more; after a death everybody who sleeps is woken, since a wake-up
    /// may have died with the one whom it woke. Returns whether it was held.
    pub(crate) fn abandon(self, words: &impl Words, holder: u32, ending: Ending) -> bool {
        let free = match ending {
            Ending::Returned => 0,
            Ending::Failed => ABANDONED,
        };
        let mut held = false;
        for _ in 0..TRIES {
            let now = words.load(self.0);
            if now & HOLDER != holder {
                break;
            }
            if words.compare_exchange(self.0, now, free).is_ok() {
                held = true;
                break;
            }
        }
        if held || ending == Ending::Failed {
            words.wake(self.0, ALL);
        }
        held
    }
}
