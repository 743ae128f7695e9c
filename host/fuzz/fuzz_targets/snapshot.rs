//! The fuzzer's way to `wasmpool::fuzz::snapshot`, which says what is asserted.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasmpool::fuzz::snapshot::run(bytes));
