//! A process changes a number and an array that live in memory which it shares with the host.

use anyhow::Result;
use wasmpool::{Array, Pool, Process, Value};
use wasmpool_examples::guests;

fn main() -> Result<()> {
    let pool = Pool::new()?;
    let change = pool
        .load(guests::multiprocessing())?
        .task::<(Value<f64>, Array<i32>), ()>("change")?;
    let number = Value::new(0.0)?;
    let numbers = Array::from_iter(1..=10)?;
    Process::spawn(&change, (&number, &numbers))?.result()?;
    println!("{}", number.get());
    println!("{:?}", numbers.to_vec());
    Ok(())
}
