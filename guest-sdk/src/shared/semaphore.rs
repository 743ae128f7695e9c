//! Permits that this task shares with others and with the host.

use std::{fmt, time::Duration};

use wasmpool_abi::Code;

use super::{
    AcquireError, Handle,
    argument::plain_argument,
    timeout::{FOREVER, nanoseconds},
};
use crate::sys;

macro_rules! semaphore {
    ($(#[doc = $doc:literal])+ $name:ident) => {
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub struct $name {
            handle: Handle,
        }

        plain_argument!($name);

        impl $name {
            /// Takes a permit, waiting for as long as the task may run.
            ///
            /// # Errors
            /// See [`AcquireError`].
            pub fn acquire(&self) -> Result<Permit<'_>, AcquireError> {
                Permit::acquire(&self.handle, FOREVER)
            }

            /// Takes a permit, waiting for one so long at most.
            ///
            /// # Errors
            /// The time passed.
            pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>, AcquireError> {
                Permit::acquire(&self.handle, nanoseconds(timeout))
            }

            /// Takes a permit when one is free now.
            ///
            /// # Errors
            /// None is.
            pub fn try_acquire(&self) -> Result<Permit<'_>, AcquireError> {
                Permit::acquire(&self.handle, 0)
            }

            /// Gives a permit back: one of this task's, else one that was kept ([`Permit::forget`]) or that somebody else took.
            ///
            /// # Errors
            /// See [`ReleaseError`].
            pub fn release(&self) -> Result<(), ReleaseError> {
                sys::check(sys::semaphore_release(self.handle.number()))
                    .map(|_| ())
                    .map_err(ReleaseError::of)
            }

            /// How many permits are free at this moment.
            pub fn value(&self) -> u32 {
                u32::try_from(sys::semaphore_value(self.handle.number())).unwrap_or(0)
            }
        }
    };
}

semaphore! {
    /// A number of permits; a release without an acquire makes one more.
    ///
    /// What the task holds is free again when it ends. To use a semaphore as a signal, where one side only acquires and the other only
    /// releases, the acquiring side keeps each permit ([`Permit::forget`]).
    Semaphore
}

semaphore! {
    /// A number of permits that never grows; a release without an acquire is an error.
    BoundedSemaphore
}

/// Why a permit was not given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReleaseError {
    /// All permits of a bounded semaphore are free.
    NotHeld,
    /// A semaphore has 1,024 permits at most.
    TooMany,
    /// The host refused.
    Refused(Code),
}

impl ReleaseError {
    fn of(code: Code) -> ReleaseError {
        match code {
            Code::NotHeld => ReleaseError::NotHeld,
            Code::TooLarge => ReleaseError::TooMany,
            other => ReleaseError::Refused(other),
        }
    }
}

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReleaseError::NotHeld => f.write_str("released more often than acquired"),
            ReleaseError::TooMany => f.write_str("a semaphore has no room for more permits"),
            ReleaseError::Refused(code) => code.fmt(f),
        }
    }
}

impl std::error::Error for ReleaseError {}

/// A permit of a semaphore, given back when it is dropped.
#[derive(Debug)]
#[must_use = "the permit is given back when it is dropped"]
pub struct Permit<'a> {
    handle: &'a Handle,
}

impl<'a> Permit<'a> {
    fn acquire(handle: &'a Handle, timeout_ns: i64) -> Result<Self, AcquireError> {
        match sys::check(sys::semaphore_acquire(handle.number(), timeout_ns)) {
            Ok(_) => Ok(Permit { handle }),
            Err(code) => Err(AcquireError::of(code)),
        }
    }

    /// Keeps the permit taken, after the end of the task too: it comes back by a release only.
    pub fn forget(self) {
        sys::semaphore_keep(self.handle.number());
        std::mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        sys::semaphore_release(self.handle.number());
    }
}
