//! The rows of what two tasks share.

use std::time::Duration;

use anyhow::Result;

use crate::neighbour::Neighbour;
use crate::options::Options;
use crate::placement::Placement;
use crate::report::Measure;
use crate::series::micros;
use crate::{floor, ours};

/// One of so many parts of a time, in nanoseconds.
fn nanos(time: Duration, parts: u64) -> f64 {
    micros(time) * 1e3 / parts as f64
}

/// The shortest of several times, one of so many parts of it: what is measured in a few milliseconds is on a busy machine
/// either what it takes, or that and the time of somebody else.
fn shortest(parts: u64, measure: impl Fn(u64) -> Result<Duration>) -> Result<f64> {
    let mut shortest = f64::INFINITY;
    for _ in 0..10 {
        shortest = shortest.min(nanos(measure(parts)?, parts));
    }
    Ok(shortest)
}

/// Row 11: taking a lock and giving it back, alone and against another.
pub(super) fn locks(options: &Options, neighbour: Neighbour) -> Result<Vec<Measure>> {
    let free = options.scale(200_000);
    let contended = options.scale(400_000);
    let mut measures = Vec::new();
    let mut measure = Measure::new(11, "lock, free".to_owned(), "ns")
        .aim_at_most(100.0)
        .floor_is("a mutex of threads")
        .head();
    for _ in 0..options.rounds {
        measure.ours.0.push(shortest(free, ours::pairs::lock)?);
        measure.floor.0.push(shortest(free, floor::pairs::lock)?);
        let theirs = neighbour.measure("lock", &[free.to_string()])?;
        extend(&mut measure, theirs, 1e9);
    }
    measures.push(measure);
    for placement in Placement::all()? {
        let name = format!("lock, contended, {placement}");
        let mut measure = Measure::new(11, name, "ns")
            .aim_ratios((None, Some(1.0)))
            .floor_is("a mutex of threads");
        measure.head = placement.is_two_cores();
        for _ in 0..options.rounds {
            let ours = ours::pairs::locks(placement, contended)?;
            measure.ours.0.push(nanos(ours, 2 * contended));
            let floor = floor::pairs::locks(placement, contended)?;
            measure.floor.0.push(nanos(floor, 2 * contended));
            let [first, second] = placement.arguments();
            let theirs = neighbour.measure("locks", &[contended.to_string(), first, second])?;
            extend(&mut measure, theirs, 1e9);
        }
        measures.push(measure);
    }
    Ok(measures)
}

/// Row 12: many messages through a queue.
pub(super) fn queues(options: &Options, neighbour: Neighbour) -> Result<Vec<Measure>> {
    let mut measures = Vec::new();
    for (name, len, count) in [("64 B", 64, 400_000), ("64 KiB", 65_536, 20_000)] {
        let (count, theirs) = (options.scale(count), options.scale(count / 10));
        for placement in Placement::all()? {
            let name = format!("queue put and get, {name}, {placement}");
            let mut measure = Measure::new(12, name, "µs")
                .aim_ratios((Some(1.5), None))
                .floor_is("a socket pair");
            measure.head = placement.is_two_cores();
            for _ in 0..options.rounds {
                let ours = ours::pairs::stream(placement, count, len)?;
                measure.ours.0.push(micros(ours));
                let floor = floor::pairs::stream(placement, count, usize::try_from(len)?)?;
                measure.floor.0.push(micros(floor));
                let [putter, getter] = placement.arguments();
                let arguments = [theirs.to_string(), len.to_string(), putter, getter];
                extend(&mut measure, neighbour.measure("queue", &arguments)?, 1e6);
            }
            measures.push(measure);
        }
    }
    Ok(measures)
}

/// The neighbour's figures, which it gives in seconds.
fn extend(measure: &mut Measure, seconds: Option<Vec<f64>>, unit: f64) {
    let figures = seconds.unwrap_or_default().into_iter();
    measure.neighbour.0.extend(figures.map(|it| it * unit));
}
