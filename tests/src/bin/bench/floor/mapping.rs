//! What the kernel takes to show a file of numbers to a process, and a processor to add them up.

use std::hint::black_box;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::fs::MemfdFlags;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// A memory file of numbers.
#[derive(Debug)]
pub(crate) struct Numbers {
    file: OwnedFd,
    bytes: usize,
}

impl Numbers {
    /// The numbers from 0 to below `len`.
    ///
    /// # Errors
    /// When there is no memory for them.
    pub(crate) fn new(len: u64) -> Result<Self> {
        let file = rustix::fs::memfd_create("floor", MemfdFlags::CLOEXEC)?;
        let bytes = usize::try_from(len)? * size_of::<u64>();
        rustix::fs::ftruncate(&file, bytes as u64)?;
        let numbers = Self { file, bytes };
        numbers.mapped(|slice| {
            for (number, n) in slice.iter_mut().zip(0..) {
                *number = n;
            }
        })?;
        Ok(numbers)
    }

    /// Maps them and adds them up: the time, and the sum.
    ///
    /// # Errors
    /// When they cannot be mapped.
    pub(crate) fn sum(&self) -> Result<(Duration, u64)> {
        let begun = Instant::now();
        let sum = self.mapped(|numbers| {
            black_box(numbers)
                .iter()
                .fold(0, |sum, n| n.wrapping_add(sum))
        })?;
        Ok((begun.elapsed(), sum))
    }

    /// Maps them and lets them go: the time of one of so many.
    ///
    /// # Errors
    /// When they cannot be mapped.
    pub(crate) fn attach(&self, times: u32) -> Result<Duration> {
        let begun = Instant::now();
        for _ in 0..times {
            self.mapped(|numbers| {
                black_box(numbers.as_ptr());
            })?;
        }
        Ok(begun.elapsed() / times)
    }

    fn mapped<R>(&self, work: impl FnOnce(&mut [u64]) -> R) -> Result<R> {
        mapped(&self.file, 0, self.bytes, work)
    }
}

/// The time of writing so many gibibytes of numbers into a new memory file and of adding them up, in parts of 256 MiB, each
/// mapped for itself, by a thread a core.
///
/// # Errors
/// When there is no memory for them, or a sum is wrong.
pub(crate) fn fill_and_sum(gibibytes: usize) -> Result<Duration> {
    const PART: usize = 256 << 20;
    const NUMBERS: u64 = (PART / size_of::<u64>()) as u64;
    let file = rustix::fs::memfd_create("floor", MemfdFlags::CLOEXEC)?;
    rustix::fs::ftruncate(&file, (gibibytes as u64) << 30)?;
    let parts = gibibytes as u64 * 4;
    let next = AtomicU64::new(0);
    let work = || -> Result<Vec<(u64, u64)>> {
        let mut sums = Vec::new();
        loop {
            let part = next.fetch_add(1, Relaxed);
            if part >= parts {
                return Ok(sums);
            }
            let first = part * NUMBERS;
            let sum = mapped(&file, PART as u64 * part, PART, |numbers| {
                for (number, n) in numbers.iter_mut().zip(first..) {
                    *number = n;
                }
                black_box(numbers)
                    .iter()
                    .fold(0, |sum, n| n.wrapping_add(sum))
            })?;
            sums.push((first, sum));
        }
    };
    let threads = std::thread::available_parallelism()?.get();
    let begun = Instant::now();
    let sums: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let sums = threads.into_iter();
        sums.map(|it| it.join().expect("it does not panic"))
            .collect::<Result<_>>()
    })?;
    let time = begun.elapsed();
    for (first, sum) in sums.into_iter().flatten() {
        let expected = (first..first + NUMBERS).fold(0, u64::wrapping_add);
        ensure!(sum == expected, "the sum from {first} on is {sum}");
    }
    Ok(time)
}

/// Numbers of a part of a file, that nobody else maps, as long as something works with them.
fn mapped<R>(
    file: &OwnedFd,
    offset: u64,
    bytes: usize,
    work: impl FnOnce(&mut [u64]) -> R,
) -> Result<R> {
    // SAFETY: a new mapping at an address of the kernel's choice aliases nothing.
    let base = unsafe {
        mmap(
            std::ptr::null_mut(),
            bytes,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::SHARED,
            file,
            offset,
        )?
    };
    // SAFETY: the mapping is that long and aligned to pages, nobody else maps that part of the file, and any bytes are numbers.
    let numbers = unsafe { std::slice::from_raw_parts_mut(base.cast(), bytes / size_of::<u64>()) };
    let result = work(numbers);
    // SAFETY: it was mapped above, and the slice of it is not used any more.
    unsafe { munmap(base, bytes)? };
    Ok(result)
}
