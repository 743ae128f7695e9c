//! The rows of processes that begin and end.

use std::time::Duration;

use anyhow::Result;

use crate::neighbour::Neighbour;
use crate::options::Options;
use crate::report::Measure;
use crate::series::{micros, quantile};
use crate::{floor, ours};

fn millis(time: Duration) -> f64 {
    micros(time) / 1e3
}

fn median(times: impl IntoIterator<Item = Duration>) -> Option<f64> {
    quantile(&times.into_iter().map(micros).collect::<Vec<_>>(), 0.5)
}

/// Row 9: a worker ends, another takes its place, and has a result. The floor forks, kills and reaps processes of that size.
pub(super) fn ends(options: &Options, neighbour: Neighbour) -> Result<Vec<Measure>> {
    let mut ends = ours::ends::Ends::new()?;
    let mut measures = Vec::new();
    let (mut outcome, mut next) = (
        Measure::new(9, "kill to outcome".to_owned(), "ms").aim_at_most(10.0),
        Measure::new(9, "outcome to next result".to_owned(), "ms").aim_at_most(5.0),
    );
    let largest = if options.quick { 64 } else { 2048 };
    for mebibytes in [0_usize, 64, 256, 1024, 2048]
        .into_iter()
        .filter(|it| *it <= largest)
    {
        let name = format!("kill, replace, result, {mebibytes} MiB");
        let mut measure = Measure::new(9, name, "ms").floor_is("fork, kill, wait");
        measure = if mebibytes == 0 {
            measure.aim_at_most(3.0).head()
        } else {
            let axis = "memory of the killed, MiB";
            measure.at("kill and replace", "wasmpool", axis, mebibytes as f64)
        };
        for _ in 0..options.rounds {
            let times = ends.kill(mebibytes)?;
            measure.ours.0.push(millis(times.outcome + times.next));
            measure.floor.0.push(millis(floor::ends::kill(mebibytes)?));
            if mebibytes == 0 {
                outcome.ours.0.push(millis(times.outcome));
                next.ours.0.push(millis(times.next));
            }
        }
        measures.push(measure);
    }
    let name = "time limit to next result".to_owned();
    let mut limit = Measure::new(9, name, "ms").aim_at_most(3.0);
    // Neither is part of Python: each is measured where somebody has installed it.
    let theirs = |what: &str, name: &str| {
        Measure::new(9, what.to_owned(), "ms")
            .aim_ratios((None, Some(1.0)))
            .beside(name)
    };
    let mut pebble = theirs("time limit to next result", "Pebble");
    let mut loky = theirs("worker killed to next result", "loky");
    for _ in 0..options.rounds {
        limit.ours.0.push(millis(ends.time_out()?));
        if neighbour.has("pebble") {
            pebble.ours.0.push(millis(ends.time_out()?));
            let figures = neighbour.measure("pebble", &[])?.unwrap_or_default();
            let figures = figures.into_iter().map(|seconds| seconds * 1e3);
            pebble.neighbour.0.extend(figures);
        }
        if neighbour.has("loky") {
            let times = ends.kill(0)?;
            loky.ours.0.push(millis(times.outcome + times.next));
            let figures = neighbour.measure("loky", &[])?.unwrap_or_default();
            let figures = figures.into_iter().map(|seconds| seconds * 1e3);
            loky.neighbour.0.extend(figures);
        }
    }
    measures.extend([outcome, next, limit]);
    measures.extend(
        [pebble, loky]
            .into_iter()
            .filter(|it| !it.ours.0.is_empty()),
    );
    Ok(measures)
}

/// Row 10: a process for each task.
pub(super) fn processes(options: &Options, neighbour: Neighbour) -> Result<Vec<Measure>> {
    let tasks = options.scale(2000);
    let theirs = options.scale(400);
    let name = "a process for each task".to_owned();
    let mut measure = Measure::new(10, name, "µs a task").aim_ratios((None, Some(0.25)));
    for _ in 0..options.rounds {
        let ours = ours::ends::processes(tasks)?;
        measure.ours.0.extend(median(ours));
        let floor = floor::ends::forks(tasks)?;
        measure.floor.0.push(micros(floor));
        let figures = neighbour.measure("process", &[theirs.to_string()])?;
        let figures = figures.unwrap_or_default().into_iter();
        measure.neighbour.0.extend(figures.map(|it| it * 1e6));
    }
    Ok(vec![measure])
}
