//! Where the guests are. The build has made the Rust ones; the others are text.

use std::path::{Path, PathBuf};

/// Everything that a bad guest does.
#[must_use]
pub fn hostile() -> &'static Path {
    Path::new(env!("GUEST_HOSTILE_WASM"))
}

/// Tasks as small as a task can be.
#[must_use]
pub fn tiny() -> &'static Path {
    Path::new(env!("GUEST_TINY_WASM"))
}

/// A WASI command that finds lines.
#[must_use]
pub fn command() -> &'static Path {
    Path::new(env!("GUEST_COMMAND_WASM"))
}

/// The guest of `tests/wat/NAME.wat`.
#[must_use]
pub fn wat(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("wat")
        .join(name)
        .with_extension("wat")
}
