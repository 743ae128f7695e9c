//! One process makes goods, another takes them from a queue of three places; the host reads what was taken.

use anyhow::Result;
use wasmpool::{Pool, Process, Queue};
use wasmpool_examples::{guests, yes};

fn main() -> Result<()> {
    let pool = Pool::new()?;
    let module = pool.load(guests::multiprocessing())?;
    let produce = module.task::<(u32, Queue<String>), ()>("produce")?;
    let consume = module.task::<(Queue<String>, Queue<String>), ()>("consume")?;
    let goods = Queue::bounded(3)?;
    let taken = Queue::unbounded()?;
    let producer = Process::spawn(&produce, (6, &goods))?;
    let consumer = Process::spawn(&consume, (&goods, &taken))?;
    for line in taken.iter() {
        println!("{}", line?);
    }
    producer.result()?;
    consumer.result()?;
    println!("nothing is left: {}", yes(goods.is_empty()));
    Ok(())
}
