//! One element of the host's, with a lock and without. It takes no room in this guest's memory.

use std::{fmt, time::Duration};

use wasmpool_abi::{Element, Integer};

use super::{
    AcquireError,
    argument::argument,
    lock::LockGuard,
    raw_array::RawArray,
    timeout::{FOREVER, nanoseconds},
};

/// One element that the host, this task and others share, without a lock. One of 1, 2, 4 or 8 bytes is read and written whole.
///
/// ```no_run
/// #[wasmpool_guest::task]
/// fn count(counter: wasmpool_guest::RawValue<u64>) {
///     counter.fetch_add(1);
/// }
/// ```
pub struct RawValue<T> {
    array: RawArray<T>,
}

impl<T: Element> RawValue<T> {
    /// What it is now.
    pub fn get(&self) -> T {
        let mut value = [T::zeroed()];
        // Its one element is always there.
        let _ = self.array.read(0, &mut value);
        value[0]
    }

    /// Makes it another.
    pub fn set(&self, value: T) {
        let _ = self.array.write(0, &[value]);
    }
}

/// One element that the host, this task and others share, with a lock.
///
/// ```no_run
/// #[wasmpool_guest::task]
/// fn add(total: wasmpool_guest::Value<f64>, amount: f64) -> Result<f64, wasmpool_guest::AcquireError> {
///     total.update(|sum| sum + amount)
/// }
/// ```
pub struct Value<T> {
    raw: RawValue<T>,
}

impl<T: Element> Value<T> {
    /// What it is now, whoever holds the lock.
    pub fn get(&self) -> T {
        self.raw.get()
    }

    /// Makes it another, whoever holds the lock.
    pub fn set(&self, value: T) {
        self.raw.set(value);
    }

    /// Makes it what `change` says, under the lock.
    ///
    /// # Errors
    /// As [`Value::lock`].
    pub fn update(&self, change: impl FnOnce(T) -> T) -> Result<T, AcquireError> {
        let guard = self.lock()?;
        let changed = change(guard.get());
        guard.set(changed);
        Ok(changed)
    }

    /// Takes the lock, waiting for it until the task's deadline.
    ///
    /// # Errors
    /// This task holds it already.
    pub fn lock(&self) -> Result<ValueGuard<'_, T>, AcquireError> {
        self.acquire(FOREVER)
    }

    /// Takes the lock, waiting for it so long at most.
    ///
    /// # Errors
    /// As [`Value::lock`], and the time passed.
    pub fn lock_timeout(&self, timeout: Duration) -> Result<ValueGuard<'_, T>, AcquireError> {
        self.acquire(nanoseconds(timeout))
    }

    /// Takes the lock when it is free now.
    ///
    /// # Errors
    /// As [`Value::lock`], and somebody holds it.
    pub fn try_lock(&self) -> Result<ValueGuard<'_, T>, AcquireError> {
        self.acquire(0)
    }

    /// The same as [`Value::lock`], by Python's name.
    ///
    /// # Errors
    /// As [`Value::lock`].
    pub fn get_lock(&self) -> Result<ValueGuard<'_, T>, AcquireError> {
        self.lock()
    }

    fn acquire(&self, timeout_ns: i64) -> Result<ValueGuard<'_, T>, AcquireError> {
        let guard = LockGuard::acquire(self.raw.array.handle(), timeout_ns)?;
        Ok(ValueGuard { value: self, guard })
    }
}

macro_rules! atomic {
    ($(#[doc = $doc:literal] $name:ident;)+) => {
        impl<T: Integer> RawValue<T> {$(
            #[doc = $doc]
            ///
            /// Atomic, also beside the same operations of the host and of other guests; returns what was there before.
            pub fn $name(&self, value: T) -> T {
                // Its one element is always there.
                self.array.$name(0, value).unwrap_or(value)
            }
        )+}

        impl<T: Integer> Value<T> {$(
            #[doc = $doc]
            ///
            /// Atomic, also beside the same operations of the host and of other guests; returns what was there before. It does not
            /// take the lock, nor wait for it.
            pub fn $name(&self, value: T) -> T {
                self.raw.$name(value)
            }
        )+}
    };
}

atomic! {
    #[doc = "Adds to it, wrapping around."] fetch_add;
    #[doc = "Subtracts from it, wrapping around."] fetch_sub;
    #[doc = "Bitwise and with it."] fetch_and;
    #[doc = "Bitwise or with it."] fetch_or;
    #[doc = "Bitwise exclusive or with it."] fetch_xor;
    #[doc = "Makes it the smaller of itself and `value`."] fetch_min;
    #[doc = "Makes it the larger of itself and `value`."] fetch_max;
    #[doc = "Puts `value` in its place."] swap;
}

impl<T> fmt::Debug for RawValue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawValue").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").finish_non_exhaustive()
    }
}

argument!(RawValue<T: Element>, RawValue, &T::SCHEMA, |handle| {
    RawArray::new(handle).map(|array| RawValue { array })
});
argument!(Value<T: Element>, Value, &T::SCHEMA, |handle| {
    RawArray::new(handle).map(|array| Value {
        raw: RawValue { array },
    })
});

/// The lock of a [`Value`], held until the guard is dropped.
#[derive(Debug)]
#[must_use = "the lock is released when the guard is dropped"]
pub struct ValueGuard<'a, T> {
    value: &'a Value<T>,
    guard: LockGuard<'a>,
}

impl<T: Element> ValueGuard<'_, T> {
    /// What it is.
    pub fn get(&self) -> T {
        self.value.get()
    }

    /// Makes it another.
    pub fn set(&self, value: T) {
        self.value.set(value);
    }

    /// Whether the last holder failed or died while holding the lock.
    pub fn was_abandoned(&self) -> bool {
        self.guard.was_abandoned()
    }
}
