//! Tasks that hold things, and that wait for each other.

use std::hint::black_box;

use anyhow::Result;
use wasmpool_guest::{Barrier, Event, Lock, Semaphore, task};

/// Waits at a barrier; returns its place among those who met there.
#[task]
pub fn meet(barrier: Barrier) -> Result<usize> {
    Ok(barrier.wait()?)
}

/// Takes a lock, says so, and never gives it back.
#[task]
pub fn hold_for_ever(lock: Lock, held: Event) -> Result<()> {
    let _guard = lock.acquire()?;
    held.set();
    loop {
        black_box(0);
    }
}

/// Takes two permits and gives neither back: one is left lying, one is kept beyond the task.
#[task]
pub fn take_two(permits: Semaphore) -> Result<()> {
    std::mem::forget(permits.acquire()?);
    permits.acquire()?.forget();
    Ok(())
}
