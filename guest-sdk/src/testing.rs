//! Stands in for the host in native unit tests: it has the input and keeps what the code under test gives away.
//!
//! ```
//! use wasmpool_guest::{Level, info, progress, testing};
//!
//! fn work(items: &[u32]) -> u32 {
//!     progress(0, items.len() as u64);
//!     info!("{} items", items.len());
//!     items.iter().sum()
//! }
//!
//! let (sum, record) = testing::record(b"", || work(&[1, 2, 3]));
//! assert_eq!(sum, 6);
//! assert_eq!(record.progress, [(0, 3)]);
//! assert_eq!(record.logs, [(Level::Info, "3 items".to_owned())]);
//! ```

use std::{cell::RefCell, mem};

use wasmpool_abi::{FailKind, Level};

/// What code gave to the host, in order.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Record {
    /// The result so far.
    pub output: Vec<u8>,
    /// Why it failed.
    pub failures: Vec<(FailKind, Vec<u8>)>,
    /// The partial results, encoded.
    pub partials: Vec<Vec<u8>>,
    /// Progress: done and total.
    pub progress: Vec<(i64, i64)>,
    /// The log.
    pub logs: Vec<(Level, String)>,
    /// What the code can read.
    pub(crate) input: Vec<u8>,
}

thread_local! {
    static HARNESS: RefCell<Record> = RefCell::default();
}

/// Runs `code` with `input` as the task's input and returns what it gave to the host, beside its result.
///
/// What other threads do meanwhile is not recorded. Outside of such a call there is no input, and what is given away is lost.
pub fn record<R>(input: &[u8], code: impl FnOnce() -> R) -> (R, Record) {
    let fresh = Record {
        input: input.to_vec(),
        ..Record::default()
    };
    let outer = HARNESS.replace(fresh);
    let restore = Restore(outer);
    let result = code();
    let record = HARNESS.take();
    drop(restore);
    (result, record)
}

/// Puts the record around this one back, after a panic too.
struct Restore(Record);

impl Drop for Restore {
    fn drop(&mut self) {
        HARNESS.set(mem::take(&mut self.0));
    }
}

pub(crate) fn with<R>(f: impl FnOnce(&mut Record) -> R) -> R {
    HARNESS.with_borrow_mut(f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_nest_and_survive_a_panic() {
        let ((), outer) = record(b"", || {
            crate::progress(1, 2);
            let panicked = std::panic::catch_unwind(|| record(b"", || panic!("inside")));
            assert!(panicked.is_err());
            crate::progress(2, 2);
        });
        assert_eq!(outer.progress, [(1, 2), (2, 2)]);
    }
}
