//! A short look before a wait. To wake a process that waits on another core takes the kernel longer than a tiny task takes to
//! run, so both ends look for a moment whether the other's word is there before they wait for it.
//!
//! It pays only where the other runs at the same time, and where the word comes soon. Neither can be known, but both are
//! learnt: each look in vain makes the next ones rarer, down to one in a thousand waits.

use std::time::{Duration, Instant};

/// The longest look: about what it takes to wake a process on a core that rests, which is all that can be won.
pub(crate) const LONGEST: Duration = Duration::from_micros(50);

/// Looks at a word between two at the clock.
const LOOKS: usize = 16;

/// Waits without a look after one in vain, at most.
const MOST_WITHOUT: u32 = 1023;

/// One end's experience.
#[derive(Debug)]
pub(crate) struct Spin {
    /// Waits from here on without a look.
    without: u32,
    /// How many there were after the last look in vain.
    last: u32,
}

impl Spin {
    /// The first waits are without a look: who has only one call made of him gains nothing by it.
    pub(crate) fn new() -> Self {
        Self {
            without: 2,
            last: 0,
        }
    }

    /// Whether to look before this wait.
    pub(crate) fn is_due(&mut self) -> bool {
        self.without = match self.without {
            0 => return true,
            without => without - 1,
        };
        false
    }

    /// Looks for a moment whether what is waited for is there.
    pub(crate) fn look(&mut self, there: impl FnMut() -> bool) -> bool {
        let begun = Instant::now();
        self.look_until(|| begun.elapsed() >= LONGEST, there)
    }

    fn look_until(
        &mut self,
        mut over: impl FnMut() -> bool,
        mut there: impl FnMut() -> bool,
    ) -> bool {
        loop {
            for _ in 0..LOOKS {
                if there() {
                    self.last /= 2;
                    return true;
                }
                std::hint::spin_loop();
            }
            if over() {
                self.last = (self.last * 2 + 1).min(MOST_WITHOUT);
                self.without = self.last;
                return false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_in_vain_become_rare() {
        let mut spin = Spin::new();
        let mut looks = 0;
        for _ in 0..100_000 {
            if spin.is_due() {
                looks += 1;
                assert!(!spin.look_until(|| true, || false));
            }
        }
        assert!((20..=120).contains(&looks), "{looks} looks");
    }

    #[test]
    fn a_look_in_vain_ends_when_its_time_is_over() {
        // On a busy machine another process may run in the middle of most of them, but not of all.
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let begun = Instant::now();
            assert!(!Spin::new().look(|| false));
            let took = begun.elapsed();
            assert!(took >= LONGEST, "{took:?}");
            if took < 10 * LONGEST {
                break;
            }
            assert!(Instant::now() < patience, "{took:?}, again and again");
        }
    }

    #[test]
    fn looks_that_find_something_go_on() {
        let mut spin = Spin::new();
        let mut looks = 0;
        for _ in 0..1000 {
            if spin.is_due() {
                looks += 1;
                // Found after the first look at the clock.
                let mut left = LOOKS + 4;
                assert!(spin.look_until(
                    || false,
                    || {
                        left -= 1;
                        left == 0
                    }
                ));
            }
        }
        assert_eq!(looks, 998);
    }
}
