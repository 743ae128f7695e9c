//! An array with a lock.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use wasmpool_abi::Element;

use super::{
    AcquireError,
    argument::argument,
    lock::acquire,
    raw_array::RawArray,
    timeout::{FOREVER, nanoseconds},
};
use crate::sys;

/// A [`RawArray`] with a lock. It has all that a `RawArray` has; under the lock it is a slice.
///
/// ```no_run
/// #[wasmpool_guest::task]
/// fn square(mut numbers: wasmpool_guest::Array<i64>) -> Result<(), wasmpool_guest::AcquireError> {
///     for number in numbers.lock()?.iter_mut() {
///         *number *= *number;
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Array<T> {
    raw: RawArray<T>,
}

impl<T: Element> Array<T> {
    /// Takes the lock, waiting for it until the task's deadline.
    ///
    /// # Errors
    /// This task holds it already, or there is no memory left to attach the array ([`RawArray::attach`]).
    pub fn lock(&mut self) -> Result<ArrayGuard<'_, T>, AcquireError> {
        self.acquire(FOREVER)
    }

    /// Takes the lock, waiting for it so long at most.
    ///
    /// # Errors
    /// As [`Array::lock`], and the time passed.
    pub fn lock_timeout(&mut self, timeout: Duration) -> Result<ArrayGuard<'_, T>, AcquireError> {
        self.acquire(nanoseconds(timeout))
    }

    /// Takes the lock when it is free now.
    ///
    /// # Errors
    /// As [`Array::lock`], and somebody holds it.
    pub fn try_lock(&mut self) -> Result<ArrayGuard<'_, T>, AcquireError> {
        self.acquire(0)
    }

    fn acquire(&mut self, timeout_ns: i64) -> Result<ArrayGuard<'_, T>, AcquireError> {
        self.raw.attach().map_err(AcquireError::Refused)?;
        let abandoned = acquire(self.raw.handle(), timeout_ns)?;
        Ok(ArrayGuard {
            array: self,
            abandoned,
        })
    }
}

impl<T> Deref for Array<T> {
    type Target = RawArray<T>;

    fn deref(&self) -> &RawArray<T> {
        &self.raw
    }
}

argument!(Array<T: Element>, Array, &T::SCHEMA, |handle| {
    RawArray::new(handle).map(|raw| Array { raw })
});

/// The lock of an [`Array`], held until the guard is dropped, and its elements.
#[derive(Debug)]
#[must_use = "the lock is released when the guard is dropped"]
pub struct ArrayGuard<'a, T: Element> {
    array: &'a mut Array<T>,
    abandoned: bool,
}

impl<T: Element> ArrayGuard<'_, T> {
    /// Whether the last holder failed or died while holding the lock, so that the elements may be half changed.
    pub fn was_abandoned(&self) -> bool {
        self.abandoned
    }
}

impl<T: Element> Deref for ArrayGuard<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.array.raw.slice()
    }
}

impl<T: Element> DerefMut for ArrayGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.array.raw.slice_mut()
    }
}

impl<T: Element> Drop for ArrayGuard<'_, T> {
    fn drop(&mut self) {
        sys::lock_release(self.array.raw.handle().number());
    }
}
