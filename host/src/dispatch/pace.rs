//! How long the tasks of one call take, and how many of them make a batch.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// A batch is about so much work: long beside a round trip, short beside what people notice.
const BATCH_NS: u64 = 1_000_000;
/// Items of a batch at most: their answers fit the ring twice.
pub(crate) const MAX_BATCH: u32 = 4096;

/// What was measured.
#[derive(Default)]
pub(super) struct Pace {
    /// Nanoseconds that one task takes; 0 while nothing is known.
    estimate: AtomicU64,
}

impl Pace {
    /// Items that are about a millisecond of work.
    pub(super) fn batch(&self) -> u32 {
        match self.estimate.load(Relaxed) {
            0 => 1,
            estimate => u32::try_from(BATCH_NS / estimate)
                .unwrap_or(MAX_BATCH)
                .clamp(1, MAX_BATCH),
        }
    }

    /// Whether it is known that so many items will not take long.
    pub(super) fn is_short(&self, items: u32) -> bool {
        let estimate = self.estimate.load(Relaxed);
        estimate != 0 && estimate.saturating_mul(u64::from(items)) <= 2 * BATCH_NS
    }

    /// Learns what a batch took.
    pub(super) fn measured(&self, items: u32, took: Duration) {
        let each = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / u64::from(items.max(1));
        let old = self.estimate.load(Relaxed);
        let new = if old == 0 { each } else { old / 2 + each / 2 };
        // The first batches carry the cost of the round trip, so what they say is not believed at once: the next one
        // is eight times as large at most.
        let smallest = BATCH_NS / (u64::from(items.max(1)) * 8);
        self.estimate.store(new.max(smallest).max(1), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_while_tasks_are_short_and_stay_a_millisecond_of_work() {
        let pace = Pace::default();
        assert!(pace.batch() == 1 && !pace.is_short(1));
        for _ in 0..20 {
            let items = pace.batch();
            pace.measured(items, Duration::from_nanos(u64::from(items)));
            let next = pace.batch();
            assert!(next > items || next == MAX_BATCH);
            assert!(next <= 8 * items && pace.is_short(next));
        }
        assert_eq!(pace.batch(), MAX_BATCH);
        for _ in 0..20 {
            pace.measured(1, Duration::from_millis(10));
        }
        assert!(pace.batch() == 1 && !pace.is_short(1));
    }
}
