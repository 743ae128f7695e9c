//! Builds the guests that the tests run. Nothing compiled is checked in.

fn main() {
    wasmpool_build::guests(&[
        "guests/arrays",
        "guests/callers",
        "guests/compute",
        "guests/everything",
        "guests/files",
        "guests/hostile",
        "guests/locks",
        "guests/messages",
        "guests/parrot",
        "guests/stateful",
        "guests/tiny",
        "../examples-wasm/guests/command",
        "../examples-wasm/guests/languages",
    ]);
    wasmpool_build::components(&["guests/component", "guests/sharing"]);
}
