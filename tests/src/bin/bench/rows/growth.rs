//! Row 16: what becomes of the cost of a task as there are more tasks, more workers, more bytes; and of what isolation costs as
//! tasks get longer.

use anyhow::Result;
use wasmpool::{Isolation, Jail};
use wasmpool_tests::figures::measure::Measure;
use wasmpool_tests::figures::series::{micros, quantile};
use wasmpool_tests::figures::straight::farthest_above;

use super::simulated;
use crate::neighbour::Neighbour;
use crate::options::Options;
use crate::ours::lazy::Order;
use crate::placement::Placement;
use crate::{floor, ours};

/// So far above its line a curve has a knee.
const KNEE: f64 = 1.5;
const MIB: usize = 1 << 20;

/// All of it.
pub(super) fn growth(options: &Options, _: Neighbour) -> Result<Vec<Measure>> {
    let mut measures = tasks(options)?;
    measures.extend(workers(options)?);
    measures.extend(callers(options)?);
    measures.extend(payloads(options)?);
    measures.extend(levels(options)?);
    measures.extend(simulated::simulated(options)?);
    Ok(measures)
}

/// A point of the curve that is named after its axis.
fn point(name: String, unit: &str, axis: &str, x: f64) -> Measure {
    Measure::new(16, name, unit).at(axis, "wasmpool", axis, x)
}

/// The measure that judges points of a curve by their line.
fn straightness(what: &str, points: &[(f64, f64)]) -> Measure {
    let name = format!("{what}: farthest above a straight line");
    let mut measure = Measure::new(16, name, "× the line")
        .aim_at_most(KNEE)
        .head();
    if let Some((x, factor)) = farthest_above(points) {
        measure.ours.0.push(factor);
        if factor > KNEE {
            measure = measure.note(&format!("a knee at {x}"));
        }
    }
    measure
}

/// From a thousand tasks to ten million.
fn tasks(options: &Options) -> Result<Vec<Measure>> {
    let cores = std::thread::available_parallelism()?.get();
    let mut measures = Vec::new();
    let mut points = Vec::new();
    let most = if options.quick { 1_000_000 } else { 10_000_000 };
    for tasks in [1_000, 10_000, 100_000, 1_000_000, 10_000_000] {
        if tasks > most {
            break;
        }
        let rounds = if tasks == most { 1 } else { 3 };
        let name = format!("{tasks} tasks through imap");
        let mut measure = point(name, "µs a task", "tasks", tasks as f64);
        for _ in 0..options.few_rounds(rounds) {
            let (time, _) = ours::lazy::endless(Order::Kept, tasks, cores)?;
            measure.ours.0.push(micros(time) / tasks as f64);
        }
        let each = measure.ours.median();
        points.extend(each.map(|each| (tasks as f64, each * tasks as f64)));
        measures.push(measure);
    }
    measures.push(straightness("tasks", &points));
    Ok(measures)
}

/// From one worker to 64.
fn workers(options: &Options) -> Result<Vec<Measure>> {
    let cores = std::thread::available_parallelism()?.get();
    let tasks = options.scale(200_000);
    let mut measures = Vec::new();
    // Beyond the cores nothing gets faster, and nothing should get slower.
    let mut beyond = Vec::new();
    for workers in [1, 2, 4, 8, 16, 32, 64] {
        let name = format!("map by {workers} workers");
        let mut measure = point(name, "µs a task", "workers", workers as f64);
        for _ in 0..options.few_rounds(5) {
            let time = ours::map(Jail::Default, Isolation::Task, tasks, workers)?;
            measure.ours.0.push(micros(time) / tasks as f64);
        }
        if workers >= cores {
            beyond.extend(measure.ours.median().map(|each| (workers, each)));
        }
        measures.push(measure);
    }
    let name = "workers: the slowest number beyond the cores, against the fastest".to_owned();
    let mut measure = Measure::new(16, name, "×").aim_at_most(KNEE).head();
    let slowest = beyond.iter().max_by(|(_, a), (_, b)| a.total_cmp(b));
    let fastest = beyond.iter().min_by(|(_, a), (_, b)| a.total_cmp(b));
    if let Some(((workers, slowest), (_, fastest))) = slowest.zip(fastest) {
        let factor = slowest / fastest;
        measure.ours.0.push(factor);
        if factor > KNEE {
            measure = measure.note(&format!("a knee at {workers} workers"));
        }
    }
    measures.push(measure);
    Ok(measures)
}

