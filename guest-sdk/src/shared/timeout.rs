//! How long a task waits, as the imports take it.

use std::time::Duration;

/// Until the task's deadline.
pub(crate) const FOREVER: i64 = -1;

/// At most so long. No time at all is a nanosecond: a wait that ends at once, where zero asks not to wait.
pub(crate) fn nanoseconds(timeout: Duration) -> i64 {
    i64::try_from(timeout.as_nanos()).unwrap_or(i64::MAX).max(1)
}
