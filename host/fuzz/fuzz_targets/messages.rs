//! The fuzzer's way to `wasmpool::fuzz::messages`, which says what is asserted.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasmpool::fuzz::messages::run(bytes));
