//! What two tasks in two workers do with a lock and with a queue.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use wasmpool::{Barrier, Lock, Module, Pool, Queue, RawArray};
use wasmpool_tests::{guests, kinds};

use crate::placement::Placement;

/// Messages that a queue holds at most.
const QUEUED: usize = 64;

/// Two pools of one worker each, so that each can be put on a core of its own: what tasks share belongs to no pool.
fn pools(guest: &Path) -> impl Fn() -> Result<(Pool, Module)> + Copy {
    move || {
        let pool = kinds::builder().workers(1).build()?;
        let module = pool.load(guest)?;
        Ok((pool, module))
    }
}

/// The time of so often taking a lock that nobody else wants, and giving it back.
///
/// # Errors
/// When the task fails or had it another number of times.
pub(crate) fn lock(times: u64) -> Result<Duration> {
    let (_pool, module) = pools(guests::locks())()?;
    let task = module.task::<(Lock, u64), u64>("take_and_release")?;
    let lock = Lock::new()?;
    task.call((&lock, 1))?;
    let begun = Instant::now();
    let taken = task.call((&lock, times))?;
    let time = begun.elapsed();
    ensure!(taken == times, "taken {taken} times and not {times}");
    Ok(time)
}

/// The same with two tasks that want it all the time, so often each.
///
/// # Errors
/// When one fails, or they both had it at once.
pub(crate) fn locks(placement: Placement, times: u64) -> Result<Duration> {
    let pool = pools(guests::locks());
    placement.run(pool, |(first, one)| {
        let (second, other) = pool()?;
        let (start, lock) = (Barrier::new(2)?, Lock::new()?);
        let number = RawArray::<u64>::zeroed(1)?;
        let run = |times: u64| -> Result<Duration> {
            let task = |module: &Module| {
                module.task::<(Barrier, Lock, RawArray<u64>, u64), ()>("count_together")
            };
            let tasks = [task(&one)?, task(&other)?];
            let begun = Instant::now();
            let calls = tasks.map(|task| task.start((&start, &lock, &number, times)));
            for call in calls {
                call.get()?;
            }
            Ok(begun.elapsed())
        };
        run(1)?;
        let time = run(times)?;
        let counted = number.get(0);
        ensure!(
            counted == Some(times * 2 + 2),
            "{counted:?} were counted and not {}",
            times * 2 + 2
        );
        drop((first, second));
        Ok(time)
    })
}

/// The time of one of so many messages that one task puts into a queue and another takes out of it.
///
/// # Errors
/// When one fails; the one that takes looks at each message.
pub(crate) fn stream(placement: Placement, count: u64, len: u32) -> Result<Duration> {
    type Stream = (Barrier, Queue<Vec<u8>>, u64, u32);
    let pool = pools(guests::messages());
    placement.run(pool, |(getter, gets)| {
        let (putter, puts) = pool()?;
        let (start, queue) = (Barrier::new(2)?, Queue::<Vec<u8>>::bounded(QUEUED)?);
        let run = |count: u64| -> Result<Duration> {
            let drain = gets.task::<Stream, ()>("drain")?;
            let pour = puts.task::<Stream, ()>("pour")?;
            let begun = Instant::now();
            let calls = [drain, pour].map(|task| task.start((&start, &queue, count, len)));
            for call in calls {
                call.get()?;
            }
            Ok(begun.elapsed())
        };
        run(1)?;
        let time = run(count)?;
        ensure!(queue.is_empty(), "more was put than taken");
        drop((getter, putter));
        Ok(time.div_f64(count as f64))
    })
}
