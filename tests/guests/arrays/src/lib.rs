//! Tasks that work on shared arrays and values, as they should and otherwise.

use serde::{Deserialize, Serialize};
use wasmpool_guest::{
    AcquireError, Array, ChunkMut, Code, IndexError, RawArray, RawValue, ReadOnly, Typed, Value,
};

/// A body in space: an element that is more than a number.
#[derive(
    Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Typed, bytemuck::Zeroable, bytemuck::Pod,
)]
#[repr(C)]
pub struct Body {
    /// Where it is.
    pub place: [f32; 3],
    /// What it weighs.
    pub mass: f32,
}

/// Squares in place.
#[wasmpool_guest::task]
pub fn square(numbers: RawArray<i32>) {
    for number in numbers.cells() {
        number.set(number.get().wrapping_mul(number.get()));
    }
}

/// Squares in place, under the array's own lock.
///
/// # Errors
/// The lock was not taken.
#[wasmpool_guest::task]
pub fn square_locked(mut numbers: Array<i32>) -> Result<bool, AcquireError> {
    let mut guard = numbers.lock()?;
    for number in guard.iter_mut() {
        *number = number.wrapping_mul(*number);
    }
    Ok(guard.was_abandoned())
}

/// Squares a part in place and adds `plus`; returns the length of the part.
#[wasmpool_guest::task]
pub fn square_part(mut part: ChunkMut<i32>, plus: i32) -> usize {
    for number in part.iter_mut() {
        *number = number.wrapping_mul(*number).wrapping_add(plus);
    }
    part.len()
}

/// The sum, without changing anything.
#[wasmpool_guest::task]
pub fn sum(numbers: ReadOnly<u64>) -> u64 {
    numbers.iter().fold(0, u64::wrapping_add)
}

/// The sum of numbers that lie in an array.
#[wasmpool_guest::task]
pub fn sum_array(numbers: ReadOnly<f64>) -> f64 {
    numbers.iter().sum()
}

/// The sum of numbers that came with the call.
#[wasmpool_guest::task]
pub fn sum_argument(numbers: &[f64]) -> f64 {
    numbers.iter().sum()
}

/// Writes the numbers from `first` on into a part, and adds them up from there.
#[wasmpool_guest::task]
pub fn fill_and_sum(mut part: ChunkMut<u64>, first: u64) -> u64 {
    for (number, n) in part.iter_mut().zip(first..) {
        *number = n;
    }
    part.iter().fold(0, |sum, n| sum.wrapping_add(*n))
}

/// The sum, by copies of a thousand elements at a time.
///
/// # Errors
/// Never: the pieces lie inside the array.
#[wasmpool_guest::task]
pub fn sum_copied(numbers: ReadOnly<u64>) -> Result<u64, IndexError> {
    let mut piece = vec![0; 1000];
    let mut sum = 0u64;
    let mut at = 0;
    while at < numbers.len() {
        let count = piece.len().min(numbers.len() - at);
        numbers.read(at, &mut piece[..count])?;
        sum = piece[..count]
            .iter()
            .fold(sum, |sum, n| sum.wrapping_add(*n));
        at += count;
    }
    Ok(sum)
}

/// Moves bodies.
#[wasmpool_guest::task]
pub fn fall(bodies: RawArray<Body>, by: f32) {
    for body in bodies.cells() {
        let mut moved = body.get();
        moved.place[2] -= by / moved.mass;
        body.set(moved);
    }
}

/// Adds one to a value under its lock, so often.
///
/// # Errors
/// The lock was not taken.
#[wasmpool_guest::task]
pub fn count_locked(value: Value<u64>, times: u32) -> Result<(), AcquireError> {
    for _ in 0..times {
        value.update(|n| n + 1)?;
    }
    Ok(())
}

/// Adds one to a value under its lock, so often, and tells each time in its own three elements of `told`: that it begins, that
/// it has ended, and when it found the lock abandoned.
///
/// # Errors
/// The lock was not taken, or there are no such elements.
#[wasmpool_guest::task]
pub fn count_and_tell(
    value: Value<u64>,
    told: RawArray<u64>,
    guest: usize,
    times: u64,
) -> Result<(), String> {
    let tell = |what: usize| match told.fetch_add(3 * guest + what, 1) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    };
    for _ in 0..times {
        let guard = value.lock().map_err(|error| error.to_string())?;
        if guard.was_abandoned() {
            tell(2)?;
        }
        tell(0)?;
        guard.set(guard.get() + 1);
        tell(1)?;
    }
    Ok(())
}

