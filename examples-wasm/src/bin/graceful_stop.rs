//! Two processes loop for ever: one looks at an event and stops when it is set, the other has to be terminated.

use std::time::Duration;

use anyhow::Result;
use wasmpool::{Event, Pool, Process, ProcessExit, Queue};
use wasmpool_examples::{guests, yes};

fn main() -> Result<()> {
    let pool = Pool::new()?;
    let module = pool.load(guests::multiprocessing())?;
    let polite = module.task::<(Event, Queue<String>), ()>("polite")?;
    let stubborn = module.task::<Queue<String>, ()>("stubborn")?;
    let stop = Event::new()?;
    let said = Queue::unbounded()?;

    let first = Process::builder()
        .name("polite")
        .spawn(&polite, (&stop, &said))?;
    println!("{}", said.get()?);
    stop.set();
    println!("{}", said.get()?);
    first.join();
    tell(&first);

    let second = Process::builder()
        .name("stubborn")
        .spawn(&stubborn, &said)?;
    println!("{}", said.get()?);
    stop.set();
    second.join_timeout(Duration::from_millis(200));
    println!("{}: alive: {}", second.name(), yes(second.is_alive()));
    second.terminate();
    second.join();
    tell(&second);
    Ok(())
}

fn tell(process: &Process<()>) {
    println!(
        "{}: alive: {}, ended by itself: {}",
        process.name(),
        yes(process.is_alive()),
        yes(process.exit_code().is_some_and(ProcessExit::success))
    );
}
