//! Calls by many threads at once.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use wasmpool::{Pool, Task};
use wasmpool_tests::kinds;

use super::double;

/// A pool, and a task for it.
#[derive(Debug)]
pub(crate) struct Callers {
    pool: Pool,
    task: Task<u64, u64>,
}

impl Callers {
    /// A pool of so many workers, all of them started.
    ///
    /// # Errors
    /// When there is none to be had.
    pub(crate) fn new(workers: usize) -> Result<Self> {
        let pool = kinds::builder().workers(workers).build()?;
        let task = double(&pool)?;
        for _ in 0..3 {
            let calls: Vec<_> = (0..workers as u64).map(|n| task.start(n)).collect();
            for call in calls {
                call.get()?;
            }
        }
        Ok(Self { pool, task })
    }

    /// So many threads make so many calls each, one after the other: the time of all.
    ///
    /// # Errors
    /// When a call fails or its answer is wrong.
    pub(crate) fn apply(&self, threads: u64, calls: u64) -> Result<Duration> {
        let ready = Barrier::new(usize::try_from(threads)? + 1);
        let call = || -> Result<()> {
            ready.wait();
            for n in 0..calls {
                let answer = self.pool.apply(&self.task, n)?;
                ensure!(answer == n * 2, "{n} doubled is {answer}");
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(call)).collect();
            ready.wait();
            let begun = Instant::now();
            for thread in threads {
                thread.join().expect("it does not panic")?;
            }
            Ok(begun.elapsed())
        })
    }
}
