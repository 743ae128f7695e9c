//! Thousands of workers, one after the other, leave nothing. Alone in its program: it counts what all processes below this one have.
//!
//! Ten thousand with `WASMPOOL_STRESS_SECONDS`.

use std::process;

use anyhow::{Result, ensure};
use guest_hostile::{Act, answer};
use wasmpool::{Pool, Task};
use wasmpool_tests::kinds::{self, START_METHODS};
use wasmpool_tests::processes::{Held, descendants, eventually};
use wasmpool_tests::{guests, stress};

const WORKERS: usize = 2;

fn recycle(pool: &Pool, work: &Task<(u64, Act), u64>, times: u64) -> Result<()> {
    for (n, outcome) in (0..).zip(pool.map(work, (0..times).map(|n| (n, Act::Behave)))) {
        ensure!(outcome? == answer(n));
    }
    Ok(())
}

/// What the host has, once no worker is left.
fn at_rest() -> Held {
    let mut before = None;
    eventually("the workers have ended", || {
        // The launcher and the zygote.
        let alone = descendants(process::id()).len() == 2;
        let now = Held::by(&[process::id()]).ok()??;
        let settled = alone && before == Some(now.descriptors);
        before = Some(now.descriptors);
        settled.then_some(now)
    })
}

#[test]
fn workers_that_come_and_go_leave_nothing() -> Result<()> {
    let (warm_up, times) = match stress::asked() {
        Some(_) => (500, 10_000),
        None => (200, 600),
    };
    for start_method in START_METHODS {
        let pool = kinds::builder()
            .workers(WORKERS)
            .start_method(start_method)
            .max_tasks_per_worker(1)
            .build()?;
        let work = guests::work(&pool)?;
        recycle(&pool, &work, warm_up)?;
        let before = at_rest();
        recycle(&pool, &work, times)?;
        let after = at_rest();
        println!("{start_method:?}: {before:?}, after {times} workers more {after:?}");
        let grew = format!("{start_method:?}: {before:?}, {after:?}");
        ensure!(
            after.descriptors <= before.descriptors,
            "descriptors: {grew}"
        );
        ensure!(after.maps <= before.maps + 20, "mappings: {grew}");
        ensure!(after.memory <= before.memory + 4096, "memory: {grew}");
    }
    Ok(())
}
