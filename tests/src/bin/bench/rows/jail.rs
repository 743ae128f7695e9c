//! Row 17: what the jail costs. What stands in the floor's place are the same pools without walls.

use std::time::Duration;

use anyhow::Result;
use wasmpool::{Isolation, Jail};

use crate::neighbour::Neighbour;
use crate::options::Options;
use crate::ours;
use crate::report::Measure;
use crate::series::micros;

/// Many tiny tasks, and many starts of a worker: with all walls that this machine has, and with none.
pub(super) fn price(options: &Options, _neighbour: Neighbour) -> Result<Vec<Measure>> {
    let workers = std::thread::available_parallelism()?.get();
    let (tasks, starts) = (options.scale(1_000_000), options.scale(4_000));
    let mut map = Measure::new(17, "map, all walls against none".to_owned(), "µs a task")
        .aim_ratios((Some(1.05), None))
        .floor_is("no walls")
        .head();
    let mut start = Measure::new(
        17,
        "start of a worker for each task, all walls against none".to_owned(),
        "ms",
    )
    .aim_beyond(0.3)
    .floor_is("no walls")
    .head();
    let micros_each = |time: Duration, count: u64| micros(time) / count as f64;
    for round in 0..options.rounds {
        // The one that comes second finds the machine as the first has left it: they take turns at that too.
        let mut order = [Jail::Default, Jail::Off];
        order.rotate_left(round % 2);
        for jail in order {
            let task = ours::map(jail, Isolation::Task, tasks, workers)?;
            let process = ours::map(jail, Isolation::Process, starts, 1)?;
            let (map, start) = match jail {
                Jail::Off => (&mut map.floor, &mut start.floor),
                _ => (&mut map.ours, &mut start.ours),
            };
            map.0.push(micros_each(task, tasks));
            start.0.push(micros_each(process, starts) / 1e3);
        }
    }
    Ok(vec![map, start])
}
