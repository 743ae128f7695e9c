//! Thousands of tasks that use every kind of object leave nothing. It must be alone: it counts what all processes below this one have.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use wasmpool::{
    Array, Barrier, BoundedSemaphore, CallContext, ChunkMut, Condition, Connection, Dict, Event,
    JoinableQueue, List, Lock, Manager, Namespace, Pool, Process, Queue, RLock, RawArray, RawValue,
    ReadOnly, Receiver, Semaphore, Sender, SimpleQueue, Task, TaskError, Typed, Value, one_way,
    pipe, wait,
};
use wasmpool_tests::processes::{Held, descendants, eventually};
use wasmpool_tests::{DEADLINE, guests, kinds, stress};

const WORKERS: usize = 2;

/// The guest's type of the same name.
#[derive(Serialize, Deserialize, Typed)]
struct Everything {
    arrays: (RawArray<u32>, Array<u32>),
    values: (RawValue<u64>, Value<u64>),
    locks: (Lock, RLock),
    permits: (Semaphore, BoundedSemaphore),
    signals: (Event, Condition, Barrier),
    queues: (Queue<Vec<u8>>, SimpleQueue<u64>, JoinableQueue<u64>),
    pipe: Connection<u64, u64>,
    ways: (Receiver<u64>, Sender<u64>),
    managed: (Dict<String, u64>, List<u64>, Namespace),
}

type UseEverything = Task<
    (
        Everything,
        ChunkMut<'static, u32>,
        ReadOnly<'static, u32>,
        bool,
    ),
    u64,
>;

/// Makes one of each, lets a task use it, does the host's part, looks at what became of it, and drops it all.
fn round(pool: &Pool, task: &UseEverything, n: u64) -> Result<()> {
    // One in ten fails with everything in its hands; one in seven has a message that goes beside the queue's ring.
    let fails = n % 10 == 9;
    let size = if n % 7 == 6 { 300_000 } else { 30 };
    let len = 1usize << (n % 14);

    let (mine, theirs) = pipe::<u64, u64>()?;
    let (from_task, to_host) = one_way::<u64>()?;
    let (from_host, to_task) = one_way::<u64>()?;
    let manager = Manager::new();
    let it = Everything {
        arrays: (RawArray::zeroed(len)?, Array::zeroed(len)?),
        values: (RawValue::new(n)?, Value::new(n)?),
        locks: (Lock::new()?, RLock::new()?),
        permits: (Semaphore::new(1)?, BoundedSemaphore::new(1)?),
        signals: (Event::new()?, Condition::new()?, Barrier::new(2)?),
        queues: (
            Queue::bounded(2)?,
            SimpleQueue::new()?,
            JoinableQueue::bounded(2)?,
        ),
        pipe: theirs,
        ways: (from_host, to_host),
        managed: (manager.dict(), manager.list(), manager.namespace()),
    };
    let (event, condition, barrier) = &it.signals;
    let (dict, list, names) = &it.managed;
    let mut whole = RawArray::<u32>::zeroed(len)?;
    let read = RawArray::<u32>::from_slice(&[1, 2, 3])?;
    let mut bytes = vec![7; size];
    bytes[0] = 1;
    it.queues.0.put(&bytes)?;
    it.queues.1.put(n)?;
    it.queues.2.put(n)?;

    let outcome = pool.scope(|scope| {
        let part = whole.chunks_mut(len).next().context("a part")?;
        let call = scope.start(task, (&it, part, read.read_only(), fails));
        mine.send(n)?;
        to_task.send(n)?;
        ensure!(wait(&[&mine], DEADLINE) == [0]);
        ensure!(mine.recv()? == n + 1);
        ensure!(from_task.recv_timeout(DEADLINE)? == n + 1);
        ensure!(event.wait_timeout(DEADLINE));
        {
            let guard = condition.lock_timeout(DEADLINE)?;
            list.push(n)?;
            guard.notify_all();
        }
        barrier.wait_timeout(DEADLINE)?;
        Ok(call.get())
    })?;
    if fails {
        let panicked = matches!(&outcome, Err(TaskError::Guest { .. }));
        ensure!(panicked, "{outcome:?}");
        ensure!(it.locks.0.try_acquire()?.was_abandoned());
        ensure!(it.locks.1.try_acquire()?.was_abandoned());
        ensure!(condition.try_lock()?.was_abandoned());
    } else {
        ensure!(outcome? == 2 * n + 6);
    }
    let ones = |mut numbers: Vec<u32>| {
        numbers.dedup();
        numbers == [1]
    };
    ensure!(ones(it.arrays.0.to_vec()) && ones(it.arrays.1.to_vec()) && ones(whole.to_vec()));
    ensure!(it.values.0.get() == n + 1 && it.values.1.get() == n + 1);
    ensure!(it.permits.0.value() == 1 && it.permits.1.value() == 1);
    bytes.reverse();
    ensure!(it.queues.0.try_get()? == bytes && it.queues.1.get()? == n + 1);
    ensure!(it.queues.2.join_timeout(DEADLINE));
    ensure!(dict.get("uses")? == 1 && list.to_vec()? == [n, n] && names.get::<u64>("last")? == n);
    Ok(())
}

