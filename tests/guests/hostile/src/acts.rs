//! The bad things themselves. Each is called only inside a sandbox; natively most would take the machine along.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bytes that the floods write in all: more than any buffer that is meant to hold them.
const FLOOD: usize = 3 << 20;
/// One line of a flood.
const LINE: &str =
    "the quick brown fox jumps over the lazy dog, again and again and again and again";

/// Loops without end.
pub fn spin() {
    let mut n = 0_u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

/// Runs into `unreachable`.
pub fn trap() {
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    std::process::abort();
}

/// Panics with a message.
pub fn panic() {
    panic!("asked to panic");
}

/// Ends the instance with an exit code, as a command would.
pub fn exit() {
    std::process::exit(3);
}

/// Recurses without end.
pub fn deep_recursion() {
    #[expect(unconditional_recursion, reason = "that is the point")]
    fn deeper(n: u64) -> u64 {
        // Not a tail call: the result is used.
        black_box(deeper(black_box(n + 1))) + 1
    }
    black_box(deeper(0));
}

/// Allocates until there is no more, and uses what it got.
pub fn eat_memory() {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(vec![1; 1 << 20]);
        black_box(&eaten);
    }
}

/// Asks for more than it may have, is refused, and goes on with less.
pub fn cope_with_refused_growth() {
    let mut wanted: Vec<u8> = Vec::new();
    if wanted.try_reserve_exact(2 << 30).is_err() {
        wanted.push(1);
    }
    black_box(wanted);
}

/// Writes a result without end.
pub fn huge_output() {
    let block = vec![7; 1 << 20];
    loop {
        write_raw(&block);
    }
}

/// Sends partial results without end.
pub fn flood_partials() {
    let block = vec![7_u8; 64 << 10];
    loop {
        wasmpool_guest::emit(&block).expect("bytes encode");
    }
}

/// Logs more than anybody reads.
pub fn flood_log() {
    for _ in 0..FLOOD / LINE.len() {
        wasmpool_guest::info!("{LINE}");
    }
}

/// Prints more than anybody reads.
pub fn flood_stdout() {
    for _ in 0..FLOOD / LINE.len() {
        println!("{LINE}");
    }
}

/// Prints more to standard error than anybody reads.
pub fn flood_stderr() {
    for _ in 0..FLOOD / LINE.len() {
        eprintln!("{LINE}");
    }
}

/// Tells its progress more often than anybody looks.
pub fn flood_progress() {
    for done in 0..100_000 {
        wasmpool_guest::progress(done, 100_000);
    }
}

/// Sleeps longer than any test waits.
pub fn sleep_forever() {
    std::thread::sleep(Duration::from_secs(1 << 40));
}

/// Logs one line and nothing after it.
pub fn log_and_spin() {
    wasmpool_guest::info!("the last words");
    spin();
}

/// Says that it runs, then loops until its worker is killed from outside.
pub fn wait_to_be_killed() {
    wasmpool_guest::info!("kill me");
    wasmpool_guest::progress(1, 2);
    spin();
}

static DIRT: AtomicU64 = AtomicU64::new(0);

/// Leaves something behind in the instance's memory.
pub fn leave_dirt() {
    DIRT.fetch_add(1, Ordering::Relaxed);
}

/// What [`leave_dirt`] left.
pub(crate) fn dirt_so_far() -> u64 {
    DIRT.load(Ordering::Relaxed)
}

/// Appends bytes to the result past the SDK.
#[cfg(target_family = "wasm")]
pub(crate) fn write_raw(bytes: &[u8]) {
    #[link(wasm_import_module = "wasmpool")]
    unsafe extern "C" {
        fn output_write(src: *const u8, len: usize);
    }
    // SAFETY: the import reads `len` bytes at `src`, which `bytes` keeps alive during the call.
    unsafe { output_write(bytes.as_ptr(), bytes.len()) }
}

/// There is no result to append to outside of a sandbox.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn write_raw(_bytes: &[u8]) {}
