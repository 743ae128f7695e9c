//! Tasks for pools: they take a number and give one back.

use std::thread::sleep;
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use wasmpool_guest::{emit, host_call, info, task};

/// The square of a number.
#[task]
pub fn square(number: u64) -> u64 {
    number * number
}

/// The square of `number`, and the process that this runs in, which only the host knows.
#[task]
pub fn square_and_pid(number: u64) -> Result<(u64, i32)> {
    Ok((number * number, host_call("getpid", &())?))
}

/// A number to the power of another, when 64 bits hold it.
#[task]
pub fn power(base: u64, exponent: u32) -> Option<u64> {
    base.checked_pow(exponent)
}

/// The square root of a number that has one.
#[task]
pub fn root(number: f64) -> Result<f64> {
    ensure!(number >= 0.0, "{number} has no root");
    Ok(number.sqrt())
}

/// Emits the numbers up to `count` one by one, and returns how many there were.
#[task]
pub fn steps(count: u32) -> Result<u32> {
    for step in 1..=count {
        emit(&step)?;
    }
    Ok(count)
}

/// Says that it is at work.
#[task]
pub fn talk() {
    info!("at work");
}

/// The title of a page, which the host fetches: a task has no network.
#[task]
pub fn title(url: String) -> Result<String> {
    let page: String = host_call("fetch", &url)?;
    let title = page.split(['<', '>']).nth(2).unwrap_or_default();
    Ok(title.to_owned())
}

/// Sleeps for so many seconds; says when it began and when it ended, in seconds of the clock on the wall.
#[task]
pub fn work(name: String, seconds: f64) -> Result<(String, f64, f64)> {
    let began = now()?;
    sleep(Duration::from_secs_f64(seconds));
    Ok((name, began, now()?))
}

fn now() -> Result<f64> {
    Ok(SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)?
        .as_secs_f64())
}