/// What the host has, and what all below it have, at a moment when these are the launcher, the zygote and both workers; nothing when
/// they hide it from this user.
fn held() -> Option<[Held; 2]> {
    eventually("all others have ended", || {
        // One that ends meanwhile cannot be looked at.
        let host = Held::by(&[process::id()]).ok()?;
        let below = Held::by(&descendants(process::id())).ok()?;
        let Some((host, below)) = host.zip(below) else {
            return Some(None);
        };
        (below.processes == 2 + WORKERS).then_some(Some([host, below]))
    })
}

/// The one with fewer descriptors.
fn least(one: [Held; 2], other: [Held; 2]) -> [Held; 2] {
    let open = |held: &[Held; 2]| held[0].descriptors + held[1].descriptors;
    if open(&other) < open(&one) {
        other
    } else {
        one
    }
}

#[test]
fn thousands_of_tasks_that_use_every_kind_of_object_leave_nothing() -> Result<()> {
    let tasks: u64 = if stress::asked().is_some() {
        10_000
    } else {
        1_000
    };
    /// Until caches, pools of memory and stacks have been filled.
    const WARM_UP: u64 = 500;

    let calls = Arc::new(AtomicU64::new(0));
    let pool = kinds::builder()
        .workers(WORKERS)
        .host_function("double", {
            let calls = Arc::clone(&calls);
            move |_: &CallContext, n: u64| {
                calls.fetch_add(1, SeqCst);
                Ok::<u64, String>(2 * n)
            }
        })
        .build()?;
    let module = pool.load(guests::everything())?;
    let task = module.task("use_everything")?;
    let add = module.task::<(RawValue<u64>, u64), ()>("add")?;
    let rounds = |from: u64, to: u64| -> Result<()> {
        std::thread::scope(|threads| {
            let halves = [0, 1].map(|half| {
                let (pool, task, add) = (&pool, &task, &add);
                threads.spawn(move || -> Result<()> {
                    for n in (from..to).filter(|n| n % 2 == half) {
                        round(pool, task, n).with_context(|| format!("round {n}"))?;
                        if n % 100 == half {
                            // A worker of its own.
                            let value = RawValue::new(n)?;
                            Process::spawn(add, (&value, 1))?.result()?;
                            ensure!(value.get() == n + 1);
                        }
                    }
                    Ok(())
                })
            });
            for half in halves {
                half.join().expect("it does not panic")?;
            }
            Ok(())
        })
    };
    rounds(0, WARM_UP)?;
    // A worker closes what a task was given after it has told the result: the least of many looks is one at rest.
    let Some(before) = (0..50).map_while(|_| held()).reduce(least) else {
        println!("skipped: this user cannot see the mappings of a worker");
        return Ok(());
    };
    rounds(WARM_UP, WARM_UP + tasks)?;
    // On a busy machine it may take long until it has.
    let is_more =
        |after: &[Held; 2]| (0..2).any(|at| after[at].descriptors > before[at].descriptors);
    let (mut after, began) = (held().context("it could be seen before")?, Instant::now());
    while is_more(&after) && began.elapsed() < DEADLINE {
        after = held().unwrap_or(after);
    }
    ensure!(calls.load(SeqCst) == WARM_UP + tasks);

    for (who, before, after) in [
        ("the host", before[0], after[0]),
        ("all below it", before[1], after[1]),
    ] {
        println!("{who}, before {tasks} tasks: {before:?}, after: {after:?}");
        let growth = format!("{who}: {before:?}, {after:?}");
        ensure!(
            after.descriptors <= before.descriptors,
            "descriptors of {growth}"
        );
        // An allocator may have split or joined a few of its own.
        ensure!(after.maps <= before.maps + 20, "mappings of {growth}");
        ensure!(after.memory <= before.memory + 4096, "memory of {growth}");
    }
    Ok(())
}
