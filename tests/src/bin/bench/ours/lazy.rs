//! Endless input.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wasmpool::Outcome;
use wasmpool_tests::kinds;
use wasmpool_tests::processes::resident;

use super::{WARM, double};

/// In what order outcomes are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// That of the items.
    Kept,
    /// That in which tasks end.
    AsTheyEnd,
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kept => "imap",
            Self::AsTheyEnd => "imap_unordered",
        })
    }
}

/// Takes so many outcomes of an endless input: the time, and by how many bytes the host was larger at any later moment than
/// after the first tenth.
///
/// # Errors
/// When a task fails or its answer is wrong.
pub(crate) fn endless(order: Order, tasks: u64, workers: usize) -> Result<(Duration, u64)> {
    let pool = kinds::builder().workers(workers).build()?;
    let task = double(&pool)?;
    for outcome in pool.map(&task, 0..WARM) {
        outcome?;
    }
    let begun = Instant::now();
    let mut outcomes: Box<dyn Iterator<Item = (u64, Outcome<u64>)>> = match order {
        Order::Kept => Box::new((0..).zip(pool.imap(&task, 0..))),
        Order::AsTheyEnd => Box::new(pool.imap_unordered(&task, 0..)),
    };
    let (mut first, mut largest) = (0, 0);
    let mut sum = 0_u128;
    for taken in 0..tasks {
        let (n, outcome) = outcomes.next().context("the input has no end")?;
        let answer = outcome?;
        ensure!(answer == n * 2, "{n} doubled is {answer}");
        if order == Order::Kept {
            ensure!(n == taken, "{n} came in the place of {taken}");
        }
        sum += u128::from(n);
        if taken == tasks / 10 {
            first = resident()?;
        } else if taken > tasks / 10 && taken % (tasks / 100).max(1) == 0 {
            largest = largest.max(resident()?);
        }
    }
    let time = begun.elapsed();
    // No item came twice: so many different ones have at least this sum.
    let least = u128::from(tasks) * u128::from(tasks - 1) / 2;
    ensure!(
        sum >= least,
        "the items sum up to {sum}, and not to {least}"
    );
    Ok((time, largest.saturating_sub(first)))
}
