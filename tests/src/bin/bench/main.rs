//! Measures what a call, a map and a start cost, beside what the kernel allows and what `multiprocessing` takes.
//!
//! `cargo run --release -p wasmpool-tests --bin bench -- [--quick] [--rounds N] [--row N] [--json FILE]`
//!
//! Ours, the floor and the neighbour take turns in every round, so that a busy machine slows all three; what is printed
//! is the median over the rounds with the smallest and the largest. Every result is checked: a fast wrong answer stops
//! the bench.

mod floor;
mod neighbour;
mod options;
mod ours;
mod placement;
mod report;
mod rows;
mod series;

use std::process::ExitCode;

use anyhow::Result;

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // This program is also the processes that the floors need.
    if floor::child(&arguments)? {
        return Ok(ExitCode::SUCCESS);
    }
    let options = options::Options::parse(&arguments)?;
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build: the figures mean nothing; use --release");
    }
    let neighbour = neighbour::Neighbour::find();
    let measures = rows::run(&options, &neighbour)?;
    report::table(&measures, options.rounds);
    if let Some(path) = &options.json {
        report::write_json(&measures, path)?;
    }
    Ok(ExitCode::SUCCESS)
}
