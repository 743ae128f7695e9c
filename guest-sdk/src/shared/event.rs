//! A flag that this task shares with others and with the host.

use std::time::Duration;

use super::{
    Handle,
    argument::plain_argument,
    timeout::{FOREVER, nanoseconds},
};
use crate::sys;

/// A flag that tasks and the host set, clear and wait for.
///
/// ```
/// use wasmpool_guest::Event;
///
/// #[wasmpool_guest::task]
/// fn count_until_told(stop: Event) -> u64 {
///     let mut count = 0;
///     while !stop.is_set() {
///         count += 1;
///     }
///     count
/// }
/// ```
#[derive(Debug)]
pub struct Event {
    handle: Handle,
}

plain_argument!(Event);

impl Event {
    /// Sets it and wakes all who wait for it.
    pub fn set(&self) {
        sys::event_set(self.handle.number());
    }

    /// Clears it.
    pub fn clear(&self) {
        sys::event_clear(self.handle.number());
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        sys::event_is_set(self.handle.number()) == 1
    }

    /// Waits until it is set, for as long as the task may run.
    pub fn wait(&self) {
        sys::event_wait(self.handle.number(), FOREVER);
    }

    /// Waits until it is set, so long at most, and says whether it was.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        sys::event_wait(self.handle.number(), nanoseconds(timeout)) == 0
    }
}
