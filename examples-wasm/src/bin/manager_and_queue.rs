//! Three processes take jobs from one queue and write the answers into one dict.

use anyhow::Result;
use wasmpool::{Dict, Manager, Pool, Process, Queue};
use wasmpool_examples::guests;

fn main() -> Result<()> {
    let pool = Pool::new()?;
    let serve = pool
        .load(guests::multiprocessing())?
        .task::<(Queue<u64>, Dict<u64, u64>), ()>("serve")?;
    let manager = Manager::new();
    let jobs = Queue::unbounded()?;
    let answers = manager.dict::<u64, u64>();
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(Process::spawn(&serve, (&jobs, &answers))?);
    }
    for number in 1..=10 {
        jobs.put(number)?;
    }
    jobs.close();
    for server in servers {
        server.result()?;
    }
    let mut found = answers.items()?;
    found.sort();
    for (number, factorial) in found {
        println!("{number}! = {factorial}");
    }
    println!("jobs left: {}", jobs.len());
    Ok(())
}
