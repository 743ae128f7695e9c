//! One task that uses one of every kind of object.

use std::mem::forget;

use serde::{Deserialize, Serialize};
use wasmpool_guest::{
    Array, Barrier, BoundedSemaphore, ChunkMut, Condition, Connection, Dict, Event, JoinableQueue,
    List, Lock, Namespace, Queue, RLock, RawArray, RawValue, ReadOnly, Receiver, Semaphore, Sender,
    SimpleQueue, Typed, Value, host_call,
};

/// One of every kind that is not borrowed.
#[derive(Debug, Serialize, Deserialize, Typed)]
pub struct Everything {
    /// Without and with a lock.
    pub arrays: (RawArray<u32>, Array<u32>),
    /// Without and with a lock.
    pub values: (RawValue<u64>, Value<u64>),
    /// What one at a time holds.
    pub locks: (Lock, RLock),
    /// What so many at a time hold.
    pub permits: (Semaphore, BoundedSemaphore),
    /// What is waited for.
    pub signals: (Event, Condition, Barrier),
    /// Each with a message inside.
    pub queues: (Queue<Vec<u8>>, SimpleQueue<u64>, JoinableQueue<u64>),
    /// The end of a pipe whose other end asks.
    pub pipe: Connection<u64, u64>,
    /// Ends of two pipes that go one way.
    pub ways: (Receiver<u64>, Sender<u64>),
    /// What lives with the host.
    pub managed: (Dict<String, u64>, List<u64>, Namespace),
}

/// Uses everything, together with a host that does its part of it. With `fails` it traps in the end, with all that can be
/// held in its hands.
///
/// # Errors
/// Something did not work.
#[wasmpool_guest::task]
pub fn use_everything(
    mut it: Everything,
    mut part: ChunkMut<u32>,
    seen: ReadOnly<u32>,
    fails: bool,
) -> Result<u64, String> {
    for cell in it.arrays.0.cells() {
        cell.set(cell.get() + 1);
    }
    for number in it.arrays.1.lock().map_err(text)?.iter_mut() {
        *number += 1;
    }
    for number in part.iter_mut() {
        *number += 1;
    }
    let sum: u32 = seen.iter().sum();

    it.values.0.fetch_add(1);
    it.values.1.update(|n| n + 1).map_err(text)?;
    {
        let _lock = it.locks.0.acquire().map_err(text)?;
        let _outer = it.locks.1.acquire().map_err(text)?;
        let _inner = it.locks.1.acquire().map_err(text)?;
        let _permit = it.permits.0.acquire().map_err(text)?;
        let _permit = it.permits.1.acquire().map_err(text)?;
    }

    let mut bytes = it.queues.0.get().map_err(text)?;
    bytes.reverse();
    it.queues.0.put(bytes).map_err(text)?;
    let number = it.queues.1.get().map_err(text)?;
    it.queues.1.put(number + 1).map_err(text)?;
    it.queues.2.get().map_err(text)?;
    it.queues.2.task_done().map_err(text)?;
    it.pipe
        .send(it.pipe.recv().map_err(text)? + 1)
        .map_err(text)?;
    it.ways
        .1
        .send(it.ways.0.recv().map_err(text)? + 1)
        .map_err(text)?;

    let (dict, list, names) = &it.managed;
    dict.add("uses", 1).map_err(text)?;
    list.push(number).map_err(text)?;
    names.set("last", &number).map_err(text)?;
    let double: u64 = host_call("double", &number).map_err(text)?;

    let (event, condition, barrier) = &it.signals;
    event.set();
    {
        let mut guard = condition.lock().map_err(text)?;
        guard.wait_while(|| list.len() == Ok(1)).map_err(text)?;
    }
    barrier.wait().map_err(text)?;
    if fails {
        forget(it.locks.0.acquire().map_err(text)?);
        forget(it.locks.1.acquire().map_err(text)?);
        forget(it.permits.0.acquire().map_err(text)?);
        forget(it.permits.1.acquire().map_err(text)?);
        forget(condition.lock().map_err(text)?);
        panic!("on purpose");
    }
    Ok(double + u64::from(sum))
}

/// Adds to a value.
#[wasmpool_guest::task]
pub fn add(value: RawValue<u64>, n: u64) {
    value.fetch_add(n);
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn text(error: impl ToString) -> String {
    error.to_string()
}
