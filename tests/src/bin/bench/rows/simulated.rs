//! Row 16, where cores are few: the scheduler in virtual time. What it decides is what it decides in a pool; how long that takes
//! is real.

use std::time::Duration;

use anyhow::{Result, ensure};
use wasmpool::simulation::{Load, Seen, simulate};
use wasmpool_tests::figures::measure::Measure;
use wasmpool_tests::figures::series::micros;

use crate::options::Options;

/// What a task takes, on average.
const TASK: Duration = Duration::from_micros(100);
/// Batches that are simulated for each figure, about.
const BATCHES: u32 = 200_000;

/// Tasks a second, latency, shares, and what a decision takes, up to 1,024 workers and 1,000 tenants.
pub(super) fn simulated(options: &Options) -> Result<Vec<Measure>> {
    let mut measures = workers(options)?;
    measures.extend(tenants(options)?);
    measures.extend(latencies(options)?);
    Ok(measures)
}

/// Tenants that always have more to do. A batch is about a millisecond of work.
fn flood(options: &Options, workers: usize, tenants: usize) -> Result<Seen> {
    let batches = if options.quick { BATCHES / 20 } else { BATCHES };
    let length = Duration::from_millis(1) * batches / u32::try_from(workers)?;
    let seen = simulate(Load {
        workers,
        tenants,
        task: TASK,
        asked: None,
        length: length.clamp(Duration::from_millis(20), Duration::from_secs(10)),
    });
    ensure!(seen.batches > 0, "nothing was sent");
    Ok(seen)
}

/// A point of a curve.
fn point(what: &str, unit: &str, [curve, line, axis]: [&str; 3], at: (f64, f64)) -> Measure {
    let mut measure =
        Measure::new(16, format!("{what} (virtual time)"), unit).at(curve, line, axis, at.0);
    measure.ours.0.push(at.1);
    measure
}

/// A point of the curve of what a decision takes.
fn decision(what: &str, line: &str, x: usize, seen: &Seen) -> Measure {
    let what = format!("a batch, decided for {what}");
    let place = ["what a decision takes", line, "workers, or tenants"];
    point(&what, "µs", place, (x as f64, micros(seen.decided_in)))
}

/// The factor between what two numbers of workers or tenants cost, counted.
fn growth(what: &str, few: &Seen, many: &Seen) -> Measure {
    let name = format!("accounts and calls looked at for a batch, {what}");
    let mut measure = Measure::new(16, name, "×").aim_at_most(2.0).head();
    let effort = |seen: &Seen| seen.looks + seen.compared;
    measure.ours.0.push(effort(many) / effort(few));
    measure
}

/// From one worker to 1,024.
fn workers(options: &Options) -> Result<Vec<Measure>> {
    let mut measures = Vec::new();
    let (mut one, mut sixteen, mut worst) = (None, None, 0.0_f64);
    for workers in [1, 4, 16, 64, 256, 1024] {
        let seen = flood(options, workers, 8)?;
        let one = *one.get_or_insert(seen.tasks_a_second);
        worst = worst.max(one * workers as f64 / seen.tasks_a_second);
        measures.push(point(
            &format!("{workers} workers, 8 tenants"),
            "tasks a second",
            ["workers in virtual time", "wasmpool", "workers"],
            (workers as f64, seen.tasks_a_second),
        ));
        let what = format!("{workers} workers and 8 tenants");
        measures.push(decision(&what, "workers, 8 tenants", workers, &seen));
        if workers == 16 {
            sixteen = Some(seen);
        } else if let (1024, Some(few)) = (workers, &sixteen) {
            measures.push(growth("1,024 workers against 16", few, &seen));
        }
    }
    let name = "a worker's tasks, one alone against the fewest (virtual time)".to_owned();
    let mut measure = Measure::new(16, name, "×").aim_at_most(1.1).head();
    measure.ours.0.push(worst);
    measures.push(measure);
    Ok(measures)
}

/// From one tenant to 1,000.
fn tenants(options: &Options) -> Result<Vec<Measure>> {
    let mut measures = Vec::new();
    let mut ten = None;
    for tenants in [1, 10, 100, 1000] {
        let seen = flood(options, 64, tenants)?;
        let what = format!("64 workers and {tenants} tenants");
        measures.push(decision(&what, "tenants, 64 workers", tenants, &seen));
        if tenants == 10 {
            ten = Some(seen);
        } else if let (1000, Some(few)) = (tenants, &ten) {
            measures.push(growth("1,000 tenants against 10", few, &seen));
            let name = "1,000 tenants: what Jain's index lacks of equal shares".to_owned();
            let mut measure = Measure::new(16, name, "").aim_at_most(0.02).head();
            measure.ours.0.push(1.0 - seen.fairness);
            measures.push(measure);
        }
    }
    Ok(measures)
}

/// Calls of one task each at random times, of one tenant, as more of all worker time is asked for.
fn latencies(options: &Options) -> Result<Vec<Measure>> {
    let mut measures = Vec::new();
    for workers in [16, 1024] {
        for percent in [10, 30, 50, 70, 80, 90, 95] {
            let asked = f64::from(percent) / 100.0;
            let calls = if options.quick { 20_000.0 } else { 200_000.0 };
            let length = TASK.mul_f64(calls / (asked * f64::from(workers)));
            let seen = simulate(Load {
                workers: usize::try_from(workers)?,
                tenants: 1,
                task: TASK,
                asked: Some(asked),
                length,
            });
            let all = &seen.latencies;
            ensure!(!all.is_empty(), "no call has ended");
            for (part, name) in [(50, "p50"), (99, "p99")] {
                let latency = all[(all.len() - 1) * part / 100];
                measures.push(point(
                    &format!("a call, {name}, {workers} workers, {percent} % asked"),
                    "µs",
                    [
                        "latency in virtual time",
                        &format!("{name}, {workers} workers"),
                        "asked of all worker time, %",
                    ],
                    (f64::from(percent), micros(latency)),
                ));
            }
        }
    }
    Ok(measures)
}
