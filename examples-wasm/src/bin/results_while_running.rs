//! The host reads results while the process that makes them is still at work, asleep between two of them.

use std::time::Duration;

use anyhow::{Result, bail};
use wasmpool::{GetError, Pool, Process, ProcessExit, Queue};
use wasmpool_examples::{guests, yes};

fn main() -> Result<()> {
    let pool = Pool::new()?;
    let work = pool
        .load(guests::multiprocessing())?
        .task::<Queue<u32>, ()>("work_slowly")?;
    let results = Queue::unbounded()?;
    let process = Process::spawn(&work, &results)?;
    let (mut received, mut polls) = (0, 0);
    while received < 3 {
        match results.get_timeout(Duration::from_millis(50)) {
            Ok(step) => println!(
                "step {step} is there, the process runs: {}",
                yes(process.is_alive())
            ),
            Err(GetError::TimedOut) => {
                polls += 1;
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        received += 1;
    }
    let ProcessExit::Code(code) = process.join() else {
        bail!("the process ended as {:?}", process.exit_code());
    };
    println!(
        "the process runs: {}, its exit code is {code}",
        yes(process.is_alive())
    );
    println!("looked in vain in between: {}", yes(polls > 0));
    Ok(())
}
