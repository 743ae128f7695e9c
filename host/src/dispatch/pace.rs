//! How many tasks go into a batch, as measured: so that one is about a millisecond of work, and more where its tasks share an
//! instance that takes long to start. Pure: it is told what batches took.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// A batch is about so much work: long beside a round trip, short beside what people notice.
const BATCH_NS: u64 = 1_000_000;
/// Where the tasks of a batch share an instance, it is so many times what that takes to start: an engine of JavaScript or
/// Python takes some milliseconds.
const STARTS: u64 = 8;
/// It is no more than this for that. What waits in it is taken back long before, when a worker is needed for others.
const LONGEST_NS: u64 = 16_000_000;
/// Items of a batch at most: their answers fit the ring twice.
pub(crate) const MAX_BATCH: u32 = 4096;

/// What is known of the tasks of one call.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Nanoseconds that one task takes, with its part of what its batch takes; 0 while nothing is known.
    estimate: AtomicU64,
    /// What a batch takes beside its tasks, where these share an instance.
    start: Option<Start>,
}

/// What a batch takes beside its tasks, by the shortest times seen: others may have had the processor in the middle of any
/// but the shortest.
#[derive(Debug)]
struct Start {
    /// Nanoseconds of a batch of one task, at least; [`UNKNOWN`] while there was none.
    one: AtomicU64,
    /// Nanoseconds of each further task, at least; [`UNKNOWN`] while there was none.
    further: AtomicU64,
    /// How many batches of several tasks were seen.
    seen: AtomicU32,
}

/// No time that was measured.
const UNKNOWN: u64 = u64::MAX;

/// So many batches of several tasks are enough to know what is beside them.
const ENOUGH: u32 = 8;

impl Start {
    fn new() -> Self {
        Self {
            one: AtomicU64::new(UNKNOWN),
            further: AtomicU64::new(UNKNOWN),
            seen: AtomicU32::new(0),
        }
    }

    fn measured(&self, items: u64, took: u64) {
        // One task alone takes no longer than several. But of these alone nothing is known of what is beside them.
        if items > 1 && self.one.load(Relaxed) == UNKNOWN {
            return;
        }
        let one = self.one.fetch_min(took, Relaxed).min(took);
        if items > 1 {
            self.further.fetch_min((took - one) / (items - 1), Relaxed);
            self.seen.fetch_add(1, Relaxed);
        }
    }

    fn is_known(&self) -> bool {
        self.seen.load(Relaxed) >= ENOUGH
    }

    /// What a batch is to take: no longer than others while what a further task takes is [`UNKNOWN`].
    fn batch(&self) -> u64 {
        let beside = self
            .one
            .load(Relaxed)
            .saturating_sub(self.further.load(Relaxed));
        beside.saturating_mul(STARTS).clamp(BATCH_NS, LONGEST_NS)
    }
}

impl Pace {
    /// For tasks that share an instance with the others of their batch, or do not.
    pub(super) fn new(share: bool) -> Self {
        Self {
            estimate: AtomicU64::new(0),
            start: share.then(Start::new),
        }
    }

    /// Nanoseconds that a batch is to take.
    fn length(&self) -> u64 {
        self.start.as_ref().map_or(BATCH_NS, Start::batch)
    }

    /// How many tasks the next batch should hold; `chunk` when the caller said so.
    pub(super) fn batch(&self, chunk: Option<u32>) -> u32 {
        if let Some(chunk) = chunk {
            return chunk.max(1);
        }
        match self.estimate.load(Relaxed) {
            0 => 1,
            estimate => u32::try_from(self.length() / estimate)
                .unwrap_or(MAX_BATCH)
                .clamp(self.least(estimate), MAX_BATCH),
        }
    }

    /// It takes a batch of two to know what is beside the tasks.
    fn least(&self, estimate: u64) -> u32 {
        let unknown = self.start.as_ref().is_some_and(|start| !start.is_known());
        if unknown && estimate <= LONGEST_NS / 2 {
            2
        } else {
            1
        }
    }

    /// Whether a batch of so many may wait behind another in a worker: only when it will not wait long.
    pub(super) fn is_short(&self, batch: u32) -> bool {
        let estimate = self.estimate.load(Relaxed);
        estimate != 0 && estimate.saturating_mul(u64::from(batch)) <= 2 * self.length()
    }

    /// Learns what a batch took.
    pub(super) fn measured(&self, items: u32, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let each = took / u64::from(items.max(1));
        let old = self.estimate.load(Relaxed);
        let new = if old == 0 { each } else { old / 2 + each / 2 };
        // The first batches carry the cost of the round trip, so what they say is not believed at once: the next one
        // is eight times as large at most.
        let smallest = BATCH_NS / (u64::from(items.max(1)) * 8);
        self.estimate.store(new.max(smallest).max(1), Relaxed);
        if let Some(start) = &self.start {
            start.measured(u64::from(items), took);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_while_tasks_are_short_and_stay_a_millisecond_of_work() {
        for share in [false, true] {
            let pace = Pace::new(share);
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

    /// What is in a batch in the end, of tasks that take so many microseconds in instances that take so many to start, when
    /// the first batch also waits for its worker and half of the others for a processor.
    fn settled(share: bool, start: u64, each: u64) -> u64 {
        let pace = Pace::new(share);
        for batch in 0..80 {
            let items = pace.batch(None);
            let wait = match batch {
                0 => 100_000,
                1..40 => batch % 2 * 3_000,
                _ => 0,
            };
            let took = wait + start + each * u64::from(items);
            pace.measured(items, Duration::from_micros(took));
        }
        u64::from(pace.batch(None))
    }

    #[test]
    fn an_instance_that_takes_long_to_start_is_shared_by_many() {
        for (start, each) in [(1_000, 30), (2_000, 20), (6_000, 100)] {
            let items = settled(true, start, each);
            let part = items * each * 100 / (start + items * each);
            assert!(
                (60..95).contains(&part),
                "{start}, {each}: {items} tasks, {part} % of the batch"
            );
        }
    }

    #[test]
    fn batches_of_one_size_say_nothing_of_what_is_beside_their_tasks() {
        let pace = Pace::new(true);
        for _ in 0..20 {
            pace.measured(8, Duration::from_millis(24));
            assert!(!pace.is_short(8));
        }
    }

    #[test]
    fn tasks_that_are_long_themselves_do_not_wait_for_each_other() {
        for each in [600, 1_000, 2_000, 20_000] {
            assert_eq!(settled(true, 20, each), 1, "{each} µs a task");
            assert_eq!(settled(false, 20, each), 1, "{each} µs a task");
        }
    }
}
