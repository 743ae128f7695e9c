//! Lazy maps: input is pulled only as far as it is needed, and nothing grows with its length.
//!
//! The tests take turns: one of them measures the memory of the whole program.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use guest_hostile::{Act, answer};
use wasmpool::{Isolation, Pool, Task};
use wasmpool_tests::kinds::{self, Kind};
use wasmpool_tests::{DEADLINE, guests, processes, turn};

fn double(pool: &Pool) -> Result<Task<u64, u64>> {
    Ok(pool.load(guests::tiny())?.task("double")?)
}

/// Batches of a size of their own: by itself the pool makes larger ones when all goes well, later on a busy machine than on another,
/// and what is in flight then is more than what this is about.
const CHUNK: u32 = 256;

#[test]
fn an_endless_iterator_runs_in_flat_memory() -> Result<()> {
    let _turn = turn();
    let pool = kinds::builder()
        .workers(2)
        .isolation(Isolation::Batch)
        .build()?;
    let task = double(&pool)?.chunk_size(CHUNK);
    let mut results = pool.imap(&task, 0_u64..);
    let mut take = |from: u64, to: u64| -> Result<u64> {
        for n in from..to {
            ensure!(results.next().context("it is endless")?? == n * 2);
        }
        processes::resident()
    };
    let early = take(0, 50_000)?;
    let late = take(50_000, 300_000)?;
    // A single byte kept for each of the 250,000 items would not be seen; eight would, twice over.
    ensure!(
        late < early + (1 << 20),
        "resident memory grew from {early} to {late} bytes"
    );
    Ok(())
}

#[test]
fn an_endless_iterator_runs_in_flat_memory_unordered() -> Result<()> {
    let _turn = turn();
    let pool = kinds::builder()
        .workers(2)
        .isolation(Isolation::Batch)
        .build()?;
    let task = double(&pool)?.chunk_size(CHUNK);
    let mut results = pool.imap_unordered(&task, 0_u64..);
    let mut take = |items: u64| -> Result<u64> {
        for _ in 0..items {
            let (n, outcome) = results.next().context("it is endless")?;
            ensure!(outcome? == n * 2);
        }
        processes::resident()
    };
    let early = take(50_000)?;
    let late = take(250_000)?;
    ensure!(
        late < early + (1 << 20),
        "resident memory grew from {early} to {late} bytes"
    );
    Ok(())
}

#[test]
fn results_come_in_the_order_of_the_input_in_every_kind_of_pool() -> Result<()> {
    let _turn = turn();
    for kind in Kind::all(&[1, 2, 4]) {
        let pool = kind.builder().build()?;
        let burn = pool.load(guests::tiny())?.task::<u64, u64>("burn")?;
        // The first items take far longer than the last.
        let rounds = |n: u64| (300 - n).pow(2);
        let mut n = 0;
        for outcome in pool.imap(&burn, (0..300).map(rounds)) {
            ensure!(
                outcome? == guest_tiny::burn(rounds(n)),
                "result {n} with {kind}"
            );
            n += 1;
        }
        ensure!(n == 300, "{n} results with {kind}");
    }
    Ok(())
}

#[test]
fn unordered_results_come_once_each_with_the_index_of_their_item() -> Result<()> {
    let _turn = turn();
    for kind in Kind::all(&[1, 2, 4]) {
        let pool = kind.builder().build()?;
        let task = double(&pool)?;
        let mut seen = BTreeSet::new();
        for (index, outcome) in pool.imap_unordered(&task, 1_000..1_500_u64) {
            ensure!(outcome? == (index + 1_000) * 2);
            ensure!(seen.insert(index), "{index} came twice with {kind}");
        }
        ensure!(
            seen.len() == 500 && seen.last() == Some(&499),
            "{} results with {kind}",
            seen.len()
        );
    }
    Ok(())
}

