//! Counts primes: the numbers are cut into ranges, and each range is one task.

use anyhow::Result;
use guest_primes::MAX_RANGE;
use wasmpool::Pool;

use crate::guests;

/// Numbers in one range: small enough that many ranges share the workers evenly.
const RANGE: u64 = 1 << 20;
const _: () = assert!(RANGE <= MAX_RANGE);

/// The number of primes below `limit`.
///
/// # Errors
/// When a range cannot be counted.
pub fn below(pool: &Pool, limit: u64) -> Result<u64> {
    let count = pool
        .load(guests::primes())?
        .task::<(u64, u64), u64>("count")?;
    let ranges = (0..limit.div_ceil(RANGE)).map(|n| (n * RANGE, ((n + 1) * RANGE).min(limit)));
    let mut sum = 0;
    for found in pool.imap(&count, ranges) {
        sum += found?;
    }
    Ok(sum)
}
