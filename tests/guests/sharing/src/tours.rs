//! Every function of the objects in shared memory, and what it says.

use crate::bindings::wasmpool::pool::types::{Error, RmwOp};
use crate::bindings::{
    Barrier, BoundedSemaphore, BytesSimpleQueue, Condition, Event, F64RawValue, Rlock, S16Value,
    Semaphore, TextJoinableQueue, TextQueue, U8RawArray,
};
use crate::{said, same};

/// A moment in which nothing comes.
const MOMENT: Option<u64> = Some(1_000_000);

pub(crate) fn values(small: &S16Value, ratio: &F64RawValue) -> Result<(), String> {
    same("from the host", small.get(), Ok(-5))?;
    said(small.set(7))?;
    for (op, by, before) in [
        (RmwOp::Add, 3, 7),
        (RmwOp::Sub, 1, 10),
        (RmwOp::And, 8, 9),
        (RmwOp::Or, 3, 8),
        (RmwOp::Xor, 1, 11),
        (RmwOp::Min, -2, 10),
        (RmwOp::Max, 5, -2),
        (RmwOp::Exchange, i16::MAX, 5),
        (RmwOp::Add, 1, i16::MAX),
    ] {
        same(&format!("{op:?}"), small.rmw(op, by), Ok(before))?;
    }
    same("around", small.get(), Ok(i16::MIN))?;
    said(small.acquire(Some(0)))?;
    same("twice", small.acquire(None), Err(Error::AlreadyHeld))?;
    said(small.release())?;
    same("not held", small.release(), Err(Error::NotHeld))?;
    same("ratio", ratio.get(), Ok(0.5))?;
    said(ratio.set(0.25))
}

pub(crate) fn raw_arrays(bytes: &U8RawArray, sealed: &U8RawArray) -> Result<(), String> {
    same("length", bytes.length(), Ok(4))?;
    same("read", bytes.read(1, 2), Ok(vec![2, 3]))?;
    said(bytes.write(2, &[100, 9]))?;
    same("wraps", bytes.rmw(RmwOp::Add, 2, 200), Ok(100))?;
    same("one", bytes.read(2, 1), Ok(vec![44]))?;
    same("past", bytes.read(3, 2), Err(Error::TooLarge))?;
    same("far past", bytes.read(u64::MAX, 1), Err(Error::TooLarge))?;
    same("outside", bytes.rmw(RmwOp::Add, 4, 1), Err(Error::TooLarge))?;
    same("sealed", sealed.read(0, 1), Ok(vec![1]))?;
    same("denied", sealed.write(0, &[1]), Err(Error::Denied))?;
    same("this too", sealed.rmw(RmwOp::Or, 0, 1), Err(Error::Denied))
}

pub(crate) fn rlock(rlock: &Rlock) -> Result<(), String> {
    said(rlock.acquire(None))?;
    said(rlock.acquire(Some(0)))?;
    said(rlock.release())?;
    said(rlock.release())?;
    same("not held", rlock.release(), Err(Error::NotHeld))
}

pub(crate) fn semaphores(semaphore: &Semaphore, bounded: &BoundedSemaphore) -> Result<(), String> {
    same("one is free", semaphore.value(), Ok(1))?;
    same("to keep", semaphore.keep(), Err(Error::NotHeld))?;
    said(semaphore.acquire(None))?;
    same("none is", semaphore.acquire(MOMENT), Err(Error::Timeout))?;
    said(semaphore.release())?;
    said(semaphore.release())?;
    same("it grows", semaphore.value(), Ok(2))?;
    same("too often", bounded.release(), Err(Error::NotHeld))?;
    said(bounded.acquire(None))?;
    said(bounded.keep())?;
    same("kept", bounded.value(), Ok(0))
}

pub(crate) fn event(event: &Event) -> Result<(), String> {
    same("is not set", event.is_set(), Ok(false))?;
    same("wait", event.wait(MOMENT), Err(Error::Timeout))?;
    said(event.set())?;
    said(event.wait(None))?;
    same("is set", event.is_set(), Ok(true))?;
    said(event.clear())
}

pub(crate) fn condition(condition: &Condition) -> Result<(), String> {
    same("wait", condition.wait(None), Err(Error::NotHeld))?;
    same("notify", condition.notify(1), Err(Error::NotHeld))?;
    said(condition.acquire(None))?;
    said(condition.notify(u32::MAX))?;
    said(condition.notify_all())?;
    same("nobody", condition.wait(MOMENT), Err(Error::Timeout))?;
    said(condition.release())?;
    same("release", condition.release(), Err(Error::NotHeld))
}

pub(crate) fn barrier(barrier: &Barrier) -> Result<(), String> {
    same("nobody waits", barrier.waiting(), Ok(0))?;
    same("nobody comes", barrier.wait(MOMENT), Err(Error::Timeout))?;
    same("it is broken", barrier.waiting(), Err(Error::Broken))?;
    same("for all", barrier.wait(None), Err(Error::Broken))?;
    said(barrier.reset())?;
    same("and whole", barrier.waiting(), Ok(0))?;
    said(barrier.abort())
}

pub(crate) fn joinable_queue(queue: &TextJoinableQueue) -> Result<(), String> {
    said(queue.put("a", None))?;
    same("length", queue.length(), Ok(1))?;
    same("is full", queue.is_full(), Ok(false))?;
    same("join", queue.join(MOMENT), Err(Error::Timeout))?;
    same("get", queue.get(None), Ok("a".to_owned()))?;
    said(queue.task_done())?;
    same("too often", queue.task_done(), Err(Error::NotHeld))?;
    said(queue.join(None))?;
    said(queue.close())?;
    same("put", queue.put("b", None), Err(Error::Closed))
}

pub(crate) fn simple_queue(queue: &BytesSimpleQueue) -> Result<(), String> {
    same("is empty", queue.is_empty(), Ok(true))?;
    said(queue.put(&[1, 2]))?;
    same("is not", queue.is_empty(), Ok(false))?;
    same("get", queue.get(), Ok(vec![1, 2]))?;
    said(queue.close())?;
    same("closed", queue.get(), Err(Error::Closed))
}

pub(crate) fn queue(queue: &TextQueue) -> Result<(), String> {
    same("empty", queue.get(Some(0)), Err(Error::Empty))?;
    same("no more", queue.get(MOMENT), Err(Error::Timeout))?;
    said(queue.put("a", None))?;
    said(queue.put("", None))?;
    same("is full", queue.is_full(), Ok(true))?;
    same("full", queue.put("c", Some(0)), Err(Error::Full))?;
    same("no room", queue.put("c", MOMENT), Err(Error::Timeout))?;
    said(queue.close())?;
    same("the first", queue.get(None), Ok("a".to_owned()))?;
    same("the second", queue.get(None), Ok(String::new()))?;
    same("the end", queue.get(None), Err(Error::Closed))
}
