//! Takes a lock again and again, and does next to nothing with it: what is left is the lock.

use wasmpool_guest::{Barrier, Lock, RawArray};

/// Takes a lock and gives it back, so many times; how often it had it.
///
/// # Errors
/// It was not to be had, or was abandoned.
#[wasmpool_guest::task]
pub fn take_and_release(lock: Lock, times: u64) -> Result<u64, String> {
    let mut taken = 0;
    for _ in 0..times {
        let guard = lock.acquire().map_err(|error| error.to_string())?;
        taken += u64::from(!guard.was_abandoned());
    }
    Ok(taken)
}

/// Waits for the others, and then adds one to a number so many times: in two steps, which only the lock holds together.
///
/// # Errors
/// The lock was not to be had, or there is no number.
#[wasmpool_guest::task]
pub fn count_together(
    start: Barrier,
    lock: Lock,
    number: RawArray<u64>,
    times: u64,
) -> Result<(), String> {
    let [number] = number.cells() else {
        return Err(format!("{} numbers", number.len()));
    };
    start.wait().map_err(|error| error.to_string())?;
    for _ in 0..times {
        let _guard = lock.acquire().map_err(|error| error.to_string())?;
        number.set(number.get() + 1);
    }
    Ok(())
}

/// Writes to so many MiB of its own once all have come, and says how many these were.
///
/// # Errors
/// Somebody did not come.
#[wasmpool_guest::task]
pub fn fill_together(start: Barrier, mebibytes: u32) -> Result<u32, String> {
    start.wait().map_err(|error| error.to_string())?;
    let filled = std::hint::black_box(vec![1_u8; (mebibytes as usize) << 20]);
    let pages = filled.chunks(1 << 20).filter(|it| it.last() == Some(&1));
    u32::try_from(pages.count()).map_err(|error| error.to_string())
}
