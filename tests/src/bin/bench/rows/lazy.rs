//! Row 4: endless input, taken as the outcomes are asked for.

use anyhow::{Result, ensure};
use wasmpool::{Isolation, Jail};
use wasmpool_tests::figures::measure::Measure;
use wasmpool_tests::figures::series::micros;

use crate::neighbour::Neighbour;
use crate::options::Options;
use crate::ours;
use crate::ours::lazy::Order;

/// How much the host may grow, in MiB: what an allocator keeps for itself comes and goes, and a byte for each item would be
/// more than this.
const FLAT: f64 = 4.0;

/// Endless input in both orders, and what the host has grown by after ten million items. What stands in the floor's place is
/// row 2: the same tasks in one map.
pub(super) fn lazy(options: &Options, neighbour: Neighbour) -> Result<Vec<Measure>> {
    let workers = std::thread::available_parallelism()?.get();
    let (tasks, theirs) = (options.scale(1_000_000), options.scale(100_000));
    let mut measures = Vec::new();
    for order in [Order::Kept, Order::AsTheyEnd] {
        let mut measure = Measure::new(4, format!("{order}, endless input"), "µs a task")
            .aim_ratios((Some(1.2), None))
            .floor_is("row 2, the same as one map")
            .head();
        if order == Order::AsTheyEnd {
            measure = measure.beside("imap_unordered of multiprocessing");
        }
        for _ in 0..options.few_rounds(3) {
            let (time, _) = ours::lazy::endless(order, tasks, workers)?;
            measure.ours.0.push(micros(time) / tasks as f64);
            let map = ours::map(Jail::Default, Isolation::Task, tasks, workers)?;
            measure.floor.0.push(micros(map) / tasks as f64);
            if order == Order::AsTheyEnd {
                let arguments = [theirs.to_string(), workers.to_string()];
                let figures = neighbour.measure("imap_unordered", &arguments)?;
                let figures = figures.unwrap_or_default().into_iter();
                let figures = figures.map(|seconds| seconds * 1e6 / theirs as f64);
                measure.neighbour.0.extend(figures);
            }
        }
        measures.push(measure);
    }
    let many = options.scale(10_000_000);
    for order in [Order::Kept, Order::AsTheyEnd] {
        let (_, grown) = ours::lazy::endless(order, many, workers)?;
        let name = format!("{order}, the host has grown after {many} items");
        let mut measure = Measure::new(4, name, "MiB").aim_at_most(FLAT).head();
        measure.ours.0.push(grown as f64 / f64::from(1 << 20));
        // More than noise: no figure then, but a row that fails.
        ensure!(
            grown < 16 << 20,
            "the host has grown by {grown} bytes over {many} items of {order}"
        );
        measures.push(measure);
    }
    Ok(measures)
}
