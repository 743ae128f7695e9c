//! Functions of the embedding program, called by name.

use wasmpool_guest::{HostCallError, host_call};

/// Adds two numbers by way of the host's `add`.
///
/// # Errors
/// What the host says.
#[wasmpool_guest::task]
pub fn add(a: u64, b: u64) -> Result<u64, HostCallError> {
    host_call("add", &(a, b))
}

/// Emits, calls `add`, emits, for each number up to `n`.
///
/// # Errors
/// What the host says.
#[wasmpool_guest::task]
pub fn add_aloud(n: u64) -> Result<u64, HostCallError> {
    let mut sum = 0;
    for i in 1..=n {
        wasmpool_guest::emit(&sum).map_err(HostCallError::Encode)?;
        sum = host_call("add", &(sum, i))?;
    }
    Ok(sum)
}

/// Does everything that makes its worker talk to the host: logs, emits, calls `add`, sleeps, and returns `len` bytes.
///
/// # Errors
/// What the host says.
#[wasmpool_guest::task]
pub fn take_every_step(len: usize) -> Result<Vec<u8>, HostCallError> {
    wasmpool_guest::info!("begun");
    wasmpool_guest::emit(&1_u8).map_err(HostCallError::Encode)?;
    let sum: u64 = host_call("add", &(1_u64, 2_u64))?;
    std::thread::sleep(std::time::Duration::from_micros(100));
    Ok(vec![u8::try_from(sum).unwrap_or(0); len])
}

/// Calls the function `name` with a text; what came of it, as text.
#[wasmpool_guest::task]
pub fn say(name: String, text: String) -> String {
    match host_call::<String, String>(&name, &text) {
        Ok(said) => format!("ok: {said}"),
        Err(error) => format!("{}: {error}", kind(&error)),
    }
}

/// The same with arguments that no such function takes, and a result that it does not return.
#[wasmpool_guest::task]
pub fn say_numbers(name: String, number: u64) -> String {
    match host_call::<(u64, f64), Vec<u64>>(&name, &(number, 0.5)) {
        Ok(said) => format!("ok: {said:?}"),
        Err(error) => format!("{}: {error}", kind(&error)),
    }
}

/// Calls the function `name` until it fails; then returns how often it did not.
#[wasmpool_guest::task]
pub fn call_often(name: String, times: u64) -> u64 {
    (0..times)
        .take_while(|n| host_call::<u64, u64>(&name, n) == Ok(*n))
        .count() as u64
}

/// Sends so many bytes along and returns how many came back.
///
/// # Errors
/// What the host says.
#[wasmpool_guest::task]
pub fn echo_bytes(name: String, len: u64) -> Result<u64, HostCallError> {
    let bytes: Vec<u8> = (0..len).map(|n| (n / 7 + n).to_le_bytes()[0]).collect();
    let back: Vec<u8> = host_call(&name, &bytes)?;
    assert!(back == bytes, "what came back is something else");
    Ok(back.len() as u64)
}

fn kind(error: &HostCallError) -> &'static str {
    match error {
        HostCallError::Unknown => "unknown",
        HostCallError::Error(_) => "error",
        HostCallError::Arguments(_) => "arguments",
        HostCallError::TooLarge => "too large",
        HostCallError::Encode(_) => "encode",
        HostCallError::Decode(_) => "decode",
        _ => "failed",
    }
}
