//! Locks and their kin while workers are killed at random. A program of its own, and one test at a time: they kill any worker that
//! they find below this process.
//!
//! `WASMPOOL_STRESS_SECONDS` says how long each goes on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wasmpool::{Barrier, Condition, Event, Lock, Pool, RawArray, Task, TaskError, Typed, Value};
use wasmpool_tests::stress::{self, Toll, call_while_killed, have_all_grown};
use wasmpool_tests::witness::Witness;
use wasmpool_tests::{DEADLINE, guests, kinds, turn};

/// No time limit of its own for what a task waits for.
const FOREVER: Option<u64> = None;

fn pool(workers: usize) -> Result<Pool> {
    Ok(kinds::builder().workers(workers).build()?)
}

fn task<In, Out>(pool: &Pool, name: &str) -> Result<Task<In, Out>>
where
    In: Typed,
    Out: Typed + wasmpool::Receive,
{
    Ok(pool.load(guests::locks())?.task(name)?)
}

/// What each task tells of its increments, in elements of its own of one array: how many it has begun, how many it has ended,
/// and how often it found the lock abandoned.
const TOLD: usize = 3;

/// Nobody's increment is lost or made twice: the value is what those say who made it, but for one that each killed worker may
/// have had in its hand.
#[test]
fn guests_increment_one_value_under_its_lock_while_workers_are_killed() -> Result<()> {
    const GUESTS: usize = 4;
    /// How many each makes at least.
    const EACH: u64 = 10_000;
    /// How many one task makes.
    const TIMES: u64 = 500;

    let _turn = turn();
    let pool = pool(GUESTS)?;
    let module = pool.load(guests::arrays())?;
    let count = module.task::<(Value<u64>, RawArray<u64>, usize, u64), ()>("count_and_tell")?;
    let (value, told) = (Value::new(0)?, RawArray::<u64>::zeroed(TOLD * GUESTS)?);
    let until = Instant::now() + stress::length();
    let latest = Instant::now() + DEADLINE;
    let sum = |of: usize| told.iter().skip(of).step_by(TOLD).sum::<u64>();
    // On a busy machine it may take more than a moment until one is killed who holds it.
    let abandoned = || sum(2);
    let counted = have_all_grown(|| vec![sum(1)]);
    let toll = call_while_killed(GUESTS, counted, |guest, _| {
        let go_on = Instant::now() < until
            || told.get(TOLD * guest + 1) < Some(EACH)
            || (abandoned() == 0 && Instant::now() < latest);
        go_on.then(|| count.call((&value, &told, guest, TIMES)))
    })?;
    let Toll {
        killed,
        returned,
        lost,
    } = toll;
    // The last to die may have held it.
    let last = value.lock_timeout(DEADLINE)?.was_abandoned();
    let value = value.get();
    let (begun, ended, abandoned) = (sum(0), sum(1), abandoned() + u64::from(last));
    println!(
        "{killed} killed; {returned} tasks returned, {lost} lost; {begun} increments begun, {ended} ended, {value} counted; \
         the lock was found abandoned {abandoned} times"
    );
    ensure!(ended >= GUESTS as u64 * EACH && ended >= returned * TIMES);
    ensure!(begun <= (returned + lost) * TIMES);
    ensure!(
        ended <= value && value <= begun && begun - ended <= lost,
        "{ended} ended, {begun} begun, {lost} tasks lost, but {value} counted"
    );
    ensure!(lost > 0, "{killed} killed and no task lost");
    // Found by one who was killed before he could tell, it is missing here: a few of many.
    ensure!(0 < abandoned && abandoned <= lost, "{abandoned} abandoned");
    Ok(())
}

/// Sets the event when the test has gone on for its time and a task was lost, which may take longer on a busy machine; in the end
/// all the same.
fn stop_in_time(stop: &Event, is_lost: &AtomicBool) {
    let until = Instant::now() + stress::length();
    let latest = until + DEADLINE;
    while Instant::now() < until || !is_lost.load(SeqCst) && Instant::now() < latest {
        thread::sleep(Duration::from_millis(5));
    }
    stop.set();
}

