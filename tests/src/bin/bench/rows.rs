//! The rows: what is measured, against what, and what is aimed for.

use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use wasmpool::{Isolation, Jail, StartMethod};

use crate::neighbour::Neighbour;
use crate::options::Options;
use crate::placement::Placement;
use crate::report::Measure;
use crate::series::{micros, quantile};
use crate::{floor, ours};

mod arrays;
mod compute;
mod ends;
mod growth;
mod jail;
mod lazy;
mod loads;
mod memory;
mod pairs;
mod payload;
mod scripts;
mod simulated;
mod tenants;

/// What came of all rows.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// By rows.
    pub(crate) measures: Vec<Measure>,
    /// Rows that failed or answered wrongly, and why: the others are measured all the same.
    pub(crate) failed: Vec<(u32, String)>,
    /// What could not be measured here.
    pub(crate) skipped: Vec<String>,
}

/// Measures the rows that are wanted.
pub(crate) fn run(options: &Options, neighbour: Neighbour) -> Measured {
    let mut measured = Measured::default();
    for (row, measure) in [
        (1, calls as Row),
        (2, fresh_tasks),
        (3, batched_tasks),
        (4, lazy::lazy),
        (5, compute::computations),
        (6, payload::payloads),
        (7, arrays::arrays),
        (8, starts),
        (9, ends::ends),
        (10, ends::processes),
        (11, pairs::locks),
        (12, pairs::queues),
        (13, dictionary),
        (14, loads::loads),
        (15, memory::memory),
        (16, growth::growth),
        (17, jail::price),
        (18, tenants::many),
        (19, scripts::scripts),
    ] {
        if !options.wants(row) {
            continue;
        }
        let begun = Instant::now();
        // What waits in vain panics.
        let outcome = catch_unwind(|| measure(options, neighbour))
            .unwrap_or_else(|_| Err(anyhow!("it panicked, as told above")));
        match outcome {
            Ok(measures) => {
                let (measures, empty): (Vec<_>, Vec<_>) = measures
                    .into_iter()
                    .partition(|measure| !measure.ours.0.is_empty());
                measured.measures.extend(measures);
                let why = |it: Measure| format!("row {row}: {}: {}", it.what, it.notes.join(", "));
                measured.skipped.extend(empty.into_iter().map(why));
            }
            Err(error) => measured.failed.push((row, format!("{error:#}"))),
        }
        eprintln!("row {row}: {:.1} s", begun.elapsed().as_secs_f64());
    }
    measured
}

/// Measures one row. An error is a wrong answer, or something that does not work.
type Row = fn(&Options, Neighbour) -> Result<Vec<Measure>>;

/// Row 1: one warm call in a fresh instance.
fn calls(options: &Options, neighbour: Neighbour) -> Result<Vec<Measure>> {
    let calls = options.scale(20_000);
    let theirs = options.scale(4_000);
    let mut measures = Vec::new();
    for placement in Placement::all()? {
        let name = |part| format!("apply, {part}, {placement}");
        let aims = || (Some(1.25), Some(0.15));
        let echo = "an echo over the same channel";
        let mut p50 = Measure::new(1, name("p50"), "µs")
            .aim_ratios(aims())
            .floor_is(echo);
        p50.head = placement != Placement::Free;
        let mut p99 = Measure::new(1, name("p99"), "µs")
            .aim_ratios(aims())
            .floor_is(echo);
        for _ in 0..options.rounds {
            let ours: Vec<f64> = ours::apply(placement, calls)?
                .into_iter()
                .map(micros)
                .collect();
            let floor: Vec<f64> = floor::echo(placement, calls)?
                .into_iter()
                .map(micros)
                .collect();
            let [caller, worker] = placement.arguments();
            let neighbour = neighbour.measure("apply", &[theirs.to_string(), caller, worker])?;
            let neighbour: Vec<f64> = neighbour
                .unwrap_or_default()
                .into_iter()
                .map(|seconds| seconds * 1e6)
                .collect();
            for (measure, part) in [(&mut p50, 0.5), (&mut p99, 0.99)] {
                measure.ours.0.extend(quantile(&ours, part));
                measure.floor.0.extend(quantile(&floor, part));
                measure.neighbour.0.extend(quantile(&neighbour, part));
            }
        }
        measures.extend([p50, p99]);
    }
    Ok(measures)
}

