//! How long the stress tests go on, and who kills workers meanwhile.

use std::process;
use std::thread;
use std::time::{Duration, Instant};

use crate::processes::{descendants, kill};

/// How long each stress test goes on: `WASMPOOL_STRESS_SECONDS`, which asks for the long form. `None` is the short one.
///
/// # Panics
/// When that is no number.
#[must_use]
pub fn asked() -> Option<Duration> {
    let text = std::env::var("WASMPOOL_STRESS_SECONDS").ok()?;
    let seconds = text
        .parse()
        .expect("WASMPOOL_STRESS_SECONDS is a number of seconds");
    Some(Duration::from_secs(seconds))
}

/// The same, with the length of the short form.
#[must_use]
pub fn length() -> Duration {
    asked().unwrap_or(Duration::from_secs(2))
}

/// The processes of all pools without a child of their own: workers.
#[must_use]
pub fn workers() -> Vec<u32> {
    let family = descendants(process::id());
    family
        .into_iter()
        .filter(|&pid| descendants(pid).is_empty())
        .collect()
}

/// Kills workers at random, one after the other, as long as `go_on` says so; returns how many.
pub fn kill_at_random(go_on: impl Fn() -> bool) -> u32 {
    let mut killed = 0;
    let mut random = u64::from(process::id());
    while go_on() {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        thread::sleep(Duration::from_micros(2000 + (random >> 33) % 8000));
        let workers = workers();
        let chosen = usize::try_from(random >> 40).unwrap_or(0) % workers.len().max(1);
        // It may have gone meanwhile.
        if workers.get(chosen).is_some_and(|&pid| kill(pid).is_ok()) {
            killed += 1;
        }
    }
    killed
}

/// Until this moment.
pub fn until(end: Instant) -> impl Fn() -> bool + Clone {
    move || Instant::now() < end
}
