//! The fuzzer's way to `wasmpool::fuzz::link`, which says what is asserted.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasmpool::fuzz::link::run(bytes));
