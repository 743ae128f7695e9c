//! One bad item of a thousand costs itself and nothing else, whatever it does, at every isolation level and with both
//! start methods.
//!
//! The tests take turns: one of them looks at all processes of the program.

use anyhow::{Context, Result, ensure};
use guest_hostile::{Act, answer};
use wasmpool::Outcome;
use wasmpool_tests::kinds::Kind;
use wasmpool_tests::witness::Witness;
use wasmpool_tests::{TASK_TIMEOUT, guests, processes, turn};

/// Items of each map.
const ITEMS: u64 = 1_000;
/// Items of the map after it.
const AFTER: u64 = 100;
/// The bad one: in the middle, so that work has been done before it and is in flight behind it.
const BAD: u64 = 500;

#[test]
fn a_loop_costs_only_its_item() -> Result<()> {
    costs_only_itself(Act::Spin, "timeout")
}

#[test]
fn a_trap_costs_only_its_item() -> Result<()> {
    costs_only_itself(Act::Trap, "trap")
}

#[test]
fn endless_recursion_costs_only_its_item() -> Result<()> {
    costs_only_itself(Act::DeepRecursion, "trap")
}

#[test]
fn eating_memory_costs_only_its_item() -> Result<()> {
    costs_only_itself(Act::EatMemory, "memory")
}

#[test]
fn flooding_the_result_costs_only_its_item() -> Result<()> {
    costs_only_itself(Act::HugeOutput, "output")
}

#[test]
fn flooding_partial_results_costs_only_its_item() -> Result<()> {
    costs_only_itself(Act::FloodPartials, "output")
}

#[test]
fn a_worker_killed_mid_task_costs_only_that_task() -> Result<()> {
    let _turn = turn();
    for kind in Kind::all(&[2]) {
        let witness = Witness::default();
        let pool = witness.watch(kind.builder()).build()?;
        let work = guests::work(&pool)?;
        let outcomes = std::thread::scope(|scope| {
            let killer = scope.spawn(|| {
                witness.wait_for_logs("kill me", 1);
                // The other worker does what it can, and then it rests.
                processes::kill(processes::only_busy(std::process::id()))
            });
            let outcomes = pool.map(&work, items(Act::WaitToBeKilled));
            killer
                .join()
                .expect("the killer does not panic")
                .map(|()| outcomes)
        })?;
        check(&outcomes, "worker_lost").with_context(|| kind.to_string())?;
        goes_on(&pool.map(&work, (0..AFTER).map(|n| (n, Act::Behave))))
            .with_context(|| kind.to_string())?;
    }
    Ok(())
}

/// Runs a map with one bad item and a map without, in pools of every isolation and start method.
fn costs_only_itself(act: Act, end: &str) -> Result<()> {
    let _turn = turn();
    for kind in Kind::all(&[2]) {
        let pool = kind.builder().build()?;
        let mut work = guests::work(&pool)?;
        if end == "timeout" {
            work = work.timeout(TASK_TIMEOUT);
        }
        check(&pool.map(&work, items(act)), end).with_context(|| kind.to_string())?;
        goes_on(&pool.map(&work, (0..AFTER).map(|n| (n, Act::Behave))))
            .with_context(|| kind.to_string())?;
    }
    Ok(())
}

/// A thousand items, one of which does something else.
fn items(bad: Act) -> impl Iterator<Item = (u64, Act)> {
    (0..ITEMS).map(move |n| (n, if n == BAD { bad } else { Act::Behave }))
}

/// The bad item ended with an error of this kind, the 999 others with the right answer.
fn check(outcomes: &[Outcome<u64>], end: &str) -> Result<()> {
    ensure!(
        outcomes.len() as u64 == ITEMS,
        "{} outcomes",
        outcomes.len()
    );
    for (n, outcome) in (0..).zip(outcomes) {
        match outcome {
            Err(error) if n == BAD => {
                ensure!(error.kind() == end, "the bad item: {error:?}, not {end}")
            }
            Ok(value) if n != BAD => ensure!(*value == answer(n), "item {n} is {value}"),
            _ => anyhow::bail!("item {n} ended as {outcome:?}"),
        }
    }
    Ok(())
}

/// All of the map after it right.
fn goes_on(outcomes: &[Outcome<u64>]) -> Result<()> {
    ensure!(
        outcomes.len() as u64 == AFTER,
        "{} outcomes of the map after",
        outcomes.len()
    );
    for (n, outcome) in (0..).zip(outcomes) {
        ensure!(
            matches!(outcome, Ok(value) if *value == answer(n)),
            "item {n} of the map after: {outcome:?}"
        );
    }
    Ok(())
}
