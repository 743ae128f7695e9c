//! Five processes put what they found into one queue; the host takes it out and prints it in order.

use anyhow::Result;
use wasmpool::{Pool, Process, Queue};
use wasmpool_examples::guests;

fn main() -> Result<()> {
    let pool = Pool::new()?;
    let square = pool
        .load(guests::multiprocessing())?
        .task::<(u64, Queue<(u64, u64)>), ()>("square_into")?;
    let results = Queue::unbounded()?;
    let mut processes = Vec::new();
    for number in 0..5 {
        processes.push(Process::spawn(&square, (number, &results))?);
    }
    let mut found = Vec::new();
    for _ in &processes {
        found.push(results.get()?);
    }
    for process in processes {
        process.result()?;
    }
    found.sort();
    for (number, squared) in found {
        println!("{number} squared is {squared}");
    }
    println!("left in the queue: {}", results.len());
    Ok(())
}