/// From one calling thread to 64, with as many workers as there are threads at most: a lock that all of them want would show.
fn callers(options: &Options) -> Result<Vec<Measure>> {
    let mut measures = Vec::new();
    let mut medians = Vec::new();
    let callers = ours::callers::Callers::new(64)?;
    for threads in [1, 4, 16, 64] {
        let calls = options.scale(40_000) / threads;
        let name = format!("apply by {threads} threads, 64 workers");
        let mut measure = point(name, "µs a call", "calling threads", threads as f64);
        for _ in 0..options.few_rounds(5) {
            let time = callers.apply(threads, calls)?;
            measure.ours.0.push(micros(time) / (calls * threads) as f64);
        }
        medians.extend(measure.ours.median());
        measures.push(measure);
    }
    let name = "calling threads: 64 of them, against the fastest number".to_owned();
    let mut measure = Measure::new(16, name, "×").aim_at_most(KNEE).head();
    if let Some(last) = medians.last() {
        let fastest = medians.iter().copied().fold(f64::INFINITY, f64::min);
        measure.ours.0.push(last / fastest);
    }
    measures.push(measure);
    Ok(measures)
}

/// From 8 bytes to 64 MiB. The floor is an echo, and four copies of as many bytes.
fn payloads(options: &Options) -> Result<Vec<Measure>> {
    let largest = if options.quick { 4 * MIB } else { 64 * MIB };
    let sizes = [
        8,
        64,
        512,
        1 << 12,
        1 << 15,
        1 << 18,
        MIB,
        4 * MIB,
        16 * MIB,
        64 * MIB,
    ];
    let echo = ours::payload::Echo::new(1)?;
    let mut measures = Vec::new();
    let mut points = Vec::new();
    for bytes in sizes.into_iter().filter(|it| *it <= largest) {
        let calls = (64 * MIB / bytes).clamp(3, options.scale(2_000).try_into()?);
        let name = format!("{bytes} bytes there and back");
        let mut measure = Measure::new(16, name, "µs")
            .floor_is("echo and 4 × memcpy")
            .at("payload", "wasmpool", "bytes there and back", bytes as f64);
        let copies = floor::payload::Copies::new(bytes);
        for _ in 0..options.few_rounds(5) {
            let median = |times: Vec<std::time::Duration>| {
                let times: Vec<f64> = times.into_iter().map(micros).collect();
                quantile(&times, 0.5)
            };
            measure.ours.0.extend(median(echo.calls(bytes, calls)?));
            let round_trip = median(floor::echo(Placement::Free, 200)?);
            let copied = micros(copies.time(4 * calls)?) / calls as f64;
            measure.floor.0.extend(round_trip.map(|it| it + copied));
        }
        points.extend(measure.ours.median().map(|time| (bytes as f64, time)));
        measures.push(measure);
    }
    measures.push(straightness("payload", &points));
    Ok(measures)
}

/// Each level of isolation, as tasks get longer: what a task takes, as a multiple of its own work.
fn levels(options: &Options) -> Result<Vec<Measure>> {
    let work = ours::levels::Work::new()?;
    let mut measures = Vec::new();
    for rounds in [100, 1_000, 10_000, 100_000, 1_000_000] {
        let own = work.own(rounds)?;
        for isolation in [Isolation::Batch, Isolation::Task, Isolation::Process] {
            // A tenth of a second, more or less.
            let most = match isolation {
                Isolation::Process => 300,
                _ => 50_000,
            };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a number of tasks: positive, and bounded in the next step"
            )]
            let tasks = ((1e5 / micros(own)) as u64).clamp(20, options.scale(most).max(20));
            let name = format!("{isolation:?}, tasks of {:.2} µs", micros(own));
            let mut measure = Measure::new(16, name, "× its own work").at(
                "levels of isolation",
                &format!("{isolation:?}"),
                "own work of a task, µs",
                micros(own),
            );
            for _ in 0..options.few_rounds(3) {
                let time = work.map(isolation, rounds, tasks)?;
                measure.ours.0.push(micros(time) / micros(own));
            }
            measures.push(measure);
        }
    }
    Ok(measures)
}
