//! Locks, semaphores, events, conditions and barriers, used by the host and by tasks together; and what becomes of them when a task ends
//! or dies with one in its hands.
//!
//! The tests take turns: some look for the one process that is busy.

use std::process;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use guest_locks::Ends;
use serde::{Deserialize, Serialize};
use wasmpool::{
    AcquireError, Barrier, BarrierError, BoundedSemaphore, Call, Condition, Event, Lock, Pool,
    RLock, Semaphore, Task, TaskError, Typed,
};
use wasmpool_tests::processes::{kill, only_busy};
use wasmpool_tests::stress::workers;
use wasmpool_tests::witness::Witness;
use wasmpool_tests::{DEADLINE, TASK_TIMEOUT, guests, kinds, turn};

/// No time limit of its own for what a task waits for.
const FOREVER: Option<u64> = None;

/// Long enough for what must not happen to happen, on a machine that is not asleep.
const A_WHILE: Duration = Duration::from_millis(30);

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

/// The text of a task's own error.
fn guest_error<T: std::fmt::Debug>(outcome: Result<T, TaskError>) -> Result<String> {
    match outcome {
        Err(TaskError::Guest { message, .. }) => Ok(message),
        other => anyhow::bail!("{other:?}"),
    }
}

/// The guest's type of the same name.
#[derive(Clone, Debug, Serialize, Deserialize, Typed)]
struct Everything {
    locks: Vec<Lock>,
    rlock: Option<RLock>,
    condition: Condition,
    permits: (Semaphore, BoundedSemaphore),
}

impl Everything {
    fn new() -> Result<Self> {
        Ok(Self {
            locks: vec![Lock::new()?, Lock::new()?],
            rlock: Some(RLock::new()?),
            condition: Condition::new()?,
            permits: (Semaphore::new(1)?, BoundedSemaphore::new(1)?),
        })
    }

    /// Takes each and says whether they were abandoned, which all are or none.
    fn take(&self) -> Result<bool> {
        let mut told = Vec::new();
        for lock in &self.locks {
            told.push(lock.acquire_timeout(DEADLINE)?.was_abandoned());
        }
        if let Some(rlock) = &self.rlock {
            told.push(rlock.acquire_timeout(DEADLINE)?.was_abandoned());
        }
        told.push(self.condition.lock_timeout(DEADLINE)?.was_abandoned());
        drop(self.permits.0.acquire_timeout(DEADLINE)?);
        drop(self.permits.1.acquire_timeout(DEADLINE)?);
        ensure!(self.permits.0.value() == 1 && self.permits.1.value() == 1);
        ensure!(told.iter().all(|&it| it == told[0]), "{told:?}");
        Ok(told[0])
    }

    fn is_held(&self) -> bool {
        self.locks
            .iter()
            .all(|lock| lock.try_acquire().map(drop) == Err(AcquireError::TimedOut))
            && self.rlock.iter().all(|it| it.try_acquire().is_err())
            && self.condition.try_lock().is_err()
            && self.permits.0.value() == 0
            && self.permits.1.try_acquire().is_err()
    }
}

#[test]
fn what_a_task_holds_when_it_ends_is_free_and_reported_when_it_failed() -> Result<()> {
    let _turn = turn();
    for isolation in kinds::ISOLATIONS {
        let pool = kinds::builder().workers(1).isolation(isolation).build()?;
        let hold = task::<(Everything, Ends), ()>(&pool, "hold_everything")?;
        let everything = Everything::new()?;
        for _ in 0..3 {
            hold.call((&everything, Ends::Returns))?;
            ensure!(!everything.take()?, "returned, {isolation:?}");
            let error = guest_error(hold.call((&everything, Ends::Fails)))?;
            ensure!(error == "asked to fail", "{error}");
            ensure!(everything.take()?, "failed, {isolation:?}");
            ensure!(!everything.take()?, "it is told once");
            guest_error(hold.call((&everything, Ends::Traps)))?;
            ensure!(everything.take()?, "trapped, {isolation:?}");
            let outcome = hold.timeout(TASK_TIMEOUT).call((&everything, Ends::Spins));
            ensure!(
                matches!(outcome, Err(TaskError::Timeout { .. })),
                "{outcome:?}"
            );
            ensure!(everything.take()?, "timed out, {isolation:?}");
        }
    }
    Ok(())
}

