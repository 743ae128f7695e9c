//! A process answers through its end of a pipe until it is told that there is no more, and closes that end.

use anyhow::{Result, bail};
use wasmpool::{Connection, GetError, Pool, Process, pipe};
use wasmpool_examples::guests;

fn main() -> Result<()> {
    let pool = Pool::new()?;
    let answer = pool
        .load(guests::multiprocessing())?
        .task::<Connection<String, Option<u64>>, ()>("answer")?;
    let (ours, theirs) = pipe::<Option<u64>, String>()?;
    let process = Process::spawn(&answer, &theirs)?;
    drop(theirs);
    println!("{}", ours.recv()?);
    for number in [1, 20, 300] {
        ours.send(Some(number))?;
        println!("{}", ours.recv()?);
    }
    ours.send(None::<u64>)?;
    match ours.recv() {
        Err(GetError::Closed) => println!("the other end is closed"),
        other => bail!("{other:?} came after the end"),
    }
    process.result()?;
    Ok(())
}
