//! An array in shared memory with a lock beside it.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    time::{Duration, Instant},
};

use wasmpool_abi::{Element, ObjectKind};

use super::{
    argument::argument,
    grant::Grant,
    lock::{AcquireError, LockGuard},
    object::ShareError,
    raw_array::RawArray,
};

/// A [`RawArray`] with a lock, as Python's `multiprocessing.Array`; it has all that a `RawArray` has.
///
/// Nothing but good will makes anybody take the lock: host and tasks can read and write without it, as in Python. What is read between
/// [`Array::lock`] and the drop of the guard is then what no other holder is changing.
///
/// ```
/// let array = wasmpool::Array::<i64>::from_iter(0..10)?;
/// {
///     let guard = array.lock()?;
///     let last = guard.get(9).unwrap_or(0);
///     guard.set(0, last + 1)?;
/// } // released
/// assert_eq!(array.get(0), Some(10));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A task that takes a `RawArray<T>` can be given `&*array`: the elements without the lock.
pub struct Array<T> {
    raw: RawArray<T>,
}

impl<T: Element> Array<T> {
    /// An array of `len` elements that are zero. The system provides its memory as it is touched.
    ///
    /// # Errors
    /// No descriptors or address space left.
    pub fn zeroed(len: usize) -> Result<Self, ShareError> {
        RawArray::of_kind(ObjectKind::Array, len).map(|raw| Self { raw })
    }

    /// An array with these elements.
    ///
    /// # Errors
    /// As [`Array::zeroed`].
    pub fn from_slice(elements: &[T]) -> Result<Self, ShareError> {
        RawArray::of_kind_from(ObjectKind::Array, elements).map(|raw| Self { raw })
    }

    /// An array with the elements of an iterator.
    ///
    /// # Errors
    /// As [`Array::zeroed`].
    #[expect(
        clippy::should_implement_trait,
        reason = "the trait's cannot fail, and memory for an array can be lacking"
    )]
    pub fn from_iter(elements: impl IntoIterator<Item = T>) -> Result<Self, ShareError> {
        Self::from_slice(&elements.into_iter().collect::<Vec<_>>())
    }

    /// Takes the lock, waiting for as long as that takes. Tasks that fail or die while they hold it give it up.
    ///
    /// # Errors
    /// This thread holds it already.
    pub fn lock(&self) -> Result<ArrayGuard<'_, T>, AcquireError> {
        self.acquire(None)
    }

    /// Takes the lock, waiting for it so long at most.
    ///
    /// # Errors
    /// The time passed, or this thread holds it already.
    pub fn lock_timeout(&self, timeout: Duration) -> Result<ArrayGuard<'_, T>, AcquireError> {
        self.acquire(Instant::now().checked_add(timeout))
    }

    /// Takes the lock when it is free now.
    ///
    /// # Errors
    /// Somebody holds it.
    pub fn try_lock(&self) -> Result<ArrayGuard<'_, T>, AcquireError> {
        self.lock_timeout(Duration::ZERO)
    }

    fn acquire(&self, until: Option<Instant>) -> Result<ArrayGuard<'_, T>, AcquireError> {
        let guard = LockGuard::acquire(self.raw.object(), until)?;
        Ok(ArrayGuard { array: self, guard })
    }
}

impl<T> Deref for Array<T> {
    type Target = RawArray<T>;

    fn deref(&self) -> &RawArray<T> {
        &self.raw
    }
}

impl<T> DerefMut for Array<T> {
    fn deref_mut(&mut self) -> &mut RawArray<T> {
        &mut self.raw
    }
}

impl<T> fmt::Debug for Array<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Array").field(&self.raw).finish()
    }
}

argument!(Array<T: Element>, Array, &T::SCHEMA, |array| Grant::whole(array.raw.object()));

/// The lock of an [`Array`], held until the guard is dropped, with all that the array has.
#[derive(Debug)]
#[must_use = "the lock is released when the guard is dropped"]
pub struct ArrayGuard<'a, T> {
    array: &'a Array<T>,
    guard: LockGuard<'a>,
}

impl<T> ArrayGuard<'_, T> {
    /// Whether the last holder failed or died while holding the lock, so that the elements may be half changed.
    pub fn was_abandoned(&self) -> bool {
        self.guard.was_abandoned()
    }
}

impl<T> Deref for ArrayGuard<'_, T> {
    type Target = RawArray<T>;

    fn deref(&self) -> &RawArray<T> {
        self.array
    }
}
