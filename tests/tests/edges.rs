//! What happens at the edges of a pool's life, and with callers and settings that are out of the ordinary.

use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Result, ensure};
use wasmpool::{Pool, Task, TaskError};
use wasmpool_tests::{DEADLINE, guests, kinds};

fn pool() -> Result<Pool> {
    Ok(kinds::builder().workers(1).build()?)
}

fn double(pool: &Pool) -> Result<Task<u64, u64>> {
    Ok(pool.load(guests::tiny())?.task("double")?)
}

#[test]
fn a_queued_call_calls_back_when_its_pool_is_dropped() -> Result<()> {
    let pool = pool()?;
    let tiny = pool.load(guests::tiny())?;
    let spin = tiny.task::<(), ()>("spin")?;
    let (sender, receiver) = mpsc::channel();
    // One runs, the others wait for the only worker.
    for call in 0..3 {
        let sender = sender.clone();
        spin.start(()).then(move |outcome| {
            // The test may have failed and gone.
            let _ = sender.send((call, outcome.err()));
        });
    }
    drop(pool);
    let mut called = Vec::new();
    for _ in 0..3 {
        let (call, error) = receiver.recv_timeout(DEADLINE)?;
        ensure!(matches!(error, Some(TaskError::Closed)), "{error:?}");
        called.push(call);
    }
    called.sort_unstable();
    ensure!(called == [0, 1, 2], "{called:?}");
    Ok(())
}

#[test]
fn an_observer_that_panics_harms_nobody() -> Result<()> {
    let pool = kinds::builder()
        .workers(2)
        .on_event(|_| panic!("not my day"))
        .build()?;
    let double = double(&pool)?;
    ensure!(double.call(21)? == 42);
    let doubled = pool.map(&double, 0..1000_u64);
    ensure!(doubled.into_iter().flatten().eq((0..1000).map(|n| 2 * n)));
    Ok(())
}

#[test]
fn the_longest_times_are_no_limits_and_no_panics() -> Result<()> {
    let mut limits = wasmpool::Limits::default();
    limits.timeout = Some(Duration::MAX);
    limits.compile_time = Duration::MAX;
    let pool = kinds::builder()
        .workers(1)
        .limits(limits)
        .no_cache()
        .build()?;
    let double = double(&pool)?;
    ensure!(double.call(21)? == 42);
    ensure!(double.start(1).get()? == 2);
    let call = double.start(2);
    ensure!(call.wait(Some(Duration::MAX)));
    let Ok(outcome) = call.get_timeout(Duration::MAX) else {
        anyhow::bail!("an outcome that was there is gone");
    };
    ensure!(outcome? == 4);
    Ok(())
}

#[test]
fn a_closed_pool_refuses_new_calls_and_ends_those_that_it_has() -> Result<()> {
    let pool = pool()?;
    let double = double(&pool)?;
    let before: Vec<_> = (0..100).map(|n| double.start(n)).collect();
    let closed = pool.close();
    ensure!(matches!(double.call(1), Err(TaskError::Closed)));
    ensure!(matches!(double.start(1).get(), Err(TaskError::Closed)));
    for (n, call) in (0..).zip(before) {
        ensure!(call.get()? == 2 * n);
    }
    closed.join();
    ensure!(matches!(double.call(1), Err(TaskError::Closed)));
    Ok(())
}

#[test]
fn a_panic_in_a_callback_spares_the_next_one() -> Result<()> {
    let pool = pool()?;
    let double = double(&pool)?;
    double.start(1).then(|_| panic!("a callback's own"));
    let (sender, receiver) = mpsc::channel();
    double.start(2).then(move |outcome| {
        // The test may have failed and gone.
        let _ = sender.send(outcome);
    });
    ensure!(receiver.recv_timeout(DEADLINE)?? == 4);
    Ok(())
}
