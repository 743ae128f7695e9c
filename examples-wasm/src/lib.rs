//! What the example programs do, without their command lines: each takes a pool, so that its test runs what users see.

pub mod find;
pub mod guests;
pub mod mandelbrot;
pub mod md5;
pub mod primes;
#[cfg(doctest)]
mod refused;
pub mod words;

/// How the programs print what is so or is not.
#[must_use]
pub fn yes(truth: bool) -> &'static str {
    if truth { "yes" } else { "no" }
}
