//! Bytes and numbers on their way to a task and back.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use wasmpool::{Pool, RawArray, ReadOnly, Task};
use wasmpool_tests::{guests, kinds};

/// A pool that gives back what it is given.
#[derive(Debug)]
pub(crate) struct Echo {
    task: Task<Vec<u8>, Vec<u8>>,
    _pool: Pool,
}

impl Echo {
    /// With so many workers.
    ///
    /// # Errors
    /// When there is no pool.
    pub(crate) fn new(workers: usize) -> Result<Self> {
        let pool = kinds::builder().workers(workers).build()?;
        let task = pool.load(guests::tiny())?.task("echo")?;
        let echo = Self { task, _pool: pool };
        echo.call(1)?;
        Ok(echo)
    }

    /// The time of one call with so many bytes.
    ///
    /// # Errors
    /// When it fails or gives back something else.
    pub(crate) fn call(&self, bytes: usize) -> Result<Duration> {
        let sent = pattern(bytes);
        self.send(&sent)
    }

    /// The time of each of so many calls with so many bytes.
    ///
    /// # Errors
    /// As [`Echo::call`].
    pub(crate) fn calls(&self, bytes: usize, calls: usize) -> Result<Vec<Duration>> {
        let sent = pattern(bytes);
        (0..calls).map(|_| self.send(&sent)).collect()
    }

    fn send(&self, sent: &[u8]) -> Result<Duration> {
        let begun = Instant::now();
        let answer = self.task.call(sent)?;
        let time = begun.elapsed();
        ensure!(answer == sent, "{} bytes came back changed", sent.len());
        Ok(time)
    }
}

/// Bytes of which no two pages are the same.
fn pattern(bytes: usize) -> Vec<u8> {
    let words = (0_u64..).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    words.flatten().take(bytes).collect()
}

/// How numbers get to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// In the call.
    Argument,
    /// In an array that was there before.
    Array,
    /// In an array into which they are written for the call.
    FilledArray,
}

impl Way {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Argument, Self::Array, Self::FilledArray];
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Argument => "as the argument",
            Self::Array => "in an array",
            Self::FilledArray => "in an array that is filled for the call",
        })
    }
}

/// A pool that adds up numbers that come in each way.
#[derive(Debug)]
pub(crate) struct Sums {
    argument: Task<Vec<f64>, f64>,
    array: Task<ReadOnly<'static, f64>, f64>,
    _pool: Pool,
}

impl Sums {
    /// Ready to add up.
    ///
    /// # Errors
    /// When there is no pool.
    pub(crate) fn new() -> Result<Self> {
        let pool = kinds::builder().workers(1).build()?;
        let module = pool.load(guests::arrays())?;
        Ok(Self {
            argument: module.task("sum_argument")?,
            array: module.task("sum_array")?,
            _pool: pool,
        })
    }

    /// So many numbers, in an array and beside it.
    ///
    /// # Errors
    /// When there is no memory for them.
    pub(crate) fn numbers(&self, len: usize) -> Result<Numbers<'_>> {
        let numbers: Vec<f64> = (0..len).map(|n| (n % 1000) as f64).collect();
        Ok(Numbers {
            of: self,
            array: RawArray::from_slice(&numbers)?,
            sum: numbers.iter().sum(),
            numbers,
        })
    }
}

/// Numbers to be added up.
#[derive(Debug)]
pub(crate) struct Numbers<'a> {
    of: &'a Sums,
    numbers: Vec<f64>,
    array: RawArray<f64>,
    /// Whole numbers, and small enough for every order to have the same sum.
    sum: f64,
}

impl Numbers<'_> {
    /// The time of each of so many calls.
    ///
    /// # Errors
    /// When one fails or has another sum.
    pub(crate) fn sum(&self, way: Way, calls: usize) -> Result<Vec<Duration>> {
        let call = || -> Result<(Duration, f64)> {
            let begun = Instant::now();
            let sum = match way {
                Way::Argument => self.of.argument.call(&self.numbers)?,
                Way::Array => self.of.array.call(self.array.read_only())?,
                Way::FilledArray => {
                    self.array.copy_from_slice(&self.numbers)?;
                    self.of.array.call(self.array.read_only())?
                }
            };
            Ok((begun.elapsed(), sum))
        };
        call()?;
        (0..calls)
            .map(|_| {
                let (time, sum) = call()?;
                ensure!(sum.to_bits() == self.sum.to_bits(), "the sum is {sum}");
                Ok(time)
            })
            .collect()
    }
}
