//! Locks and their kin while workers are killed at random. A program of its own, and one test at a time: they kill any worker that
//! they find below this process.
//!
//! `WASMPOOL_STRESS_SECONDS` says how long each goes on.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wasmpool::{Barrier, Condition, Event, Lock, Pool, RawArray, Task, TaskError, Typed, Value};
use wasmpool_tests::stress::{self, kill_at_random};
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
    let counting = AtomicBool::new(true);
    let (killed, tasks) = thread::scope(|threads| -> Result<_> {
        let killer = threads.spawn(|| kill_at_random(|| counting.load(SeqCst)));
        let callers: Vec<_> = (0..GUESTS)
            .map(|guest| {
                let (count, value, told, abandoned) = (&count, &value, &told, &abandoned);
                threads.spawn(move || -> Result<[u64; 2]> {
                    let (mut returned, mut lost) = (0, 0);
                    while Instant::now() < until
                        || told.get(TOLD * guest + 1) < Some(EACH)
                        || (abandoned() == 0 && Instant::now() < latest)
                    {
                        match count.call((value, told, guest, TIMES)) {
                            Ok(()) => returned += 1,
                            Err(TaskError::WorkerLost { .. }) => lost += 1,
                            Err(error) => return Err(error.into()),
                        }
                    }
                    Ok([returned, lost])
                })
            })
            .collect();
        let callers: Vec<_> = callers
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        counting.store(false, SeqCst);
        let killed = killer.join().ok().context("the killer")?;
        let mut tasks = [0; 2];
        for caller in callers {
            let of_it = caller.ok().context("a caller")??;
            tasks = [tasks[0] + of_it[0], tasks[1] + of_it[1]];
        }
        Ok((killed, tasks))
    })?;
    let [returned, lost] = tasks;
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

#[test]
fn nobody_meets_another_under_a_lock_while_workers_are_killed() -> Result<()> {
    let _turn = turn();
    let pool = pool(4)?;
    let contend = task::<(Lock, Event, Event), u64>(&pool, "contend")?;
    let (lock, inside, stop) = (Lock::new()?, Event::new()?, Event::new()?);
    let until = Instant::now() + stress::length();
    let (killed, (lost, done), mine) = thread::scope(|threads| -> Result<_> {
        let killer = threads.spawn(|| kill_at_random(stress::until(until)));
        let host = threads.spawn(|| -> Result<u64> {
            let mut mine = 0;
            while Instant::now() < until {
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
        let callers: Vec<_> = (0..4)
            .map(|_| {
                threads.spawn(|| -> Result<(u64, u64)> {
                    let (mut lost, mut done) = (0, 0);
                    while Instant::now() < until {
                        match contend.start((&lock, &inside, &stop)).get() {
                            Ok(count) => done += count,
                            Err(TaskError::WorkerLost { .. }) => lost += 1,
                            Err(error) => return Err(error.into()),
                        }
                    }
                    Ok((lost, done))
                })
            })
            .collect();
        let killed = killer.join().ok().context("the killer")?;
        stop.set();
        let mut sums = (0, 0);
        for caller in callers {
            let (lost, done) = caller.join().ok().context("a caller")??;
            sums = (sums.0 + lost, sums.1 + done);
        }
        Ok((killed, sums, host.join().ok().context("the host")??))
    })?;
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
    let pool = pool(4)?;
    let meet = task::<(Barrier, Event, u64), u64>(&pool, "meet_until")?;
    let play = task::<(Condition, Event, bool, u32), u32>(&pool, "play")?;
    let (barrier, stop) = (Barrier::new(2)?, Event::new()?);
    let (table, ball) = (Condition::new()?, Event::new()?);
    let until = Instant::now() + stress::length();
    thread::scope(|threads| -> Result<()> {
        let callers: Vec<_> = (0..4)
            .map(|caller| {
                let (meet, play, barrier, stop, table, ball) =
                    (&meet, &play, &barrier, &stop, &table, &ball);
                threads.spawn(move || -> Result<(u64, u64)> {
                    let (mut done, mut lost) = (0, 0);
                    while Instant::now() < until {
                        let outcome = if caller < 2 {
                            meet.call((barrier, stop, 200))
                        } else {
                            // The partner may be dead and not be there yet: it comes, or the time does.
                            play.timeout(Duration::from_millis(500))
                                .call((table, ball, caller == 2, 200))
                                .map(u64::from)
                        };
                        match outcome {
                            Ok(count) => done += count,
                            Err(TaskError::WorkerLost { .. }) => lost += 1,
                            Err(TaskError::Timeout { .. }) if caller >= 2 => {}
                            Err(error) => return Err(error.into()),
                        }
                    }
                    Ok((done, lost))
                })
            })
            .collect();
        let killed = kill_at_random(stress::until(until));
        stop.set();
        let mut lost = 0;
        for (caller, handle) in callers.into_iter().enumerate() {
            let (done, of_it) = handle.join().ok().context("a caller")??;
            println!("caller {caller}: {done} done, {of_it} tasks lost");
            lost += of_it;
        }
        ensure!(lost > 0, "{killed} killed and no task lost");
        Ok(())
    })?;
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
