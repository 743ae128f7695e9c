//! What the example programs do, without their command lines: each takes a pool, so that its test runs what users see.

pub mod find;
pub mod guests;
pub mod mandelbrot;
pub mod md5;
pub mod primes;
pub mod words;
