//! The example that is there in every language, in Rust.

use std::collections::BTreeMap;

use wasmpool_guest::{AcquireError, GetError, Lock, PutError, Queue, RawArray, task};

/// How often each word occurs: a run of letters and digits of ASCII, in lower case.
#[task]
pub fn count(text: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for word in text.split(|letter: char| !letter.is_ascii_alphanumeric()) {
        if !word.is_empty() {
            *counts.entry(word.to_ascii_lowercase()).or_default() += 1;
        }
    }
    counts
}

/// Squares all numbers under the lock.
#[task]
pub fn square(lock: Lock, numbers: RawArray<i64>) -> Result<(), AcquireError> {
    let _guard = lock.acquire()?;
    for number in numbers.cells() {
        number.set(number.get() * number.get());
    }
    Ok(())
}

/// Adds one to all numbers under the lock, so many times.
#[task]
pub fn increment(lock: Lock, numbers: RawArray<i64>, times: u32) -> Result<(), AcquireError> {
    for _ in 0..times {
        let _guard = lock.acquire()?;
        for number in numbers.cells() {
            number.set(number.get() + 1);
        }
    }
    Ok(())
}

/// Puts the numbers from one on into the queue, and closes it.
#[task]
pub fn produce(numbers: Queue<u64>, count: u64) -> Result<(), PutError> {
    for number in 1..=count {
        numbers.put(number)?;
    }
    numbers.close();
    Ok(())
}

/// The sum of what comes out of the queue until it is closed.
#[task]
pub fn consume(numbers: Queue<u64>) -> Result<u64, GetError> {
    let mut sum = 0;
    for number in numbers.iter() {
        sum += number?;
    }
    Ok(sum)
}
