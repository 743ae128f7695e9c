//! Tasks that talk through queues, with the host or with each other.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use wasmpool_guest::{JoinableQueue, Queue, task};

/// Puts `number` and its square into a queue.
#[task]
pub fn square_into(number: u64, results: Queue<(u64, u64)>) -> Result<()> {
    results.put((number, number * number))?;
    Ok(())
}

/// Makes `count` items, and says that there are no more.
#[task]
pub fn produce(count: u32, goods: Queue<String>) -> Result<()> {
    for number in 0..count {
        goods.put(format!("item {number}"))?;
    }
    goods.close();
    Ok(())
}

/// Takes items until there are no more, and tells of each.
#[task]
pub fn consume(goods: Queue<String>, taken: Queue<String>) -> Result<()> {
    for item in goods.iter() {
        taken.put(format!("{} was consumed", item?))?;
    }
    taken.close();
    Ok(())
}

/// Puts a result, sleeps, puts the next one.
#[task]
pub fn work_slowly(results: Queue<u32>) -> Result<()> {
    for step in 1..=3 {
        results.put(step)?;
        sleep(Duration::from_millis(400));
    }
    Ok(())
}

/// Deals with as many jobs as it is told, and says so of each.
#[task]
pub fn deal_with(jobs: JoinableQueue<u32>, count: u32) -> Result<()> {
    for _ in 0..count {
        jobs.get()?;
        jobs.task_done()?;
    }
    Ok(())
}

/// Takes its arguments as JSON, where a queue cannot be.
#[task(codec = "json")]
pub fn json_of_a_queue(results: Queue<u32>) -> Result<()> {
    Ok(results.put(1)?)
}
