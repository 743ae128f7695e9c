//! One process counts in a shared number while another squares a shared array; one lock guards both.

use anyhow::Result;
use wasmpool::{Lock, Pool, Process, RawArray, RawValue};
use wasmpool_examples::guests;

fn main() -> Result<()> {
    let pool = Pool::new()?;
    let module = pool.load(guests::multiprocessing())?;
    let count = module.task::<(RawValue<i32>, Lock), ()>("count")?;
    let square = module.task::<(RawArray<i32>, Lock), ()>("square_all")?;
    let lock = Lock::new()?;
    let counter = RawValue::new(0)?;
    let numbers = RawArray::from_iter(0..10)?;
    let processes = [
        Process::spawn(&count, (&counter, &lock))?,
        Process::spawn(&square, (&numbers, &lock))?,
    ];
    for process in processes {
        process.result()?;
    }
    println!("{}", counter.get());
    println!("{:?}", numbers.to_vec());
    Ok(())
}
