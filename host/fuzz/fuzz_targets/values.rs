//! The fuzzer's way to `wasmpool::fuzz::values`, which says what is asserted.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasmpool::fuzz::values::run(bytes));
