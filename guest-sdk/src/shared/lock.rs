//! A lock that this task shares with others and with the host.

use std::{fmt, time::Duration};

use wasmpool_abi::Code;

use super::{
    Handle,
    argument::plain_argument,
    timeout::{FOREVER, nanoseconds},
};
use crate::sys;

/// A lock that one task or one thread of the host holds at a time.
///
/// It is free when the guard is dropped or the task ends. When a holder fails or dies, the next one is told
/// ([`LockGuard::was_abandoned`]).
///
/// ```
/// use wasmpool_guest::{AcquireError, Lock};
///
/// #[wasmpool_guest::task]
/// fn alone(lock: Lock) -> Result<(), AcquireError> {
///     let _guard = lock.acquire()?;
///     // nobody else is here
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Lock {
    handle: Handle,
}

plain_argument!(Lock);

impl Lock {
    /// Takes it, waiting for as long as the task may run.
    ///
    /// # Errors
    /// This task holds it already.
    pub fn acquire(&self) -> Result<LockGuard<'_>, AcquireError> {
        LockGuard::acquire(&self.handle, FOREVER)
    }

    /// Takes it, waiting for it so long at most.
    ///
    /// # Errors
    /// The time passed, or this task holds it already.
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<LockGuard<'_>, AcquireError> {
        LockGuard::acquire(&self.handle, nanoseconds(timeout))
    }

    /// Takes it when it is free now.
    ///
    /// # Errors
    /// Somebody holds it.
    pub fn try_acquire(&self) -> Result<LockGuard<'_>, AcquireError> {
        LockGuard::acquire(&self.handle, 0)
    }
}

/// Why a lock, or a permit, was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcquireError {
    /// The time passed, or it was not free for one who did not want to wait.
    TimedOut,
    /// This task holds it already, and would wait for itself for ever.
    AlreadyHeld,
    /// This task has taken it more often than can be counted.
    TooDeep,
    /// The host refused.
    Refused(Code),
}

impl AcquireError {
    pub(super) fn of(code: Code) -> AcquireError {
        match code {
            Code::Timeout => AcquireError::TimedOut,
            Code::AlreadyHeld => AcquireError::AlreadyHeld,
            Code::TooLarge => AcquireError::TooDeep,
            other => AcquireError::Refused(other),
        }
    }
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AcquireError::TimedOut => f.write_str("timed out"),
            AcquireError::AlreadyHeld => f.write_str("held by the caller already"),
            AcquireError::TooDeep => f.write_str("taken too often"),
            AcquireError::Refused(code) => code.fmt(f),
        }
    }
}

impl std::error::Error for AcquireError {}

/// A lock, held until the guard is dropped.
#[derive(Debug)]
#[must_use = "the lock is released when the guard is dropped"]
pub struct LockGuard<'a> {
    handle: &'a Handle,
    abandoned: bool,
}

impl<'a> LockGuard<'a> {
    /// Takes the lock of an object that has one.
    ///
    /// # Errors
    /// See [`AcquireError`].
    pub(crate) fn acquire(handle: &'a Handle, timeout_ns: i64) -> Result<Self, AcquireError> {
        let abandoned = acquire(handle, timeout_ns)?;
        Ok(LockGuard { handle, abandoned })
    }

    /// Whether its last holder failed or died while holding it, so that what it protects may be half changed.
    pub fn was_abandoned(&self) -> bool {
        self.abandoned
    }
}

impl Drop for LockGuard<'_> {
    fn drop(&mut self) {
        sys::lock_release(self.handle.number());
    }
}

/// Takes a lock and says whether it was abandoned.
pub(super) fn acquire(handle: &Handle, timeout_ns: i64) -> Result<bool, AcquireError> {
    match sys::check(sys::lock_acquire(handle.number(), timeout_ns)) {
        Ok(_) => Ok(false),
        Err(Code::Abandoned) => Ok(true),
        Err(code) => Err(AcquireError::of(code)),
    }
}
