//! Our own figures.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use wasmpool::{Dict, Isolation, Jail, Manager, Pool, StartMethod, Task};
use wasmpool_tests::{guests, kinds};

use crate::placement::Placement;

pub(crate) mod arrays;
pub(crate) mod callers;
pub(crate) mod ends;
pub(crate) mod lazy;
pub(crate) mod levels;
pub(crate) mod loads;
pub(crate) mod memory;
pub(crate) mod pairs;
pub(crate) mod payload;
pub(crate) mod tenants;

/// Calls before measuring: what is done once is done in them.
const WARM: u64 = 500;

fn double(pool: &Pool) -> Result<Task<u64, u64>> {
    Ok(pool.load(guests::tiny())?.task("double")?)
}

/// The time of each of many calls, one after another.
///
/// # Errors
/// When a call fails or its answer is wrong.
pub(crate) fn apply(placement: Placement, calls: u64) -> Result<Vec<Duration>> {
    placement.run(
        || {
            let pool = kinds::builder().workers(1).build()?;
            let task = double(&pool)?;
            for n in 0..WARM {
                pool.apply(&task, n)?;
            }
            Ok((pool, task))
        },
        |(pool, task)| {
            (0..calls)
                .map(|n| {
                    let begun = Instant::now();
                    let answer = pool.apply(&task, n)?;
                    let time = begun.elapsed();
                    ensure!(answer == n * 2, "{n} doubled is {answer}");
                    Ok(time)
                })
                .collect()
        },
    )
}

/// The time of one map over many tiny tasks.
///
/// # Errors
/// When a task fails or its answer is wrong.
pub(crate) fn map(
    jail: Jail,
    isolation: Isolation,
    tasks: u64,
    workers: usize,
) -> Result<Duration> {
    let pool = kinds::builder()
        .jail(jail)
        .workers(workers)
        .isolation(isolation)
        .build()?;
    let task = double(&pool)?;
    for outcome in pool.map(&task, 0..WARM) {
        outcome?;
    }
    let begun = Instant::now();
    let outcomes = pool.map(&task, 0..tasks);
    let time = begun.elapsed();
    ensure!(outcomes.len() as u64 == tasks);
    for (n, outcome) in (0..).zip(outcomes) {
        let answer = outcome?;
        ensure!(answer == n * 2, "{n} doubled is {answer}");
    }
    Ok(time)
}

/// The time of each of many operations of a task on a manager's dictionary, in turn set and get, one after another.
///
/// # Errors
/// When the task fails or reads something else than it set.
pub(crate) fn dictionary(placement: Placement, operations: u64) -> Result<Duration> {
    let pairs = operations / 2;
    placement.run(
        || {
            let pool = kinds::builder().workers(1).build()?;
            let task = pool
                .load(guests::callers())?
                .task::<(u64, Dict<u64, u64>), u64>("set_and_get")?;
            let dict = Manager::new().dict();
            pool.apply(&task, (WARM, &dict))?;
            Ok((pool, task, dict))
        },
        |(pool, task, dict)| {
            let begun = Instant::now();
            let sum = pool.apply(&task, (pairs, &dict))?;
            let time = begun.elapsed();
            ensure!(sum == (0..pairs).sum::<u64>(), "the sum is {sum}");
            Ok(time.div_f64(pairs as f64 * 2.0))
        },
    )
}

/// The time from nothing to the first result of a pool of two.
///
/// # Errors
/// When the call fails or its answer is wrong.
pub(crate) fn start(start_method: StartMethod) -> Result<Duration> {
    let begun = Instant::now();
    let pool = kinds::builder()
        .workers(2)
        .start_method(start_method)
        .build()?;
    let answer = pool.apply(&double(&pool)?, 21)?;
    let time = begun.elapsed();
    ensure!(answer == 42);
    Ok(time)
}
