//! How long a caller waits, and the waits of rings.

use std::time::{Duration, Instant};

use super::{
    ring::{Bytes, RingError},
    words::{Signal, Woken},
};

/// How long to wait for what is not there yet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// Not at all.
    None,
    /// Until then.
    Until(Instant),
    /// For ever.
    Endless,
}

impl Patience {
    /// So long from now on.
    pub(crate) fn of(time: Duration) -> Self {
        Instant::now()
            .checked_add(time)
            .map_or(Self::Endless, Self::Until)
    }

    /// As the ABI says it: a negative number is for ever, zero not at all.
    pub(crate) fn of_ns(timeout_ns: i64) -> Self {
        match u64::try_from(timeout_ns) {
            Ok(0) => Self::None,
            Ok(ns) => Self::of(Duration::from_nanos(ns)),
            Err(_) => Self::Endless,
        }
    }

    /// The moment at which a wait ends.
    pub(crate) fn until(self) -> Option<Instant> {
        match self {
            Self::None => Some(Instant::now()),
            Self::Until(until) => Some(until),
            Self::Endless => None,
        }
    }
}

/// Waits until `is_so`.
///
/// # Errors
/// Not now, not in time, or told to stop.
pub(crate) fn wait_until(
    words: &impl Bytes,
    signal: Signal,
    patience: Patience,
    is_so: impl Fn() -> bool,
) -> Result<(), RingError> {
    loop {
        let seen = signal.now(words);
        if is_so() {
            return Ok(());
        }
        sleep(words, signal, seen, patience)?;
    }
}

/// Sleeps until the signal changes.
///
/// # Errors
/// As [`wait_until`].
pub(crate) fn sleep(
    words: &impl Bytes,
    signal: Signal,
    seen: u32,
    patience: Patience,
) -> Result<(), RingError> {
    if matches!(patience, Patience::None) {
        return Err(RingError::NotNow);
    }
    match signal.wait(words, seen, patience.until()) {
        // Changes may come so fast that nobody ever sleeps.
        Woken::Perhaps if words.stopped() => Err(RingError::Stopped),
        Woken::Perhaps => match patience {
            Patience::Until(until) if Instant::now() >= until => Err(RingError::TimedOut),
            _ => Ok(()),
        },
        Woken::TimedOut => Err(RingError::TimedOut),
        Woken::Stopped => Err(RingError::Stopped),
    }
}
