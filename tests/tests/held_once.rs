//! A module that is loaded for many tenants is in memory once. It must be alone: it looks at the memory of its process.

use anyhow::{Result, ensure};
use wasmpool::{Module, Task};
use wasmpool_tests::processes::{descriptors, resident};
use wasmpool_tests::{guests, kinds};

#[test]
fn a_module_loaded_for_many_tenants_is_held_once() -> Result<()> {
    const TENANTS: u64 = 50;
    let pool = kinds::builder().workers(1).build()?;
    let load = |n: u64| pool.load_for(&n.to_string(), guests::tiny());
    let check = |module: &Module| -> Result<()> {
        let double: Task<u64, u64> = module.task("double")?;
        ensure!(double.call(21)? == 42);
        Ok(())
    };
    let first = load(0)?;
    check(&first)?;
    let size = first.size().bytes();
    let before = (resident()?, descriptors(std::process::id())?);
    let others = (1..=TENANTS).map(load).collect::<Result<Vec<_>, _>>()?;
    let grown = resident()?.saturating_sub(before.0);
    ensure!(
        grown < TENANTS * size / 8,
        "{TENANTS} modules of {size} bytes took {grown}"
    );
    // Each has a description of its own, and its code is the same file for all.
    let files = descriptors(std::process::id())? - before.1;
    ensure!(files as u64 <= TENANTS + 8, "{files} descriptors");
    ensure!(others.iter().all(Module::cached));
    check(&others[7])?;

    // What nobody has any more comes from the cache, and works as well.
    drop((first, others));
    let again = load(0)?;
    ensure!(again.cached());
    check(&again)
}
