//! A lock that its holder can take again.

use std::time::Duration;

use super::{
    AcquireError, Handle, LockGuard,
    argument::plain_argument,
    timeout::{FOREVER, nanoseconds},
};

/// A lock that its holder can take again: it is free when each guard is gone. For everything else it is a [`Lock`](crate::Lock).
#[derive(Debug)]
pub struct RLock {
    handle: Handle,
}

plain_argument!(RLock);

impl RLock {
    /// Takes it, waiting for as long as the task may run.
    ///
    /// # Errors
    /// See [`AcquireError`].
    pub fn acquire(&self) -> Result<LockGuard<'_>, AcquireError> {
        LockGuard::acquire(&self.handle, FOREVER)
    }

    /// Takes it, waiting for it so long at most.
    ///
    /// # Errors
    /// The time passed.
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<LockGuard<'_>, AcquireError> {
        LockGuard::acquire(&self.handle, nanoseconds(timeout))
    }

    /// Takes it when nobody else holds it now.
    ///
    /// # Errors
    /// Somebody does.
    pub fn try_acquire(&self) -> Result<LockGuard<'_>, AcquireError> {
        LockGuard::acquire(&self.handle, 0)
    }
}