#[test]
fn what_a_killed_worker_held_is_free_and_reported() -> Result<()> {
    let _turn = turn();
    for start_method in kinds::START_METHODS {
        let witness = Witness::default();
        let builder = kinds::builder().workers(2).start_method(start_method);
        let pool = witness.watch(builder).build()?;
        let hold = task::<(Everything, Ends), ()>(&pool, "hold_everything")?;
        let take = task::<(Lock, Option<u64>), bool>(&pool, "take")?;
        let everything = Everything::new()?;
        for round in 1..=3 {
            let held = hold.start((&everything, Ends::Spins));
            witness.wait_for_logs("held", round);
            ensure!(everything.is_held());
            // One who waits for it already, in another worker.
            let waits = take.start((&everything.locks[0], FOREVER));
            kill(only_busy(process::id()))?;
            let outcome = held.get();
            ensure!(
                matches!(outcome, Err(TaskError::WorkerLost { .. })),
                "{outcome:?}"
            );
            ensure!(waits.get()?, "the task that waited was told");
            // And so it is told no more.
            ensure!(!everything.locks[0].acquire()?.was_abandoned());
            let others = Everything {
                locks: everything.locks[1..].to_vec(),
                ..everything.clone()
            };
            ensure!(others.take()?, "{start_method:?}, round {round}");
        }
    }
    Ok(())
}

#[test]
fn a_lock_keeps_out_whoever_does_not_hold_it() -> Result<()> {
    let _turn = turn();
    let pool = pool(2)?;
    let take = task::<(Lock, Option<u64>), bool>(&pool, "take")?;
    let twice = task::<Lock, ()>(&pool, "take_twice")?;
    let lock = Lock::new()?;
    let guard = lock.acquire()?;
    for within in [Some(0), Some(20)] {
        ensure!(guest_error(take.call((&lock, within)))? == "timed out");
    }
    let waits: Vec<Call<bool>> = (0..4).map(|_| take.start((&lock, FOREVER))).collect();
    thread::sleep(A_WHILE);
    ensure!(!waits.iter().any(Call::ready), "they wait for the host");
    drop(guard);
    for wait in waits {
        ensure!(!wait.get()?);
    }
    twice.call(&lock)?;
    let began = Instant::now();
    let _guard = lock.acquire()?;
    ensure!(lock.acquire_timeout(DEADLINE).map(drop) == Err(AcquireError::AlreadyHeld));
    ensure!(began.elapsed() < DEADLINE / 2);
    // The task's own deadline ends its wait too, and leaves the lock to the others.
    let outcome = take.timeout(TASK_TIMEOUT).call((&lock, FOREVER));
    ensure!(
        matches!(outcome, Err(TaskError::Timeout { .. })),
        "{outcome:?}"
    );
    Ok(())
}

#[test]
fn an_rlock_is_free_after_as_many_releases_as_acquires() -> Result<()> {
    let _turn = turn();
    let pool = pool(1)?;
    let again = task::<(RLock, Event, Event), ()>(&pool, "take_again")?;
    let (lock, gave_one, go_on) = (RLock::new()?, Event::new()?, Event::new()?);
    let call = again.start((&lock, &gave_one, &go_on));
    ensure!(gave_one.wait_timeout(DEADLINE));
    ensure!(lock.try_acquire().map(drop) == Err(AcquireError::TimedOut));
    go_on.set();
    let outer = lock.acquire_timeout(DEADLINE)?;
    let inner = lock.try_acquire()?;
    ensure!(!outer.was_abandoned() && !inner.was_abandoned());
    call.get()?;
    Ok(())
}

#[test]
fn permits_are_counted_across_host_and_tasks() -> Result<()> {
    let _turn = turn();
    let pool = pool(2)?;
    let take = task::<(Semaphore, u32, u64, bool), u32>(&pool, "take_permits")?;
    let give = task::<(Semaphore, BoundedSemaphore), (u32, u32)>(&pool, "give_permits")?;
    let semaphore = Semaphore::new(3)?;
    let mine = semaphore.acquire()?;
    ensure!(
        take.call((&semaphore, 5, 0, false))? == 2,
        "the host has the third"
    );
    ensure!(semaphore.value() == 2, "what the task took came back");
    drop(mine);
    let bounded = BoundedSemaphore::new(2)?;
    ensure!(give.call((&semaphore, &bounded))? == (4, 2));

    // As a signal: one side only takes, the other only gives.
    let signal = Semaphore::new(0)?;
    let takes = take.start((&signal, 50, 60_000, true));
    for _ in 0..50 {
        signal.release()?;
    }
    ensure!(
        takes.get()? == 50 && signal.value() == 0,
        "{}",
        signal.value()
    );
    Ok(())
}

