//! The same work at each level of isolation.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use wasmpool::{Isolation, Pool, Task};
use wasmpool_tests::{guests, kinds};

/// A pool of one worker, and a task that works for as long as it is told.
#[derive(Debug)]
pub(crate) struct Work {
    task: Task<u64, u64>,
    pool: Pool,
}

impl Work {
    /// Ready to work.
    ///
    /// # Errors
    /// When there is no pool.
    pub(crate) fn new() -> Result<Self> {
        let pool = kinds::builder().workers(1).build()?;
        let task = pool.load(guests::tiny())?.task("burn")?;
        Ok(Self { task, pool })
    }

    /// What so many rounds take by themselves: a part of one long task.
    ///
    /// # Errors
    /// When that fails.
    pub(crate) fn own(&self, rounds: u64) -> Result<Duration> {
        const LONG: u64 = 20_000_000;
        let mut shortest = Duration::MAX;
        for _ in 0..3 {
            let begun = Instant::now();
            self.task.call(LONG)?;
            shortest = shortest.min(begun.elapsed());
        }
        Ok(shortest.mul_f64(rounds as f64 / LONG as f64))
    }

    /// The time of one of so many such tasks in one map.
    ///
    /// # Errors
    /// When one fails or its answer is wrong.
    pub(crate) fn map(&self, isolation: Isolation, rounds: u64, tasks: u64) -> Result<Duration> {
        let task = self.task.isolation(isolation);
        let expected = guest_tiny::burn(rounds);
        let items = || std::iter::repeat_n(rounds, usize::try_from(tasks).unwrap_or(usize::MAX));
        for outcome in self.pool.map(&task, items().take(20)) {
            outcome?;
        }
        let begun = Instant::now();
        let outcomes = self.pool.map(&task, items());
        let time = begun.elapsed();
        ensure!(outcomes.len() as u64 == tasks);
        for outcome in outcomes {
            let answer = outcome?;
            ensure!(answer == expected, "{answer} and not {expected}");
        }
        Ok(time.div_f64(tasks as f64))
    }
}
