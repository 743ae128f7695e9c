//! Five tasks of different length on four workers: the fifth waits until the shortest of the others has ended.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;
use wasmpool::Pool;
use wasmpool_examples::{guests, yes};

fn main() -> Result<()> {
    let jobs = [("A", 1.6), ("B", 1.2), ("C", 0.4), ("D", 0.8), ("E", 0.1)];
    let pool = Pool::builder().workers(4).build()?;
    let work = pool
        .load(guests::multiprocessing())?
        .task::<(String, f64), (String, f64, f64)>("work")?;
    let first = Instant::now();
    let mut spans = BTreeMap::new();
    for (_, outcome) in pool.imap_unordered(&work, jobs) {
        let (name, began, ended) = outcome?;
        println!("{name} ended, after {:.2} s", ended - began);
        spans.insert(name, (began, ended));
    }
    for (name, seconds) in jobs {
        let (began, ended) = spans[name];
        println!(
            "{name} took as long as it was told: {}",
            yes(ended - began >= seconds)
        );
    }
    println!(
        "E began when C had ended: {}",
        yes(spans["E"].0 >= spans["C"].1)
    );
    let took = first.elapsed().as_secs_f64();
    println!("all of it took {took:.2} s");
    println!(
        "one after the other takes longer: {}",
        yes(took < jobs.map(|(_, seconds)| seconds).iter().sum())
    );
    Ok(())
}
