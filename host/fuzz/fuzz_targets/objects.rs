//! The fuzzer's way to `wasmpool::fuzz::objects`, which says what is asserted.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasmpool::fuzz::objects::run(bytes));
