//! Tasks that change memory which they share with the host and with each other.

use anyhow::Result;
use wasmpool_guest::{Array, ChunkMut, Lock, RawArray, RawValue, ReadOnly, Value, task};

/// Sets a number, and squares every element of an array.
#[expect(
    clippy::approx_constant,
    reason = "the number that the script sets, digit for digit"
)]
#[task]
pub fn change(number: Value<f64>, mut numbers: Array<i32>) -> Result<()> {
    number.set(3.1415927);
    for number in numbers.lock()?.iter_mut() {
        *number *= *number;
    }
    Ok(())
}

/// Counts to 10,000 in a number without a lock of its own.
#[task]
pub fn count(counter: RawValue<i32>, lock: Lock) -> Result<()> {
    for _ in 0..10_000 {
        let _guard = lock.acquire()?;
        counter.set(counter.get() + 1);
    }
    Ok(())
}

/// Squares an array without a lock of its own.
#[task]
pub fn square_all(numbers: RawArray<i32>, lock: Lock) -> Result<()> {
    let _guard = lock.acquire()?;
    for (i, number) in numbers.iter().enumerate() {
        numbers.set(i, number * number)?;
    }
    Ok(())
}

/// Adds one to a number `times` times, each time under the lock that comes with it.
#[task]
pub fn count_up(counter: Value<i64>, times: u32) -> Result<()> {
    for _ in 0..times {
        counter.update(|n| n + 1)?;
    }
    Ok(())
}

/// Doubles every element of a chunk, which no other task has meanwhile.
#[task]
pub fn double_all(mut numbers: ChunkMut<f64>) {
    for number in numbers.iter_mut() {
        *number *= 2.0;
    }
}

/// The sum of numbers that can only be read.
#[task]
pub fn sum(numbers: ReadOnly<f64>) -> f64 {
    numbers.iter().sum()
}
