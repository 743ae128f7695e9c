//! The host runs out of descriptors in the middle of its work. Alone in its program: all of it runs out.

use std::fs::File;
use std::process;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use guest_hostile::{Act, answer};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wasmpool_tests::guests;
use wasmpool_tests::kinds;
use wasmpool_tests::processes::descriptors;

/// More than the pool needs to start its workers.
const ENOUGH: usize = 16;
/// How long the pool is left without them when it cannot end its work.
const A_WHILE: Duration = Duration::from_millis(300);

#[test]
fn running_out_of_descriptors_delays_tasks_and_costs_none() -> Result<()> {
    let before = getrlimit(Resource::Nofile);
    let limit = descriptors(process::id())? as u64 + 60;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(limit),
            ..before
        },
    )?;
    for free in 0..ENOUGH {
        let pool = kinds::builder().workers(3).build().context("a pool")?;
        let work = guests::work(&pool)?;
        let mut taken: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        taken.truncate(taken.len().saturating_sub(free));
        std::thread::scope(|scope| -> Result<()> {
            let map = scope.spawn(|| pool.map(&work, (0..50).map(|n| (n, Act::Behave))));
            // With none left it has to wait; with some it may have begun. Either way it ends once there are enough.
            let before = Instant::now();
            while !map.is_finished() && before.elapsed() < A_WHILE {
                std::thread::yield_now();
            }
            drop(taken);
            let outcomes = map.join().expect("no panic");
            for (n, outcome) in (0..).zip(&outcomes) {
                ensure!(
                    outcome.as_ref().ok() == Some(&answer(n)),
                    "item {n} with {free} free: {outcome:?}"
                );
            }
            Ok(())
        })?;
    }
    Ok(())
}
