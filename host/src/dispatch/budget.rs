//! A budget of worker time: so much in the long run within each window. What was used comes back as time goes by. Pure: it is told what was used and when.

use std::time::{Duration, Instant};

/// What was used of a budget.
#[derive(Debug)]
pub(super) struct Budget {
    time: Duration,
    per: Duration,
    /// Used and not paid back yet, as it was at `since`.
    used: Duration,
    since: Instant,
}

impl Budget {
    /// So much `time` within any `per`, with nothing used.
    pub(super) fn new(time: Duration, per: Duration, now: Instant) -> Self {
        Self {
            time,
            per,
            used: Duration::ZERO,
            since: now,
        }
    }

    /// The same with other bounds: what was used stays used.
    pub(super) fn set(&mut self, time: Duration, per: Duration, now: Instant) {
        self.used = self.left_to_pay(now);
        self.since = now;
        self.time = time;
        self.per = per;
    }

    /// Worker time was used.
    pub(super) fn spend(&mut self, time: Duration, now: Instant) {
        self.used = self.left_to_pay(now).saturating_add(time);
        self.since = now;
    }

    /// When something may begin, when that is not now. `running` was used and not spent yet.
    pub(super) fn opens_at(&self, running: Duration, now: Instant) -> Option<Instant> {
        let used = self.left_to_pay(now).saturating_add(running);
        let over = used.checked_sub(self.time)?;
        // A little more, so that it is open then and not just about to be.
        let wait = self.per.as_secs_f64() * over.as_secs_f64() / self.time.as_secs_f64();
        let wait = Duration::try_from_secs_f64(wait + 1e-4).unwrap_or(Duration::MAX);
        Some(now.checked_add(wait).unwrap_or(now + FAR))
    }

    /// Whether nothing of it is used.
    pub(super) fn is_even(&self, now: Instant) -> bool {
        self.left_to_pay(now).is_zero()
    }

    fn left_to_pay(&self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        let paid = self.time.as_secs_f64() * passed / self.per.as_secs_f64();
        let paid = Duration::try_from_secs_f64(paid).unwrap_or(Duration::MAX);
        self.used.saturating_sub(paid)
    }
}

/// A moment that is not worth being told from never.
const FAR: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_used_up_comes_back_with_time() {
        let start = Instant::now();
        let mut budget = Budget::new(SECOND, 10 * SECOND, start);
        assert!(budget.opens_at(Duration::ZERO, start).is_none());
        budget.spend(SECOND * 3 / 2, start);
        let opens = budget.opens_at(Duration::ZERO, start).unwrap();
        assert!(opens > start + 5 * SECOND && opens < start + 6 * SECOND);
        assert!(budget.opens_at(Duration::ZERO, opens).is_none());
        assert!(budget.opens_at(SECOND, opens).is_some(), "what runs counts");
    }

    proptest! {
        /// Pieces of work of any size begin when the budget is open: over any time, what was used is what one window and
        /// that time allow, and the last piece, which nobody could foresee.
        #[test]
        fn no_more_is_used_than_allowed(pieces in prop::collection::vec(1_u64..400, 1..100)) {
            let (start, per) = (Instant::now(), 10 * SECOND);
            let mut budget = Budget::new(SECOND, per, start);
            let (mut now, mut used) = (start, Duration::ZERO);
            for piece in pieces.into_iter().map(Duration::from_millis) {
                let before = now;
                now = budget.opens_at(Duration::ZERO, now).unwrap_or(now);
                prop_assert!(now <= before + per, "it opens again within a window");
                let allowed = SECOND + (now - start) / 10 + Duration::from_millis(1);
                prop_assert!(used <= allowed, "{used:?} by {:?}", now - start);
                now += piece;
                used += piece;
                budget.spend(piece, now);
            }
        }
    }
}
