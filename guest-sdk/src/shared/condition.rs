//! A lock with a place to wait for something that others do under it.

use std::{
    fmt,
    time::{Duration, Instant},
};

use wasmpool_abi::Code;

use super::{
    AcquireError, Handle,
    argument::plain_argument,
    lock,
    timeout::{FOREVER, nanoseconds},
};
use crate::sys;

/// A lock with a place to wait for something that others do under it.
///
/// A wait may end without a notification: when a holder of the lock fails or dies, all who wait wake up, and the first of them is told
/// ([`ConditionGuard::was_abandoned`]). So look again at what was waited for, or use [`ConditionGuard::wait_while`].
#[derive(Debug)]
pub struct Condition {
    handle: Handle,
}

plain_argument!(Condition);

impl Condition {
    /// Takes the lock, waiting for as long as the task may run.
    ///
    /// # Errors
    /// This task holds it already.
    pub fn lock(&self) -> Result<ConditionGuard<'_>, AcquireError> {
        self.lock_ns(FOREVER)
    }

    /// Takes the lock, waiting for it so long at most.
    ///
    /// # Errors
    /// The time passed, or this task holds it already.
    pub fn lock_timeout(&self, timeout: Duration) -> Result<ConditionGuard<'_>, AcquireError> {
        self.lock_ns(nanoseconds(timeout))
    }

    /// Takes the lock when it is free now.
    ///
    /// # Errors
    /// Somebody holds it.
    pub fn try_lock(&self) -> Result<ConditionGuard<'_>, AcquireError> {
        self.lock_ns(0)
    }

    fn lock_ns(&self, timeout_ns: i64) -> Result<ConditionGuard<'_>, AcquireError> {
        let handle = &self.handle;
        let abandoned = lock::acquire(handle, timeout_ns)?;
        Ok(ConditionGuard { handle, abandoned })
    }
}

/// Why a wait did not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitError {
    /// This task does not hold the lock.
    NotHeld,
    /// A thousand others wait.
    Full,
    /// The host refused.
    Refused(Code),
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitError::NotHeld => f.write_str("the lock is not held by the caller"),
            WaitError::Full => f.write_str("too many wait already"),
            WaitError::Refused(code) => code.fmt(f),
        }
    }
}

impl std::error::Error for WaitError {}

/// The lock of a condition, held until the guard is dropped.
#[derive(Debug)]
#[must_use = "the lock is released when the guard is dropped"]
pub struct ConditionGuard<'a> {
    handle: &'a Handle,
    abandoned: bool,
}

impl ConditionGuard<'_> {
    fn wait_ns(&mut self, timeout_ns: i64) -> Result<bool, WaitError> {
        let waited = sys::check(sys::condition_wait(self.handle.number(), timeout_ns));
        self.abandoned = waited == Err(Code::Abandoned);
        match waited {
            Ok(_) | Err(Code::Abandoned) => Ok(true),
            Err(Code::Timeout) => Ok(false),
            Err(Code::NotHeld) => Err(WaitError::NotHeld),
            Err(Code::TooLarge) => Err(WaitError::Full),
            Err(code) => Err(WaitError::Refused(code)),
        }
    }

    /// Releases the lock, waits to be notified, takes the lock again.
    ///
    /// # Errors
    /// See [`WaitError`].
    pub fn wait(&mut self) -> Result<(), WaitError> {
        self.wait_ns(FOREVER).map(|_| ())
    }

    /// The same, waiting so long at most; says whether something woke it.
    ///
    /// # Errors
    /// See [`WaitError`].
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<bool, WaitError> {
        self.wait_ns(nanoseconds(timeout))
    }

    /// Waits as long as `condition` says, which is asked with the lock held.
    ///
    /// # Errors
    /// See [`WaitError`].
    pub fn wait_while(&mut self, mut condition: impl FnMut() -> bool) -> Result<(), WaitError> {
        while condition() {
            self.wait()?;
        }
        Ok(())
    }

    /// The same, waiting so long at most; says whether `condition` said no in the end.
    ///
    /// # Errors
    /// See [`WaitError`].
    pub fn wait_while_timeout(
        &mut self,
        timeout: Duration,
        mut condition: impl FnMut() -> bool,
    ) -> Result<bool, WaitError> {
        let began = Instant::now();
        while condition() {
            if !self.wait_timeout(timeout.saturating_sub(began.elapsed()))? {
                return Ok(!condition());
            }
        }
        Ok(true)
    }

    /// Waits until `condition` says yes: the opposite of [`ConditionGuard::wait_while`].
    ///
    /// # Errors
    /// See [`WaitError`].
    pub fn wait_for(&mut self, mut condition: impl FnMut() -> bool) -> Result<(), WaitError> {
        self.wait_while(|| !condition())
    }

    /// Wakes one of those who wait.
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Wakes up to `count` of those who wait.
    pub fn notify(&self, count: u32) {
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        sys::condition_notify(self.handle.number(), count);
    }

    /// Wakes all who wait.
    pub fn notify_all(&self) {
        sys::condition_notify(self.handle.number(), -1);
    }

    /// Whether the last holder, before the guard was made or before its last wait ended, failed or died while holding the lock, so
    /// that what it protects may be half changed.
    pub fn was_abandoned(&self) -> bool {
        self.abandoned
    }
}

impl Drop for ConditionGuard<'_> {
    fn drop(&mut self) {
        sys::lock_release(self.handle.number());
    }
}
