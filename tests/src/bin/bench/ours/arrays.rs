//! Shared arrays of numbers.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use wasmpool::{ByteSize, ChunkMut, Pool, RawArray, ReadOnly, Task};
use wasmpool_tests::{guests, kinds};

/// A shared array of numbers, and a pool that knows what to do with it.
#[derive(Debug)]
pub(crate) struct Numbers {
    array: RawArray<u64>,
    attach: Task<(RawArray<u64>, u32), ()>,
    sum: Task<ReadOnly<'static, u64>, u64>,
    _pool: Pool,
}

impl Numbers {
    /// The numbers from 0 to below `len`.
    ///
    /// # Errors
    /// When there is no memory for them, or no pool.
    pub(crate) fn new(len: u64) -> Result<Self> {
        let pool = kinds::builder()
            .workers(1)
            .memory(ByteSize::gib(2))
            .build()?;
        let module = pool.load(guests::arrays())?;
        let numbers = Self {
            array: RawArray::from_iter(0..len)?,
            attach: module.task("attach")?,
            sum: module.task("sum")?,
            _pool: pool,
        };
        numbers.attach.call((&numbers.array, 1))?;
        Ok(numbers)
    }

    /// A task that is given them and adds them up: the time, and the sum.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn sum(&self) -> Result<(Duration, u64)> {
        let begun = Instant::now();
        let sum = self.sum.call(self.array.read_only())?;
        Ok((begun.elapsed(), sum))
    }

    /// A task attaches and detaches them: the time of one of so many, without the call's. Of both calls it is the fastest of
    /// several, since on a busy machine one call takes longer than another by more than what is measured.
    ///
    /// # Errors
    /// When it fails, or when a call that attaches was no slower than one that does not.
    pub(crate) fn attach(&self, times: u32) -> Result<Duration> {
        let fastest = |times| -> Result<Duration> {
            let mut fastest = Duration::MAX;
            for _ in 0..10 {
                let begun = Instant::now();
                self.attach.call((&self.array, times))?;
                fastest = fastest.min(begun.elapsed());
            }
            Ok(fastest)
        };
        let (with, without) = (fastest(times)?, fastest(0)?);
        ensure!(with > without, "attaching took no time: {with:?}");
        Ok((with - without) / times)
    }
}

/// The time of writing so many gibibytes of numbers and of adding them up, in parts of 256 MiB, a task each, by a worker a
/// core. The array is new: its pages are made on the way.
///
/// # Errors
/// When there is no memory for it, a task fails, or a sum is wrong.
pub(crate) fn fill_and_sum(gibibytes: usize) -> Result<Duration> {
    const PART: usize = 1 << 25;
    let pool = kinds::builder().memory(ByteSize::gib(1)).build()?;
    let task: Task<(ChunkMut<'static, u64>, u64), u64> =
        pool.load(guests::arrays())?.task("fill_and_sum")?;
    let mut numbers = RawArray::<u64>::zeroed(gibibytes << 27)?;
    let firsts = (0..).step_by(PART);
    let begun = Instant::now();
    let outcomes = pool.map(&task, numbers.chunks_mut(PART).zip(firsts));
    let time = begun.elapsed();
    ensure!(outcomes.len() == gibibytes * 4, "{} parts", outcomes.len());
    for (first, outcome) in (0..).step_by(PART).zip(outcomes) {
        let sum = outcome?;
        let expected = (first..first + PART as u64).fold(0, u64::wrapping_add);
        ensure!(sum == expected, "the sum from {first} on is {sum}");
    }
    Ok(time)
}
