//! Loading a module.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use wasmpool::{CommandInput, Module, Pool};
use wasmpool_tests::{guests, kinds};

/// The time of loading one module in each state that it can be in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// Never seen.
    pub(crate) cold: Duration,
    /// By another pool, whose cache has it.
    pub(crate) cached: Duration,
    /// Once more by that pool.
    pub(crate) again: Duration,
    /// Bytes of its machine code.
    pub(crate) code: u64,
}

/// Loads a command with a cache of its own.
///
/// # Errors
/// When it does not load, or is not taken from the cache when it should be.
pub(crate) fn measure(command: &Path) -> Result<Times> {
    let cache = tempfile::tempdir()?;
    let pool = || -> Result<Pool> {
        let pool = kinds::builder().cache_dir(cache.path()).build()?;
        // What is started with the first load is no part of the second.
        pool.load(guests::wat("numbers"))?;
        Ok(pool)
    };
    let load = |pool: &Pool| -> Result<(Duration, Module)> {
        let begun = Instant::now();
        let module = pool.load(command)?;
        Ok((begun.elapsed(), module))
    };
    let first = pool()?;
    let (cold, module) = load(&first)?;
    ensure!(!module.cached(), "it was in a cache that is empty");
    check(&module)?;
    let second = pool()?;
    let (cached, module) = load(&second)?;
    ensure!(module.cached(), "it was not taken from the cache");
    check(&module)?;
    let (again, module) = load(&second)?;
    ensure!(module.cached(), "it was compiled twice");
    check(&module)?;
    Ok(Times {
        cold,
        cached,
        again,
        code: module.code_size().bytes(),
    })
}

/// It finds lines, as it should.
fn check(module: &Module) -> Result<()> {
    let output = module.command()?.call(CommandInput {
        args: vec!["find".to_owned(), "an".to_owned()],
        stdin: b"one\nbanana\n".to_vec(),
    })?;
    ensure!(output.stdout == b"2:banana\n", "{output:?}");
    Ok(())
}
