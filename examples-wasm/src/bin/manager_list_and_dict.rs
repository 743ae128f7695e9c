//! Ten processes fill one dict and one list, which a manager keeps for all of them.

use std::collections::BTreeMap;

use anyhow::Result;
use wasmpool::{Dict, List, Manager, Pool, Process};
use wasmpool_examples::guests;

fn main() -> Result<()> {
    let pool = Pool::new()?;
    let record = pool
        .load(guests::multiprocessing())?
        .task::<(u64, Dict<u64, u64>, List<u64>), ()>("record")?;
    let manager = Manager::new();
    let squares = manager.dict::<u64, u64>();
    let seen = manager.list::<u64>();
    let mut processes = Vec::new();
    for number in 0..10 {
        processes.push(Process::spawn(&record, (number, &squares, &seen))?);
    }
    for process in processes {
        process.result()?;
    }
    println!(
        "{:?}",
        squares.items()?.into_iter().collect::<BTreeMap<_, _>>()
    );
    let mut numbers = seen.to_vec()?;
    numbers.sort();
    println!("{numbers:?}");
    println!("{} squares, {} numbers", squares.len()?, seen.len()?);
    Ok(())
}