#[test]
fn an_event_stops_a_task_that_loops_and_answers_across_processes() -> Result<()> {
    let _turn = turn();
    let pool = pool(2)?;
    let count = task::<(Event, Event), u64>(&pool, "count_until")?;
    let (started, stop) = (Event::new()?, Event::new()?);
    let call = count.start((&started, &stop));
    started.wait();
    stop.set();
    ensure!(call.get()? < u64::MAX);

    let answer = task::<(Event, Option<u64>, Event, Event), bool>(&pool, "answer_event")?;
    let (asked, answered, other) = (Event::new()?, Event::new()?, Event::new()?);
    ensure!(
        !answer.call((&asked, Some(10), &answered, &other))?,
        "nobody asked"
    );
    ensure!(answered.is_set() && !other.is_set());
    answered.clear();
    other.set();
    let calls: Vec<Call<bool>> = (0..2)
        .map(|_| answer.start((&asked, FOREVER, &answered, &other)))
        .collect();
    ensure!(!answered.wait_timeout(A_WHILE), "they wait");
    asked.set();
    ensure!(answered.wait_timeout(DEADLINE));
    for call in calls {
        ensure!(call.get()?);
    }
    ensure!(!other.is_set());
    Ok(())
}

#[test]
fn a_condition_passes_the_ball_to_and_fro() -> Result<()> {
    let _turn = turn();
    let pool = pool(2)?;
    let play = task::<(Condition, Event, bool, u32), u32>(&pool, "play")?;
    let (table, ball) = (Condition::new()?, Event::new()?);
    // Task against task.
    let rounds = 500;
    let calls = [true, false].map(|mine| play.start((&table, &ball, mine, rounds)));
    for call in calls {
        ensure!(call.get()? == rounds);
    }
    // Task against host.
    let call = play.start((&table, &ball, true, rounds));
    for _ in 0..rounds {
        let mut guard = table.lock()?;
        guard.wait_while(|| ball.is_set())?;
        ball.set();
        guard.notify_one();
    }
    ensure!(call.get()? == rounds);
    Ok(())
}

#[test]
fn a_wait_ends_by_a_notification_its_time_or_the_death_of_the_holder() -> Result<()> {
    let _turn = turn();
    let witness = Witness::default();
    let pool = witness.watch(kinds::builder().workers(3)).build()?;
    let waits = task::<(Condition, Event, Option<u64>), (bool, bool)>(&pool, "await_notification")?;
    let hold = task::<(Everything, Ends), ()>(&pool, "hold_everything")?;
    let (condition, ready) = (Condition::new()?, Event::new()?);
    ensure!(waits.call((&condition, &ready, Some(10)))? == (false, false));
    let one = |notified: &dyn Fn() -> Result<()>| -> Result<(bool, bool)> {
        ready.clear();
        let call = waits.start((&condition, &ready, FOREVER));
        ensure!(ready.wait_timeout(DEADLINE));
        notified()?;
        Ok(call.get()?)
    };
    ensure!(
        one(&|| {
            condition.lock()?.notify_one();
            Ok(())
        })? == (true, false)
    );
    // Two wait and one is notified.
    let both = [0; 2].map(|_| {
        ready.clear();
        let call = waits.start((&condition, &ready, FOREVER));
        ready.wait();
        call
    });
    condition.lock()?.notify(1);
    while !both.iter().any(Call::ready) {
        thread::yield_now();
    }
    thread::sleep(A_WHILE);
    ensure!(both.iter().filter(|call| call.ready()).count() == 1);
    condition.lock()?.notify_all();
    for call in both {
        ensure!(call.get()? == (true, false));
    }
    // Its holder fails, and then is killed.
    for ends in [Ends::Traps, Ends::Spins] {
        let everything = Everything {
            condition: condition.clone(),
            ..Everything::new()?
        };
        let told = one(&|| {
            let held = hold.start((&everything, ends));
            if ends == Ends::Spins {
                witness.wait_for_logs("held", 1);
                kill(only_busy(process::id()))?;
            }
            ensure!(held.get().is_err());
            Ok(())
        })?;
        ensure!(told == (true, true), "{told:?}, {ends:?}");
    }
    task::<Condition, ()>(&pool, "wait_without_lock")?.call(&condition)?;
    Ok(())
}

