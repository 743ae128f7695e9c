//! Tasks as small as a task can be, for measuring what a call costs, and one of each kind of argument and ending.

use serde::{Deserialize, Serialize};
use wasmpool_guest::Typed;

/// A place in the plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Upwards.
    pub y: f64,
}

/// Why [`divide`] did not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
pub enum DivideError {
    /// The divisor was zero; what was to be divided.
    ByZero(i64),
}

impl std::fmt::Display for DivideError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::ByZero(dividend) = self;
        write!(f, "{dividend} cannot be divided by zero")
    }
}

/// Twice `n`.
#[wasmpool_guest::task]
pub fn double(n: u64) -> u64 {
    n.wrapping_mul(2)
}

/// The same bytes.
#[wasmpool_guest::task]
pub fn echo(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

/// Nothing from nothing.
#[wasmpool_guest::task]
pub fn tick() {}

/// `text`, `times` times.
#[wasmpool_guest::task]
pub fn repeat(text: &str, times: u32) -> String {
    text.repeat(times as usize)
}

/// The sum of numbers that are only borrowed.
#[wasmpool_guest::task]
pub fn sum(numbers: &[f64]) -> f64 {
    numbers.iter().sum()
}

/// The point between two points.
#[wasmpool_guest::task]
pub fn between(a: Point, b: Point) -> Point {
    Point {
        x: f64::midpoint(a.x, b.x),
        y: f64::midpoint(a.y, b.y),
    }
}

/// The quotient.
///
/// # Errors
/// When `b` is zero.
#[wasmpool_guest::task]
pub fn divide(a: i64, b: i64) -> Result<i64, DivideError> {
    a.checked_div(b).ok_or(DivideError::ByZero(a))
}

/// Emits the numbers up to `n`, a byte each, tells its progress, logs one line, and returns how many there were.
#[wasmpool_guest::task]
pub fn count_aloud(n: u8) -> u8 {
    wasmpool_guest::info!("counting to {n}");
    for i in 1..=n {
        wasmpool_guest::emit(&i).expect("a number encodes");
        wasmpool_guest::progress(u64::from(i), u64::from(n));
    }
    n
}

/// Loops until it is stopped.
#[wasmpool_guest::task]
pub fn spin() {
    loop {
        std::hint::black_box(0);
    }
}

/// Writes to so many MiB, says that it has, and loops until it is stopped or killed.
#[wasmpool_guest::task]
pub fn hold(mebibytes: usize) {
    // Piece by piece: no single vector can have two gibibytes here.
    let held: Vec<Vec<u8>> = (0..mebibytes).map(|_| vec![1; 1 << 20]).collect();
    wasmpool_guest::info!("held");
    loop {
        std::hint::black_box(&held);
    }
}

/// Works for about as long as `rounds` says, and returns a number that depends on all of them.
#[wasmpool_guest::task]
pub fn burn(rounds: u64) -> u64 {
    (0..rounds).fold(1, |hash, n| (hash ^ n).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::{DivideError, Point, between, burn, divide, double, repeat, sum};

    #[test]
    fn they_do_what_they_say() {
        assert_eq!(double(21), 42);
        assert_eq!(repeat("ab", 3), "ababab");
        assert!((sum(&[1.0, 2.5]) - 3.5).abs() < f64::EPSILON);
        assert_eq!(divide(7, 2), Ok(3));
        assert_eq!(divide(7, 0), Err(DivideError::ByZero(7)));
        assert_eq!(
            between(Point { x: 0.0, y: 2.0 }, Point { x: 2.0, y: 4.0 }),
            Point { x: 1.0, y: 3.0 }
        );
        assert_ne!(burn(10), burn(11));
    }
}
