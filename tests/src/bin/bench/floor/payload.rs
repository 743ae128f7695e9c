//! What a processor takes to copy bytes.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

/// Bytes, and room for a copy of them. Both are in memory before anything is measured.
#[derive(Debug)]
pub(crate) struct Copies {
    from: Vec<u8>,
    to: std::cell::RefCell<Vec<u8>>,
}

impl Copies {
    /// Of so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let mut from = vec![1; bytes];
        if let Some(last) = from.last_mut() {
            *last = 7;
        }
        let to = std::cell::RefCell::new(vec![2; bytes]);
        Self { from, to }
    }

    /// The time of so many copies, one after the other.
    ///
    /// # Errors
    /// When a copy is not one.
    pub(crate) fn time(&self, times: usize) -> Result<Duration> {
        let mut to = self.to.borrow_mut();
        let begun = Instant::now();
        for _ in 0..times {
            black_box(&mut *to).copy_from_slice(black_box(&self.from));
        }
        let time = begun.elapsed();
        ensure!(*to == self.from, "the copy is another");
        Ok(time)
    }
}
