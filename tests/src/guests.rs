//! Where the guests are. The build has made the Rust ones; the others are text.

use std::path::{Path, PathBuf};

use anyhow::Result;
use guest_hostile::Act;
use wasmpool::{Pool, Task};

/// Tasks on shared arrays and values.
#[must_use]
pub fn arrays() -> &'static Path {
    Path::new(env!("GUEST_ARRAYS_WASM"))
}

/// Tasks that ask the host for something.
#[must_use]
pub fn callers() -> &'static Path {
    Path::new(env!("GUEST_CALLERS_WASM"))
}

/// A component that uses WASI 0.2 and all that the pool gives to components.
#[must_use]
pub fn component() -> &'static Path {
    Path::new(env!("GUEST_COMPONENT_WASM"))
}

/// Tasks that compute.
#[must_use]
pub fn compute() -> &'static Path {
    Path::new(env!("GUEST_COMPUTE_WASM"))
}

/// A task that uses one of every kind of object.
#[must_use]
pub fn everything() -> &'static Path {
    Path::new(env!("GUEST_EVERYTHING_WASM"))
}

/// Does what it is told with files, clocks, randomness and its environment.
#[must_use]
pub fn files() -> &'static Path {
    Path::new(env!("GUEST_FILES_WASM"))
}

/// Everything that a bad guest does.
#[must_use]
pub fn hostile() -> &'static Path {
    Path::new(env!("GUEST_HOSTILE_WASM"))
}

/// The task of that guest which does what it is told, and returns `guest_hostile::answer` of a number when it lives to.
///
/// # Errors
/// It does not load.
pub fn work(pool: &Pool) -> Result<Task<(u64, Act), u64>> {
    Ok(pool.load(hostile())?.task("work")?)
}

/// A component that uses each of the pool's objects.
#[must_use]
pub fn sharing() -> &'static Path {
    Path::new(env!("GUEST_SHARING_WASM"))
}

/// Tasks that leave something behind.
#[must_use]
pub fn stateful() -> &'static Path {
    Path::new(env!("GUEST_STATEFUL_WASM"))
}

/// Puts, gets, sends and receives in every way.
#[must_use]
pub fn messages() -> &'static Path {
    Path::new(env!("GUEST_MESSAGES_WASM"))
}

/// An interpreter that repeats what it was given.
#[must_use]
pub fn parrot() -> &'static Path {
    Path::new(env!("GUEST_PARROT_WASM"))
}

/// Tasks that take locks and their kin, and end in every way while they hold them.
#[must_use]
pub fn locks() -> &'static Path {
    Path::new(env!("GUEST_LOCKS_WASM"))
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

/// The example that is there in every language, in Rust.
#[must_use]
pub fn languages() -> &'static Path {
    Path::new(env!("GUEST_LANGUAGES_WASM"))
}

/// The guest of `tests/wat/NAME.wat`.
#[must_use]
pub fn wat(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("wat")
        .join(name)
        .with_extension("wat")
}
