//! Counts primes between two numbers with a sieve of the size of its range, so that a range can be cut into tasks.

/// Numbers that one task may cover: the sieve needs a byte for each.
pub const MAX_RANGE: u64 = 16 << 20;

/// The number of primes `p` with `from <= p < to`.
///
/// # Errors
/// When the range is longer than [`MAX_RANGE`], or ends before it begins.
#[wasmpool_guest::task]
pub fn count(from: u64, to: u64) -> Result<u64, String> {
    let length = to
        .checked_sub(from)
        .ok_or_else(|| format!("the range {from}..{to} ends before it begins"))?;
    if length > MAX_RANGE {
        return Err(format!(
            "{length} numbers are more than the {MAX_RANGE} that one task may cover"
        ));
    }
    let mut composite = vec![false; usize::try_from(length).map_err(|error| error.to_string())?];
    for prime in small_primes(to.isqrt()) {
        // The first multiple in the range that no smaller prime has struck out.
        let first = (prime * prime).max(from.div_ceil(prime) * prime);
        let mut multiple = first;
        while multiple < to {
            if let Some(flag) = usize::try_from(multiple - from)
                .ok()
                .and_then(|i| composite.get_mut(i))
            {
                *flag = true;
            }
            multiple += prime;
        }
    }
    Ok((from..to)
        .zip(&composite)
        .filter(|(n, c)| *n > 1 && !**c)
        .map(|_| 1)
        .sum())
}

/// The primes up to and including `limit`, by trial division: `limit` is the root of the range's end.
fn small_primes(limit: u64) -> Vec<u64> {
    let mut primes: Vec<u64> = Vec::new();
    for n in 2..=limit {
        if primes
            .iter()
            .take_while(|p| *p * *p <= n)
            .all(|p| n % p != 0)
        {
            primes.push(n);
        }
    }
    primes
}

#[cfg(test)]
mod tests {
    use super::{MAX_RANGE, count, small_primes};

    /// From the table of π(x): OEIS A006880.
    #[test]
    fn known_counts() {
        for (limit, primes) in [
            (0, 0),
            (2, 0),
            (3, 1),
            (10, 4),
            (100, 25),
            (1_000, 168),
            (1_000_000, 78_498),
        ] {
            assert_eq!(count(0, limit), Ok(primes), "below {limit}");
        }
    }

    #[test]
    fn ranges_add_up() {
        let whole = count(0, 100_000).expect("a small range");
        let parts: u64 = (0..10)
            .map(|i| count(i * 10_000, (i + 1) * 10_000).expect("a small range"))
            .sum();
        assert_eq!(parts, whole);
    }

    #[test]
    fn squares_of_primes_are_not_primes() {
        for prime in small_primes(50) {
            assert_eq!(
                count(prime * prime, prime * prime + 1),
                Ok(0),
                "{prime} squared"
            );
        }
    }

    #[test]
    fn a_range_that_is_too_long_or_turned_round_is_refused() {
        assert!(count(0, MAX_RANGE + 1).is_err());
        assert!(count(5, 4).is_err());
    }
}
