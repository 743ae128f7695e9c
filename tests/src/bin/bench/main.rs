//! Measures all that is promised of speed and memory, beside what the kernel allows and what the neighbours take.
//!
//! `cargo run --release -p wasmpool-tests --bin bench -- [--quick] [--rounds N] [--row N]… [--out FOLDER] [--json FILE]
//! [--keep] [--from FILE] [--readme]`
//!
//! Ours, the floor and the neighbour take turns in every round, so that a busy machine slows all three; what is printed
//! is the median over the rounds with the smallest and the largest. Every result is checked: a fast wrong answer fails its
//! row, and with it the bench. Figures and plots go into `target/bench`; `--readme` puts them into the documents too. `--from`
//! takes the figures of an earlier run instead of measuring, `--keep` those of the rows that are not measured now.

mod floor;
mod neighbour;
mod options;
mod ours;
mod placement;
mod rows;

use std::fs;
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use anyhow::{Context, Result};
use wasmpool_tests::figures::machine::Machine;
use wasmpool_tests::figures::{documents, report, series, table};

/// The exit code for a command line that is not understood.
const USAGE_ERROR: u8 = 2;
/// The figures of a run, in the folder for what it leaves.
const FIGURES: &str = "figures.json";

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // This program is also the processes that the floors need.
    if floor::child(&arguments)? {
        return Ok(ExitCode::SUCCESS);
    }
    if options::Options::asks_for_help(&arguments) {
        print!("{}", options::USAGE);
        return Ok(ExitCode::SUCCESS);
    }
    let options = match options::Options::parse(&arguments) {
        Ok(options) => options,
        // A mistake in the command line is no fault of the program: there is nothing to trace.
        Err(error) => {
            eprintln!("{error:#}");
            return Ok(ExitCode::from(USAGE_ERROR));
        }
    };
    let report = match &options.from {
        Some(path) => report::Report::read(path)?,
        None => {
            let mut report = measured(&options)?;
            if options.keep {
                report.keep(report::Report::read(&options.out.join(FIGURES))?)?;
            }
            report
        }
    };
    print!("{}", table::terminal(&report));
    if options.from.is_none() {
        fs::create_dir_all(&options.out)
            .with_context(|| format!("failed to make {}", options.out.display()))?;
        report.write(&options.out.join(FIGURES))?;
    }
    documents::write_plots(&report, &options.out)?;
    if let Some(path) = &options.json {
        report.write(path)?;
    }
    if options.readme {
        documents::show(&report)?;
    }
    Ok(if report.failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A run.
fn measured(options: &options::Options) -> Result<report::Report> {
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build: the figures mean nothing; use --release");
    }
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let begun = Instant::now();
    let neighbour = neighbour::Neighbour::find()?;
    let mut skipped = neighbour.skipped();
    if placement::Placement::all()?.len() < 3 {
        skipped.push("what runs on two cores: there is one".to_owned());
    }
    for what in &skipped {
        eprintln!("skipped: {what}");
    }
    let rows::Measured {
        measures,
        failed,
        skipped: by_rows,
    } = rows::run(options, neighbour);
    skipped.extend(by_rows);
    Ok(report::Report {
        date,
        machine: Machine::look(neighbour.versions())?,
        rounds: options.rounds,
        quick: options.quick,
        seconds: begun.elapsed().as_secs_f64(),
        measures,
        failed,
        skipped,
    })
}
