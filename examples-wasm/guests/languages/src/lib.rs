//! The example that is there in every language, in Rust.

use std::{cell::Cell, collections::BTreeMap, hint::black_box, process};

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

/// Adds one to all numbers and to its own count, until that is `times`. Whoever finds that the last holder of the lock died in the middle of
/// this sets the numbers right: each is the sum of all counts. The result is how often that was.
#[task]
pub fn tally(
    lock: Lock,
    numbers: RawArray<i64>,
    counts: RawArray<i64>,
    own: u32,
    times: u32,
) -> Result<u32, String> {
    let (numbers, counts) = (numbers.cells(), counts.cells());
    let own = &counts[own as usize];
    let (front, back) = numbers.split_at(numbers.len() / 2);
    let mut repairs = 0;
    while own.get() < i64::from(times) {
        let guard = lock.acquire().map_err(|error| error.to_string())?;
        if guard.was_abandoned() {
            let sum: i64 = counts.iter().map(Cell::get).sum();
            for number in numbers {
                if number.get().abs_diff(sum) > 1 {
                    return Err("an increment was lost".into());
                }
                number.set(sum);
            }
            repairs += 1;
        }
        let add_one = |number: &Cell<i64>| number.set(number.get() + 1);
        front.iter().for_each(add_one);
        add_one(own);
        back.iter().for_each(add_one);
    }
    Ok(repairs)
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

/// Fails with its own error.
#[task]
pub fn refuse(text: String) -> Result<(), String> {
    Err(text)
}

/// Panics.
#[task]
pub fn crash(text: &str) {
    panic!("{text}");
}

#[expect(unconditional_recursion, reason = "it is to use up the stack")]
fn deeper(above: &i32) -> i32 {
    let here = black_box(above.wrapping_add(1));
    deeper(&here).wrapping_add(here)
}

/// The same with local data, which lie in memory and not where WebAssembly's own stack is.
#[expect(unconditional_recursion, reason = "it is to use up the stack")]
fn wider(above: &[u8; 4096]) -> u8 {
    let here = black_box(*above);
    wider(&here).wrapping_add(here[0])
}

/// Ends in the way that it is told.
#[task]
pub fn end(how: &str) -> Result<(), String> {
    match how {
        "divide" => {
            black_box(1 / black_box(0));
        }
        // SAFETY: none: this is what the sandbox is for. Nothing lies at the end of a memory of 4 GiB.
        "pointer" => unsafe {
            black_box(black_box(0xffff_fff0_usize as *const i32).read_volatile());
        },
        "exit" => process::exit(3),
        "memory" => {
            let mut all = Vec::new();
            loop {
                all.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "stack" => {
            black_box(deeper(&0));
        }
        "data" => {
            black_box(wider(&[0; 4096]));
        }
        _ => return Err("no such end".into()),
    }
    Ok(())
}
