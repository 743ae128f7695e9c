//! One element in shared memory, with a lock and without.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use wasmpool_abi::{Element, Integer, ObjectKind, RmwOp};

use super::{
    argument::argument,
    element::View,
    grant::Grant,
    lock::{AcquireError, LockGuard},
    object::ShareError,
    raw_array::RawArray,
};

/// One element that host and tasks share, as Python's `multiprocessing.RawValue`. A clone is the same value.
///
/// ```
/// let counter = wasmpool::RawValue::new(41u64)?;
/// assert_eq!(counter.fetch_add(1), 41);
/// assert_eq!(counter.get(), 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// One of 1, 2, 4 or 8 bytes is read and written whole.
pub struct RawValue<T> {
    array: Arc<RawArray<T>>,
}

impl<T: Element> RawValue<T> {
    /// A value.
    ///
    /// # Errors
    /// No descriptors, memory or address space left.
    pub fn new(value: T) -> Result<Self, ShareError> {
        Self::of_kind(ObjectKind::RawValue, value)
    }

    fn of_kind(kind: ObjectKind, value: T) -> Result<Self, ShareError> {
        let array = Arc::new(RawArray::of_kind_from(kind, &[value])?);
        Ok(Self { array })
    }

    fn view(&self) -> View<'_, T> {
        self.array.view()
    }

    /// What it is now.
    pub fn get(&self) -> T {
        self.view().get(0).unwrap_or_else(T::zeroed)
    }

    /// Makes it another.
    pub fn set(&self, value: T) {
        // Its one element is always there.
        let _ = self.view().set(0, value);
    }
}

macro_rules! atomic {
    ($(#[doc = $doc:literal] $name:ident $op:ident;)+) => {
        impl<T: Integer> RawValue<T> {$(
            #[doc = $doc]
            ///
            /// Atomic, also beside the same operations of guests; returns what was there before.
            pub fn $name(&self, value: T) -> T {
                // Its one element is always there.
                self.view().rmw(0, RmwOp::$op, value).unwrap_or(value)
            }
        )+}

        impl<T: Integer> Value<T> {$(
            #[doc = $doc]
            ///
            /// Atomic, also beside the same operations of guests; returns what was there before. It does not take the lock, nor
            /// wait for it.
            pub fn $name(&self, value: T) -> T {
                self.raw.$name(value)
            }
        )+}
    };
}

atomic! {
    #[doc = "Adds to it, wrapping around."] fetch_add Add;
    #[doc = "Subtracts from it, wrapping around."] fetch_sub Sub;
    #[doc = "Bitwise and with it."] fetch_and And;
    #[doc = "Bitwise or with it."] fetch_or Or;
    #[doc = "Bitwise exclusive or with it."] fetch_xor Xor;
    #[doc = "Makes it the smaller of itself and `value`."] fetch_min Min;
    #[doc = "Makes it the larger of itself and `value`."] fetch_max Max;
    #[doc = "Puts `value` in its place."] swap Exchange;
}

/// One element that host and tasks share, with a lock, as Python's `multiprocessing.Value`. A clone is the same value.
///
/// ```
/// let total = wasmpool::Value::new(3.5f64)?;
/// total.update(|sum| sum + 1.0)?; // under the lock
/// assert_eq!(total.get(), 4.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Value<T> {
    raw: RawValue<T>,
}

impl<T: Element> Value<T> {
    /// A value.
    ///
    /// # Errors
    /// No descriptors, memory or address space left.
    pub fn new(value: T) -> Result<Self, ShareError> {
        RawValue::of_kind(ObjectKind::Value, value).map(|raw| Self { raw })
    }

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
    /// This thread holds the lock already.
    pub fn update(&self, change: impl FnOnce(T) -> T) -> Result<T, AcquireError> {
        let guard = self.lock()?;
        let changed = change(guard.get());
        guard.set(changed);
        Ok(changed)
    }

    /// Takes the lock, waiting for as long as that takes. Tasks that fail or die while they hold it give it up.
    ///
    /// # Errors
    /// This thread holds it already.
    pub fn lock(&self) -> Result<ValueGuard<'_, T>, AcquireError> {
        self.acquire(None)
    }

    /// Takes the lock, waiting for it so long at most.
    ///
    /// # Errors
    /// The time passed, or this thread holds it already.
    pub fn lock_timeout(&self, timeout: Duration) -> Result<ValueGuard<'_, T>, AcquireError> {
        self.acquire(Instant::now().checked_add(timeout))
    }

    /// Takes the lock when it is free now.
    ///
    /// # Errors
    /// Somebody holds it.
    pub fn try_lock(&self) -> Result<ValueGuard<'_, T>, AcquireError> {
        self.lock_timeout(Duration::ZERO)
    }

    /// The same as [`Value::lock`], by Python's name.
    ///
    /// # Errors
    /// This thread holds it already.
    pub fn get_lock(&self) -> Result<ValueGuard<'_, T>, AcquireError> {
        self.lock()
    }

    fn acquire(&self, until: Option<Instant>) -> Result<ValueGuard<'_, T>, AcquireError> {
        let guard = LockGuard::acquire(self.raw.array.object(), until)?;
        Ok(ValueGuard { value: self, guard })
    }
}

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

macro_rules! shared {
    ($name:ident, $field:ident) => {
        impl<T> Clone for $name<T> {
            fn clone(&self) -> Self {
                Self {
                    $field: self.$field.clone(),
                }
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

shared!(RawValue, array);
shared!(Value, raw);
argument!(RawValue<T: Element>, RawValue, &T::SCHEMA, |value| Grant::whole(value.array.object()));
argument!(Value<T: Element>, Value, &T::SCHEMA, |value| Grant::whole(value.raw.array.object()));
