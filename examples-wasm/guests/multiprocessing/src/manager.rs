//! Tasks that write into objects of a manager.

use anyhow::Result;
use wasmpool_guest::{Dict, List, Namespace, Queue, task};

/// Records the square of `number` in a dict, and `number` in a list.
#[task]
pub fn record(number: u64, squares: Dict<u64, u64>, seen: List<u64>) -> Result<()> {
    squares.set(number, number * number)?;
    seen.push(number)?;
    Ok(())
}

/// Takes numbers from a queue until there are no more, and writes their factorials into a dict.
#[task]
pub fn serve(jobs: Queue<u64>, answers: Dict<u64, u64>) -> Result<()> {
    for number in jobs.iter() {
        let number = number?;
        answers.set(number, (1..=number).product::<u64>())?;
    }
    Ok(())
}

/// Writes a name into a namespace, as the last one.
#[task]
pub fn sign(visits: Namespace, name: String) -> Result<()> {
    visits.set("last", &name)?;
    Ok(())
}
