//! What the kernel takes to show a file of numbers to a process, and a processor to add them up.

use std::hint::black_box;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::Result;
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
        // SAFETY: a new mapping at an address of the kernel's choice aliases nothing.
        let base = unsafe {
            mmap(
                std::ptr::null_mut(),
                self.bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                &self.file,
                0,
            )?
        };
        // SAFETY: the mapping is that long and aligned to pages, nobody else maps the file, and any bytes are numbers.
        let numbers =
            unsafe { std::slice::from_raw_parts_mut(base.cast(), self.bytes / size_of::<u64>()) };
        let result = work(numbers);
        // SAFETY: it was mapped above, and the slice of it is not used any more.
        unsafe { munmap(base, self.bytes)? };
        Ok(result)
    }
}
