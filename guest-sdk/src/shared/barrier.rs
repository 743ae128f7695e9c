//! A place where this task waits for others and for the host.

use std::{fmt, time::Duration};

use wasmpool_abi::Code;

use super::{
    Handle,
    argument::plain_argument,
    timeout::{FOREVER, nanoseconds},
};
use crate::sys;

/// A place where a number of tasks and threads wait until all of them are there.
///
/// When one of those who wait dies, is stopped, or gives up because its time passed, the barrier is broken for all, until
/// [`Barrier::reset`].
#[derive(Debug)]
pub struct Barrier {
    handle: Handle,
}

plain_argument!(Barrier);

/// Why a wait at a barrier did not end with all parties there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BarrierError {
    /// Somebody who took part died, gave up or was told to stop, or somebody broke it or made it new.
    Broken,
    /// The time passed; the barrier is broken by it.
    TimedOut,
    /// Two thousand wait, or have not left yet.
    Full,
    /// The host refused.
    Refused(Code),
}

impl fmt::Display for BarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BarrierError::Broken => f.write_str("the barrier is broken"),
            BarrierError::TimedOut => f.write_str("timed out"),
            BarrierError::Full => f.write_str("too many wait"),
            BarrierError::Refused(code) => code.fmt(f),
        }
    }
}

impl std::error::Error for BarrierError {}

impl Barrier {
    fn wait_ns(&self, timeout_ns: i64) -> Result<usize, BarrierError> {
        match sys::check(sys::barrier_wait(self.handle.number(), timeout_ns)) {
            Ok(place) => Ok(usize::try_from(place).unwrap_or(0)),
            Err(Code::Broken) => Err(BarrierError::Broken),
            Err(Code::Timeout) => Err(BarrierError::TimedOut),
            Err(Code::TooLarge) => Err(BarrierError::Full),
            Err(code) => Err(BarrierError::Refused(code)),
        }
    }

    /// Waits until all parties do. Returns this one's place among them: 0 for the last to come.
    ///
    /// # Errors
    /// See [`BarrierError`].
    pub fn wait(&self) -> Result<usize, BarrierError> {
        self.wait_ns(FOREVER)
    }

    /// The same, waiting so long at most. When the time passes the barrier is broken, for the others too.
    ///
    /// # Errors
    /// See [`BarrierError`].
    pub fn wait_timeout(&self, timeout: Duration) -> Result<usize, BarrierError> {
        self.wait_ns(nanoseconds(timeout))
    }

    /// Makes it new: those who wait find it broken, those who come do not.
    pub fn reset(&self) {
        sys::barrier_reset(self.handle.number());
    }

    /// Breaks it: all who wait or come find it broken, until it is made new.
    pub fn abort(&self) {
        sys::barrier_abort(self.handle.number());
    }

    /// How many wait: none at a broken one.
    pub fn waiting(&self) -> u32 {
        u32::try_from(sys::barrier_waiting(self.handle.number())).unwrap_or(0)
    }

    /// Whether it is broken.
    pub fn is_broken(&self) -> bool {
        sys::check(sys::barrier_waiting(self.handle.number())) == Err(Code::Broken)
    }
}
