//! Where the build has put the guests.

use std::path::Path;

/// MD5 digests.
#[must_use]
pub fn md5() -> &'static Path {
    Path::new(env!("GUEST_MD5_WASM"))
}

/// Rows of the Mandelbrot set.
#[must_use]
pub fn mandelbrot() -> &'static Path {
    Path::new(env!("GUEST_MANDELBROT_WASM"))
}

/// Word counts.
#[must_use]
pub fn wordcount() -> &'static Path {
    Path::new(env!("GUEST_WORDCOUNT_WASM"))
}

/// Prime counts.
#[must_use]
pub fn primes() -> &'static Path {
    Path::new(env!("GUEST_PRIMES_WASM"))
}

/// A WASI command that finds lines.
#[must_use]
pub fn command() -> &'static Path {
    Path::new(env!("GUEST_COMMAND_WASM"))
}

/// What the examples beside Python's `multiprocessing` run.
#[must_use]
pub fn multiprocessing() -> &'static Path {
    Path::new(env!("GUEST_MULTIPROCESSING_WASM"))
}
