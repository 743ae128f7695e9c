//! Builds the guests that the tests run. Nothing compiled is checked in.

fn main() {
    wasmpool_build::guests(&[
        "guests/hostile",
        "guests/tiny",
        "../examples-wasm/guests/command",
    ]);
}