/// Whether a task has begun since this was so before: workers that are killed more often than they can be started are taken for
/// those of a module that does not start.
fn has_begun(witness: &Witness) -> impl Fn() -> bool + Sync {
    have_all_grown(|| vec![witness.logs("here") as u64])
}

#[test]
fn nobody_meets_another_under_a_lock_while_workers_are_killed() -> Result<()> {
    let _turn = turn();
    let witness = Witness::default();
    let pool = witness.watch(kinds::builder().workers(4)).build()?;
    let contend = task::<(Lock, Event, Event), u64>(&pool, "contend")?;
    let (lock, inside, stop) = (Lock::new()?, Event::new()?, Event::new()?);
    let (done, is_lost) = (AtomicU64::new(0), AtomicBool::new(false));
    let (toll, mine) = thread::scope(|threads| -> Result<_> {
        let host = threads.spawn(|| -> Result<u64> {
            let mut mine = 0;
            while !stop.is_set() {
                let guard = lock.acquire_timeout(DEADLINE)?;
                ensure!(
                    !inside.is_set() || guard.was_abandoned(),
                    "two were inside at once"
                );
                inside.set();
                inside.clear();
                mine += 1;
            }
            Ok(mine)
        });
        threads.spawn(|| stop_in_time(&stop, &is_lost));
        let toll = call_while_killed(4, has_begun(&witness), |_, lost| {
            is_lost.fetch_or(lost > 0, SeqCst);
            let count = |count| {
                done.fetch_add(count, SeqCst);
            };
            (!stop.is_set()).then(|| contend.start((&lock, &inside, &stop)).get().map(count))
        })?;
        Ok((toll, host.join().ok().context("the host")??))
    })?;
    let (Toll { killed, lost, .. }, done) = (toll, done.into_inner());
    println!(
        "{killed} killed, {lost} tasks lost; {done} times inside in the last tasks, {mine} in the host"
    );
    ensure!(lost > 0 && mine > 0, "{lost} lost, {mine} of the host");
    ensure!(
        lock.acquire_timeout(DEADLINE).is_ok(),
        "it is free in the end"
    );
    Ok(())
}

#[test]
fn a_barrier_and_a_condition_outlive_workers_that_are_killed() -> Result<()> {
    let _turn = turn();
    let witness = Witness::default();
    let pool = witness.watch(kinds::builder().workers(4)).build()?;
    let meet = task::<(Barrier, Event, u64), u64>(&pool, "meet_until")?;
    let play = task::<(Condition, Event, bool, u32), u32>(&pool, "play")?;
    let (barrier, stop) = (Barrier::new(2)?, Event::new()?);
    let (table, ball) = (Condition::new()?, Event::new()?);
    let is_lost = AtomicBool::new(false);
    let done = [const { AtomicU64::new(0) }; 4];
    let toll = thread::scope(|threads| {
        threads.spawn(|| stop_in_time(&stop, &is_lost));
        call_while_killed(4, has_begun(&witness), |caller, lost| {
            is_lost.fetch_or(lost > 0, SeqCst);
            if stop.is_set() {
                return None;
            }
            let outcome = if caller < 2 {
                meet.call((&barrier, &stop, 200))
            } else {
                // The partner may be dead and not be there yet: it comes, or the time does.
                play.timeout(Duration::from_millis(500))
                    .call((&table, &ball, caller == 2, 200))
                    .map(u64::from)
            };
            match outcome {
                Err(TaskError::Timeout { .. }) if caller >= 2 => Some(Ok(())),
                outcome => Some(outcome.map(|count| {
                    done[caller].fetch_add(count, SeqCst);
                })),
            }
        })
    })?;
    println!("{done:?} done; {toll:?}");
    ensure!(toll.lost > 0, "{toll:?}");
    // All that was in the hands of the dead is free.
    drop(table.lock_timeout(DEADLINE)?);
    barrier.reset();
    let once = task::<(Barrier, u32, Option<u64>), Vec<u64>>(&pool, "meet")?;
    let calls = [0; 2].map(|_| once.start((&barrier, 1, FOREVER)));
    for call in calls {
        ensure!(call.get()?.len() == 1);
    }
    Ok(())
}
