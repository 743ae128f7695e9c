//! Crash loops: what follows when the workers of one tenant die one after the other. Pure: it is told what happens and when.

use std::time::{Duration, Instant};

/// So many more workers lost in a row, from a zygote of their own, until the next one has to wait.
const PAUSE_AFTER: u32 = 3;
/// The first pause; each further loss doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Calls wait for the end of a pause that is not longer; in a longer one they fail at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often in a row a tenant has lost a worker, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    losses: u32,
    fresh: bool,
    pause: Option<Pause>,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    length: Duration,
    until: Instant,
}

/// What a loss leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing but what it has led to before.
    GoOn,
    /// Workers come from a fresh zygote from now on.
    Fresh,
    /// No worker is started for so long.
    Pause(Duration),
}

impl Trouble {
    /// A worker was lost; `most` may be, in a row, before anything follows, or any number.
    pub(super) fn lost(&mut self, most: Option<u32>, now: Instant) -> Step {
        self.losses = self.losses.saturating_add(1);
        let Some(more) = most.and_then(|most| self.losses.checked_sub(most)) else {
            return Step::GoOn;
        };
        let first = !std::mem::replace(&mut self.fresh, true);
        let Some(doublings) = more.checked_sub(PAUSE_AFTER) else {
            return if first { Step::Fresh } else { Step::GoOn };
        };
        let length = FIRST_PAUSE
            .saturating_mul(2_u32.saturating_pow(doublings))
            .min(LONGEST_PAUSE);
        self.pause = Some(Pause {
            length,
            until: now + length,
        });
        Step::Pause(length)
    }

    /// A task was answered: all is well. Returns whether that is news.
    pub(super) fn answered(&mut self) -> bool {
        std::mem::take(self).fresh
    }

    /// Workers lost in a row.
    pub(super) fn losses(&self) -> u32 {
        self.losses
    }

    /// Whether workers are to come from a zygote of their own.
    pub(super) fn wants_own_zygote(&self) -> bool {
        self.fresh
    }

    /// Until when no worker is started.
    pub(super) fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.pause
            .map(|pause| pause.until)
            .filter(|&until| now < until)
    }

    /// Until when calls fail at once.
    pub(super) fn refuses_until(&self, now: Instant) -> Option<Instant> {
        let long = self.pause.filter(|pause| pause.length > PATIENCE)?;
        (now < long.until).then_some(long.until)
    }

    /// Whether one worker at a time shows whether the next may follow.
    pub(super) fn is_on_trial(&self) -> bool {
        self.pause.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Option<u32> = Some(5);

    #[test]
    fn first_a_fresh_zygote_then_growing_pauses_then_refusals() {
        let (mut trouble, mut now) = (Trouble::default(), Instant::now());
        let mut pauses = Vec::new();
        for loss in 1..=30 {
            let step = trouble.lost(MOST, now);
            assert_eq!(step == Step::Fresh, loss == 5, "loss {loss}");
            assert_eq!(trouble.wants_own_zygote(), loss >= 5);
            if let Step::Pause(pause) = step {
                assert_eq!(trouble.paused_until(now), Some(now + pause));
                assert_eq!(trouble.refuses_until(now).is_some(), pause > PATIENCE);
                assert!(trouble.is_on_trial());
                now += pause;
                assert_eq!(trouble.paused_until(now), None);
                assert_eq!(trouble.refuses_until(now), None, "the next one is tried");
                assert!(trouble.is_on_trial(), "and tried alone");
                pauses.push(pause);
            } else {
                assert!(trouble.paused_until(now).is_none() && loss < 8);
            }
        }
        assert!(pauses.is_sorted() && pauses[0] == FIRST_PAUSE && pauses[1] == 2 * FIRST_PAUSE);
        assert_eq!(pauses.last(), Some(&LONGEST_PAUSE));
    }

    #[test]
    fn an_answer_ends_it() {
        let (mut trouble, now) = (Trouble::default(), Instant::now());
        for _ in 0..20 {
            trouble.lost(MOST, now);
        }
        assert!(trouble.answered());
        assert!(!trouble.answered(), "once is news");
        assert_eq!((trouble.losses(), trouble.paused_until(now)), (0, None));
        assert_eq!(trouble.lost(MOST, now), Step::GoOn);
    }

    #[test]
    fn nothing_follows_where_any_number_may_be_lost() {
        let (mut trouble, now) = (Trouble::default(), Instant::now());
        assert!((0..100).all(|_| trouble.lost(None, now) == Step::GoOn));
        assert!(!trouble.wants_own_zygote() && !trouble.is_on_trial());
        assert!(!trouble.answered());
    }
}
