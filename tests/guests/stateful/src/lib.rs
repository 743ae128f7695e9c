//! Tasks that leave something behind for the next call of the same instance, and tasks that take as long as they are let.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// What an instance keeps from one call to the next.
#[derive(Debug, Default)]
struct State {
    count: u64,
    table: Vec<u64>,
    names: HashMap<String, u64>,
    ballast: Vec<Vec<u8>>,
}

static STATE: OnceLock<Mutex<State>> = OnceLock::new();
static RANDOM: OnceLock<RandomState> = OnceLock::new();

fn state() -> MutexGuard<'static, State> {
    STATE
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Adds to the instance's counter and returns what it comes to.
#[wasmpool_guest::task]
pub fn count(by: u64) -> u64 {
    let mut state = state();
    state.count += by;
    state.count
}

/// Counts, and fails when `fail` says so.
///
/// # Errors
/// `fail`, when there is one.
#[wasmpool_guest::task]
pub fn count_or_fail(by: u64, fail: Option<String>) -> Result<u64, String> {
    let count = count(by);
    match fail {
        None => Ok(count),
        Some(message) => Err(message),
    }
}

/// Logs `line`, and returns its length.
#[wasmpool_guest::task]
pub fn say(line: &str) -> usize {
    wasmpool_guest::info!("{line}");
    line.len()
}

/// Logs and emits `line`, then loops until it is stopped.
#[wasmpool_guest::task]
pub fn spin(line: &str) {
    wasmpool_guest::info!("{line}");
    wasmpool_guest::emit(line).expect("text encodes");
    loop {
        std::hint::black_box(0);
    }
}

/// Logs and emits `line`, then sleeps until it is stopped.
#[wasmpool_guest::task]
pub fn sleep(line: &str) {
    wasmpool_guest::info!("{line}");
    wasmpool_guest::emit(line).expect("text encodes");
    loop {
        std::thread::sleep(std::time::Duration::from_secs(3600));
    }
}

/// Works for about as long as `rounds` says, and returns a number that depends on all of them.
#[wasmpool_guest::task]
pub fn burn(rounds: u64) -> u64 {
    (0..rounds).fold(1, |hash, n| (hash ^ n).wrapping_mul(0x0100_0000_01b3))
}

/// Executes an instruction that stops the task.
#[wasmpool_guest::task]
pub fn trap() {
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    panic!("there is no such instruction here");
}

/// Panics.
#[wasmpool_guest::task]
pub fn panic() {
    panic!("on purpose");
}

/// Keeps so many bytes more, all of them written to.
#[wasmpool_guest::task]
pub fn keep(bytes: usize) -> usize {
    let mut state = state();
    state.ballast.push(vec![1; bytes]);
    state.ballast.iter().map(Vec::len).sum()
}

/// Returns so many bytes.
#[wasmpool_guest::task]
pub fn bytes(len: usize) -> Vec<u8> {
    vec![7; len]
}

/// Fills the table with the squares below `len` and remembers `name`; logs `built`.
#[wasmpool_guest::task]
pub fn build(len: u64, name: String) -> u64 {
    wasmpool_guest::info!("built");
    let mut state = state();
    state.table = (0..len).map(|n| n * n).collect();
    state.names.insert(name, len);
    len
}

/// An entry of the table, when there is one.
#[wasmpool_guest::task]
pub fn lookup(index: usize) -> Option<u64> {
    state().table.get(index).copied()
}

/// What was remembered under this name.
#[wasmpool_guest::task]
pub fn named(name: &str) -> Option<u64> {
    state().names.get(name).copied()
}

/// A table that is dear to compute: `rounds` of work for each of 16 entries.
#[wasmpool_guest::task]
pub fn build_slowly(rounds: u64) {
    state().table = (0..16).map(|n| burn(rounds + n)).collect();
}

/// Fails to initialize.
///
/// # Errors
/// Always.
#[wasmpool_guest::task]
pub fn fail(message: String) -> Result<(), String> {
    Err(message)
}

/// A number that depends on the instance's random keys alone, drawn at the first call.
#[wasmpool_guest::task]
pub fn random() -> u64 {
    RANDOM.get_or_init(RandomState::new).hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::{build, count, lookup, named};

    #[test]
    fn they_keep_what_they_are_given() {
        assert_eq!(count(2) + 1, count(1));
        assert_eq!(lookup(3), None);
        build(4, "four".to_owned());
        assert_eq!(
            (lookup(3), named("four"), named("five")),
            (Some(9), Some(4), None)
        );
    }
}
