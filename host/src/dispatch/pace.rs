//! How many tasks go into a batch, as measured: so that one is about a millisecond of work. Pure: it is told what batches took.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// A batch is about so much work: long beside a round trip, short beside what people notice.
const BATCH_NS: u64 = 1_000_000;
/// Items of a batch at most: their answers fit the ring twice.
pub(crate) const MAX_BATCH: u32 = 4096;

/// What is known of the tasks of one call.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Nanoseconds that one task takes; 0 while nothing is known.
    estimate: AtomicU64,
}

impl Pace {
    /// How many tasks the next batch should hold; `chunk` when the caller said so.
    pub(super) fn batch(&self, chunk: Option<u32>) -> u32 {
        if let Some(chunk) = chunk {
            return chunk.max(1);
        }
        match self.estimate.load(Relaxed) {
            0 => 1,
            estimate => u32::try_from(BATCH_NS / estimate)
                .unwrap_or(MAX_BATCH)
                .clamp(1, MAX_BATCH),
        }
    }

    /// Whether a batch of so many may wait behind another in a worker: only when it will not wait long.
    pub(super) fn is_short(&self, batch: u32) -> bool {
        let estimate = self.estimate.load(Relaxed);
        estimate != 0 && estimate.saturating_mul(u64::from(batch)) <= 2 * BATCH_NS
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
        assert!(pace.batch(None) == 1 && !pace.is_short(1));
        for _ in 0..20 {
            let items = pace.batch(None);
            pace.measured(items, Duration::from_nanos(u64::from(items)));
            let next = pace.batch(None);
            assert!(next > items || next == MAX_BATCH);
            assert!(next <= 8 * items && pace.is_short(next));
        }
        assert_eq!(pace.batch(None), MAX_BATCH);
        for _ in 0..20 {
            pace.measured(1, Duration::from_millis(10));
        }
        assert!(pace.batch(None) == 1 && !pace.is_short(1));
    }
}