/// The documents' own example: a value and an array of somebody's, under one lock of somebody's.
///
/// # Errors
/// The lock was not taken.
#[wasmpool_guest::task]
pub fn count_and_square(
    lock: wasmpool_guest::Lock,
    value: RawValue<i32>,
    numbers: RawArray<i32>,
    times: u32,
) -> Result<(), AcquireError> {
    for _ in 0..times {
        let _guard = lock.acquire()?;
        value.set(value.get() + 1);
    }
    let _guard = lock.acquire()?;
    square(numbers);
    Ok(())
}

/// Makes half of a change under the array's lock and panics.
///
/// # Errors
/// The lock was not taken.
#[wasmpool_guest::task]
pub fn half_a_change(mut numbers: Array<i32>) -> Result<(), AcquireError> {
    let mut guard = numbers.lock()?;
    guard[0] = -1;
    panic!("on purpose");
}

/// Adds one to a value and to an element, so often, without any lock.
///
/// # Errors
/// The array has no such element.
#[wasmpool_guest::task]
pub fn count_atomically(
    value: RawValue<u64>,
    array: RawArray<i16>,
    index: usize,
    times: u32,
) -> Result<(), IndexError> {
    for _ in 0..times {
        value.fetch_add(1);
        array.fetch_add(index, 1)?;
    }
    Ok(())
}

/// Adds `plus` to the first and the last element, and returns what they were.
#[wasmpool_guest::task]
pub fn touch_ends(numbers: RawArray<u64>, plus: u64) -> (usize, u64, u64) {
    let cells = numbers.cells();
    let (first, last) = (&cells[0], &cells[cells.len() - 1]);
    let ends = (cells.len(), first.get(), last.get());
    first.set(ends.1.wrapping_add(plus));
    last.set(last.get().wrapping_add(plus));
    ends
}

/// Attaches and detaches, so often.
///
/// # Errors
/// There is no room.
#[wasmpool_guest::task]
pub fn attach(mut numbers: RawArray<u64>, times: u32) -> Result<(), Code> {
    for _ in 0..times {
        numbers.attach()?;
        numbers.detach();
    }
    Ok(())
}

/// Whether there is room for the array; then copies go on without.
#[wasmpool_guest::task]
pub fn has_room(numbers: ReadOnly<u64>) -> (bool, u64) {
    let mut last = [0];
    let attached = numbers.attach();
    let read = numbers.read(numbers.len() - 1, &mut last);
    (attached.is_ok(), read.map_or(0, |()| last[0]))
}

/// Attaches the array, says so, writes to it, and loops until it is stopped.
#[wasmpool_guest::task]
pub fn hold(numbers: RawArray<u64>) {
    let mut n = 0u64;
    wasmpool_guest::progress(u64::from(numbers.attach().is_ok()), 1);
    loop {
        numbers.cells()[0].set(n);
        n = n.wrapping_add(1);
    }
}

/// Squares in place, then traps with the window open.
#[wasmpool_guest::task]
pub fn square_and_panic(numbers: RawArray<i32>) {
    square(numbers);
    panic!("on purpose");
}

/// Attaches and detaches arrays over and over while the allocator is kept busy; adds one to each element with each
/// round, and checks after each that neither the arrays nor what was allocated has been touched by the other.
///
/// # Errors
/// One was.
#[wasmpool_guest::task]
pub fn churn(mut arrays: Vec<RawArray<u32>>, rounds: u32) -> Result<usize, String> {
    let mut blocks: Vec<Vec<u32>> = Vec::new();
    let mut random = 12_345u32;
    let mut below = |limit: u32| {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        random % limit
    };
    let mut attached = 0;
    for round in 0..rounds {
        let mut held: Vec<Vec<u32>> = Vec::new();
        for array in &mut arrays {
            for cell in array.cells() {
                cell.set(cell.get() + 1);
            }
            attached += 1;
            // Blocks of all sizes between the windows.
            let limit = 1 << below(16);
            let len = below(limit) as usize;
            held.push(vec![round; len]);
            if below(3) == 0 {
                array.detach();
            }
        }
        blocks.append(&mut held);
        while blocks.len() > 40 {
            let at = below(40) as usize;
            let block = blocks.swap_remove(at);
            if block.iter().any(|n| *n != block[0]) {
                return Err(format!(
                    "a block of round {:?} was written to",
                    block.first()
                ));
            }
        }
        for array in &mut arrays {
            let first = array.get(0).unwrap_or(0);
            if array.iter().any(|n| n != first) {
                return Err(format!(
                    "an array has other elements than {first} in round {round}"
                ));
            }
            if below(2) == 0 {
                array.detach();
            }
        }
    }
    Ok(attached)
}