#[test]
fn no_more_is_pulled_than_a_bound_beyond_what_was_taken() -> Result<()> {
    /// What two workers may have in flight: four batches each of at most 4,096 tasks.
    const BOUND: u64 = 2 * 4 * 4_096;
    let _turn = turn();
    let pool = kinds::builder().workers(2).build()?;
    let task = double(&pool)?;
    let pulled = Cell::new(0_u64);
    let mut results = pool.imap(&task, (0_u64..).inspect(|_| pulled.set(pulled.get() + 1)));
    ensure!(
        pulled.get() == 0,
        "nothing is pulled before the first result is asked for: {}",
        pulled.get()
    );
    let mut most = 0;
    for taken in 1..=100_000 {
        results.next().context("it is endless")??;
        most = most.max(pulled.get() - taken);
    }
    ensure!(most <= BOUND, "{most} items were pulled ahead");
    Ok(())
}

/// Items that are large are bounded by their bytes: a thousand of them would be a GiB.
#[test]
fn large_items_are_bounded_in_bytes() -> Result<()> {
    let _turn = turn();
    let pool = kinds::builder().workers(2).build()?;
    let echo = pool
        .load(guests::tiny())?
        .task::<Vec<u8>, Vec<u8>>("echo")?;
    let pulled = Cell::new(0_u64);
    let mut results = pool.imap(
        &echo,
        (0_u64..).map(|n| {
            pulled.set(n + 1);
            vec![n.to_le_bytes()[0]; 1 << 20]
        }),
    );
    let mut most = 0;
    for taken in 1..=100_u64 {
        let result = results.next().context("it is endless")??;
        ensure!(
            result.len() == 1 << 20 && result.iter().all(|&b| b == (taken - 1).to_le_bytes()[0])
        );
        most = most.max(pulled.get() - taken);
    }
    ensure!(most <= 128, "{most} MiB were pulled ahead");
    Ok(())
}

#[test]
fn dropping_it_early_cancels_what_is_left() -> Result<()> {
    let _turn = turn();
    let pool = kinds::builder().workers(2).build()?;
    let task = double(&pool)?;
    let pulled = Cell::new(0_u64);
    let mut results = pool.imap(&task, (0_u64..).inspect(|_| pulled.set(pulled.get() + 1)));
    for _ in 0..10 {
        results.next().context("it is endless")??;
    }
    drop(results);
    let after = pulled.get();
    // Behind the first, which answers, wait tasks that loop until the deadline of all tests: unless they are stopped
    // with their iterator, the calls that follow would wait for them.
    let work = guests::work(&pool)?;
    let acts = std::iter::once(Act::Behave).chain(std::iter::repeat_n(Act::Spin, 20));
    let mut loops = pool.imap(&work.chunk_size(1), acts.map(|act| (1, act)));
    ensure!(loops.next().context("the first")?? == answer(1));
    drop(loops);
    let begun = Instant::now();
    ensure!(pool.apply(&task, 21)? == 42);
    ensure!(
        begun.elapsed() < DEADLINE / 2,
        "the call had to wait for {:?}",
        begun.elapsed()
    );
    ensure!(
        pulled.get() == after,
        "a dropped iterator is not pulled any more"
    );
    Ok(())
}

#[test]
fn an_empty_input_has_no_results() -> Result<()> {
    let _turn = turn();
    let pool = kinds::builder().workers(1).build()?;
    let task = double(&pool)?;
    ensure!(pool.imap(&task, std::iter::empty::<u64>()).next().is_none());
    ensure!(
        pool.imap_unordered(&task, std::iter::empty::<u64>())
            .next()
            .is_none()
    );
    ensure!(pool.map(&task, std::iter::empty::<u64>()).is_empty());
    Ok(())
}

/// Two lazy maps of one pool, taken in turn, do not disturb each other.
#[test]
fn two_at_once() -> Result<()> {
    let _turn = turn();
    let pool = kinds::builder().workers(1).build()?;
    let task = double(&pool)?;
    for (n, (a, b)) in (0..2_000_u64).zip(
        pool.imap(&task, 0_u64..)
            .zip(pool.imap(&task, 1_000_000_u64..)),
    ) {
        ensure!(a? == n * 2);
        ensure!(b? == (n + 1_000_000) * 2);
    }
    Ok(())
}