#[test]
fn a_barrier_lets_all_pass_or_nobody() -> Result<()> {
    let _turn = turn();
    let witness = Witness::default();
    let pool = witness.watch(kinds::builder().workers(2)).build()?;
    let meet = task::<(Barrier, u32, Option<u64>), Vec<u64>>(&pool, "meet")?;
    let barrier = Barrier::new(3)?;
    let calls: Vec<Call<Vec<u64>>> = (0..2)
        .map(|_| meet.start((&barrier, 50, FOREVER)))
        .collect();
    let mut places: Vec<Vec<u64>> = vec![
        (0..50)
            .map(|_| Ok(barrier.wait()? as u64))
            .collect::<Result<_>>()?,
    ];
    for call in calls {
        places.push(call.get()?);
    }
    for round in 0..50 {
        let mut places: Vec<u64> = places.iter().map(|places| places[round]).collect();
        places.sort_unstable();
        ensure!(places == [0, 1, 2], "{places:?}");
    }

    let waiting = |count: u32| {
        wasmpool_tests::processes::eventually("they wait", || {
            (barrier.waiting() == count).then_some(())
        });
    };
    let broken = |outcome| -> Result<()> {
        let error = guest_error(outcome)?;
        ensure!(error == "the barrier is broken", "{error}");
        Ok(())
    };
    // One gives up.
    let waits = meet.start((&barrier, 1, FOREVER));
    waiting(1);
    ensure!(guest_error(meet.call((&barrier, 1, Some(10))))? == "timed out");
    broken(waits.get())?;
    ensure!(barrier.is_broken() && barrier.wait() == Err(BarrierError::Broken));
    broken(meet.call((&barrier, 1, FOREVER)))?;
    barrier.reset();
    // One is stopped at its deadline.
    let waits = meet.start((&barrier, 1, FOREVER));
    waiting(1);
    let outcome = meet.timeout(TASK_TIMEOUT).call((&barrier, 1, FOREVER));
    ensure!(
        matches!(outcome, Err(TaskError::Timeout { .. })),
        "{outcome:?}"
    );
    broken(waits.get())?;
    barrier.reset();
    // One is killed while it waits.
    let call = meet.start((&barrier, 1, FOREVER));
    waiting(1);
    // Nobody is busy: the worker is found among all by what remains.
    let host = thread::spawn({
        let barrier = barrier.clone();
        move || barrier.wait()
    });
    waiting(2);
    for pid in workers() {
        // It may have been idle and have gone by itself.
        let _ = kill(pid);
    }
    ensure!(host.join().ok().context("the host's thread")? == Err(BarrierError::Broken));
    let outcome = call.get();
    ensure!(
        matches!(outcome, Err(TaskError::WorkerLost { .. })),
        "{outcome:?}"
    );
    barrier.reset();
    // It is broken by hand, and made new while one waits.
    for by_hand in [Barrier::abort, Barrier::reset] {
        let waits = meet.start((&barrier, 1, FOREVER));
        waiting(1);
        by_hand(&barrier);
        broken(waits.get())?;
        barrier.reset();
    }
    ensure!(!barrier.is_broken() && barrier.waiting() == 0);
    Ok(())
}

/// Every import of this kind.
const IMPORTS: [&str; 16] = [
    "lock_acquire",
    "lock_release",
    "semaphore_acquire",
    "semaphore_release",
    "semaphore_keep",
    "semaphore_value",
    "event_set",
    "event_clear",
    "event_is_set",
    "event_wait",
    "condition_wait",
    "condition_notify",
    "barrier_wait",
    "barrier_reset",
    "barrier_abort",
    "barrier_waiting",
];

const BAD_HANDLE: i32 = -6;
const STALE: i32 = -7;
const INVALID: i32 = -10;
const NOT_HELD: i32 = -13;

#[test]
fn handles_that_are_forged_stale_freed_or_of_another_kind_are_told_apart() -> Result<()> {
    let _turn = turn();
    for isolation in kinds::ISOLATIONS {
        let pool = kinds::builder().workers(1).isolation(isolation).build()?;
        // Of one tenant, so that one process serves them all.
        let module = pool.load(guests::locks())?;
        let number = module.task::<(String, i32), i32>("call_number")?;
        let given = module.task::<(String, Lock, Event, bool), i32>("call_given")?;
        let freed = module.task::<(String, Event), i32>("call_freed")?;
        let number_of = module.task::<Event, i32>("number_of")?;
        let (lock, event) = (Lock::new()?, Event::new()?);
        for import in IMPORTS {
            let context = || format!("{import}, {isolation:?}");
            for forged in [0, -1, i32::MIN, i32::MAX, 1_000_000] {
                let code = number.call((import, forged)).with_context(context)?;
                ensure!(code == BAD_HANDLE, "{}: {forged}: {code}", context());
            }
            let other_kind = !import.starts_with("lock_");
            let code = given.call((import, &lock, &event, other_kind))?;
            ensure!(code == INVALID, "{}: {code}", context());
            let code = freed.call((import, &event))?;
            ensure!(code == STALE, "{}: {code}", context());
        }
        // A number of an earlier task of the same process, when there is one.
        let earlier = number_of.call(&event)?;
        for import in IMPORTS {
            let code = number.call((import, earlier))?;
            let fresh = isolation == wasmpool::Isolation::Process;
            ensure!(
                code == if fresh { BAD_HANDLE } else { STALE },
                "{import}: {code}"
            );
        }
        let code = given.call(("lock_release", &lock, &event, true))?;
        ensure!(code == NOT_HELD, "{code}");
        ensure!(number.call(("handle_drop", 7_000_000))? == BAD_HANDLE);
    }
    Ok(())
}
