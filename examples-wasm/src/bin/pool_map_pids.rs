//! A pool of four maps over eight numbers; each answer says in which process it was made.
//!
//! A guest does not know its process: `getpid` is a function of this program that guests may call.

use std::collections::BTreeSet;
use std::convert::Infallible;

use anyhow::Result;
use wasmpool::{CallContext, Pool};
use wasmpool_examples::{guests, yes};

fn main() -> Result<()> {
    let pool = Pool::builder()
        .workers(4)
        .host_function("getpid", |call: &CallContext, ()| {
            Ok::<_, Infallible>(call.pid())
        })
        .build()?;
    let square = pool
        .load(guests::multiprocessing())?
        .task::<u64, (u64, i32)>("square_and_pid")?;
    let mut pids = BTreeSet::new();
    for (number, answer) in pool.map(&square, 0..8).into_iter().enumerate() {
        let (squared, pid) = answer?;
        println!("{number} squared is {squared}, says process {pid}");
        pids.insert(pid);
    }
    println!("at most four processes: {}", yes(pids.len() <= 4));
    println!(
        "one of them is the parent: {}",
        yes(pids.contains(&std::process::id().cast_signed()))
    );
    Ok(())
}
