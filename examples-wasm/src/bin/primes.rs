//! `primes [LIMIT]`: how many primes there are below LIMIT, ten million when it is left out.

use anyhow::{Context, Result};
use wasmpool::Pool;
use wasmpool_examples::primes::below;

fn main() -> Result<()> {
    let limit = match std::env::args().nth(1) {
        Some(text) => text.parse().context("LIMIT is a number")?,
        None => 10_000_000,
    };
    println!("{}", below(&Pool::new()?, limit)?);
    Ok(())
}
