//! Tasks that look at what earlier calls in the same instance have left, which is nothing unless they are asked to.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmpool_guest::task;

static SUM: AtomicU64 = AtomicU64::new(0);
static TABLE: OnceLock<Vec<u64>> = OnceLock::new();

/// Adds a number to those that this instance remembers, and returns the sum.
#[task]
pub fn remember(number: u64) -> u64 {
    SUM.fetch_add(number, Ordering::Relaxed) + number
}

/// Makes a table of squares, for the tasks that come after.
#[task]
pub fn make_table(limit: u64) {
    TABLE.get_or_init(|| (0..limit).map(|n| n * n).collect());
}

/// What the table says.
#[task]
pub fn look_up(number: u64) -> Option<u64> {
    let index = usize::try_from(number).ok()?;
    TABLE.get()?.get(index).copied()
}
