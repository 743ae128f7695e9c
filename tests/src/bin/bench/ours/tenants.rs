//! Many tenants in one pool.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wasmpool::{Isolation, Pool, Task};
use wasmpool_tests::{guests, kinds};

/// Tenants with a module each, in a pool with a worker a core.
#[derive(Debug)]
pub(crate) struct Tenants {
    tasks: Vec<Task<u64, u64>>,
    _pool: Pool,
}

impl Tenants {
    /// So many of them.
    ///
    /// # Errors
    /// When there is no pool, or a module is not loaded.
    pub(crate) fn new(tenants: u64) -> Result<Self> {
        // A loaded module is two files.
        let limit = getrlimit(Resource::Nofile);
        let current = limit.maximum;
        setrlimit(Resource::Nofile, Rlimit { current, ..limit })?;
        let pool = kinds::builder().build()?;
        let tasks = (0..tenants)
            .map(|n| {
                Ok(pool
                    .load_for(&n.to_string(), guests::tiny())?
                    .task("double")?)
            })
            .collect::<Result<_>>()?;
        Ok(Self { tasks, _pool: pool })
    }

    /// The time of each of many calls, one after another, each of a tenant chosen at random.
    ///
    /// # Errors
    /// When a call fails or its answer is wrong.
    pub(crate) fn call(&self, calls: u64) -> Result<Vec<Duration>> {
        let mut random = 1_u64;
        (0..calls)
            .map(|n| {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let which = (random >> 33) % self.tasks.len() as u64;
                let task = &self.tasks[usize::try_from(which)?];
                let begun = Instant::now();
                let answer = task.call(n)?;
                let time = begun.elapsed();
                ensure!(answer == n * 2, "{n} doubled is {answer}");
                Ok(time)
            })
            .collect()
    }
}

/// The time of each of many calls of one tenant, each in a process that is forked for it.
///
/// # Errors
/// When a call fails or its answer is wrong.
pub(crate) fn process_per_task(calls: u64) -> Result<Vec<Duration>> {
    let pool = kinds::builder().isolation(Isolation::Process).build()?;
    let task: Task<u64, u64> = pool.load(guests::tiny())?.task("double")?;
    (0..calls)
        .map(|n| {
            let begun = Instant::now();
            let answer = task.call(n)?;
            let time = begun.elapsed();
            ensure!(answer == n * 2, "{n} doubled is {answer}");
            Ok(time)
        })
        .collect()
}