/// Row 2: many tiny tasks, a fresh instance each.
fn fresh_tasks(options: &Options, neighbour: Neighbour) -> Result<Vec<Measure>> {
    let measure = Measure::new(2, "map, fresh instance a task".to_owned(), "µs a task")
        .aim_ratios((Some(1.3), Some(0.25)))
        .floor_is("a loop in one process a worker");
    maps(
        measure,
        Isolation::Task,
        1,
        options.scale(200_000),
        options,
        neighbour,
    )
}

/// Row 3: the same, an instance a batch.
fn batched_tasks(options: &Options, neighbour: Neighbour) -> Result<Vec<Measure>> {
    let measure = Measure::new(3, "map, an instance a batch".to_owned(), "µs a task")
        .aim_ratios((None, Some(1.0)))
        .floor_is("a loop in one process a worker");
    maps(
        measure,
        Isolation::Batch,
        0,
        options.scale(1_000_000),
        options,
        neighbour,
    )
}

/// One map over a million tasks; the neighbour's has `theirs` tasks.
fn maps(
    mut measure: Measure,
    isolation: Isolation,
    chunksize: u32,
    theirs: u64,
    options: &Options,
    neighbour: Neighbour,
) -> Result<Vec<Measure>> {
    let workers = std::thread::available_parallelism()?.get();
    let tasks = options.scale(1_000_000);
    let each = |time: Duration| micros(time) / tasks as f64;
    for _ in 0..options.rounds {
        measure
            .ours
            .0
            .push(each(ours::map(Jail::Default, isolation, tasks, workers)?));
        measure.floor.0.push(each(floor::instances(
            isolation == Isolation::Task,
            tasks,
            workers,
        )?));
        let arguments = [
            theirs.to_string(),
            workers.to_string(),
            chunksize.to_string(),
        ];
        let neighbour = neighbour.measure("map", &arguments)?.unwrap_or_default();
        measure.neighbour.0.extend(
            neighbour
                .into_iter()
                .map(|seconds| seconds * 1e6 / theirs as f64),
        );
    }
    Ok(vec![measure])
}

/// Row 8: from nothing to the first result.
fn starts(options: &Options, neighbour: Neighbour) -> Result<Vec<Measure>> {
    let mut forkserver = Measure::new(8, "pool to first result, zygote".to_owned(), "ms")
        .aim_beyond(5.0)
        .floor_is("exec")
        .beside("forkserver")
        .head();
    let mut spawn = Measure::new(8, "pool to first result, spawn".to_owned(), "ms")
        .aim_beyond(5.0)
        .floor_is("exec")
        .beside("spawn")
        .head();
    // The guest is compiled once: what is measured is the start, not the compiler.
    ours::start(StartMethod::ForkServer)?;
    for _ in 0..options.rounds {
        for (measure, method, theirs) in [
            (&mut forkserver, StartMethod::ForkServer, "forkserver"),
            (&mut spawn, StartMethod::Spawn, "spawn"),
        ] {
            measure.ours.0.push(micros(ours::start(method)?) / 1e3);
            measure.floor.0.push(micros(floor::exec()?) / 1e3);
            let neighbour = neighbour
                .measure("start", &[theirs.to_owned()])?
                .unwrap_or_default();
            measure
                .neighbour
                .0
                .extend(neighbour.into_iter().map(|seconds| seconds * 1e3));
        }
    }
    Ok(vec![forkserver, spawn])
}

/// Row 13: a manager's dictionary, set and get.
fn dictionary(options: &Options, neighbour: Neighbour) -> Result<Vec<Measure>> {
    let operations = options.scale(40_000);
    let theirs = options.scale(4_000);
    let mut measures = Vec::new();
    for placement in Placement::all()? {
        let name = format!("manager dict set and get, {placement}");
        let mut measure = Measure::new(13, name, "µs")
            .aim_ratios((None, Some(0.5)))
            .floor_is("an echo");
        measure.head = placement.is_two_cores();
        for _ in 0..options.rounds {
            let ours = ours::dictionary(placement, operations)?;
            measure.ours.0.push(micros(ours));
            let floor: Vec<f64> = floor::echo(placement, theirs)?
                .into_iter()
                .map(micros)
                .collect();
            measure.floor.0.extend(quantile(&floor, 0.5));
            let [caller, worker] = placement.arguments();
            let neighbour =
                neighbour.measure("dictionary", &[theirs.to_string(), caller, worker])?;
            let neighbour = neighbour.unwrap_or_default();
            measure
                .neighbour
                .0
                .extend(neighbour.into_iter().map(|seconds| seconds * 1e6));
        }
        measures.push(measure);
    }
    Ok(measures)
}
