//! One task puts many messages and another takes them: what is left is the queue.

use wasmpool_guest::{Barrier, Queue};

/// Waits for the other, and then puts so many messages of so many bytes, at least eight: each begins and ends with bytes of
/// its number.
///
/// # Errors
/// One was not put.
#[wasmpool_guest::task]
pub fn pour(start: Barrier, queue: Queue<Vec<u8>>, count: u64, len: u32) -> Result<(), String> {
    let mut message = vec![0; len as usize];
    start.wait().map_err(|error| error.to_string())?;
    for number in 0..count {
        let bytes = number.to_le_bytes();
        message[..8].copy_from_slice(&bytes);
        message[len as usize - 1] = bytes[0];
        queue.put(&message).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Waits for the other, and then takes so many messages of so many bytes.
///
/// # Errors
/// One did not come, or is not the one that [`pour`] put.
#[wasmpool_guest::task]
pub fn drain(start: Barrier, queue: Queue<Vec<u8>>, count: u64, len: u32) -> Result<(), String> {
    start.wait().map_err(|error| error.to_string())?;
    for number in 0..count {
        let message = queue.get().map_err(|error| error.to_string())?;
        let bytes = number.to_le_bytes();
        let whole = message.len() == len as usize && message.starts_with(&bytes);
        if !whole || message.last() != bytes.first() {
            return Err(format!("message {number} is another"));
        }
    }
    Ok(())
}
