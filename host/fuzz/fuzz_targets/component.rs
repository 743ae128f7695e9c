//! The fuzzer's way to `wasmpool::fuzz::component`, which says what is asserted.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasmpool::fuzz::component::run(bytes));
