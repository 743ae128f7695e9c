//! The row of many tenants.

use anyhow::Result;

use crate::neighbour::Neighbour;
use crate::options::Options;
use crate::ours;
use crate::report::Measure;
use crate::series::{micros, quantile};

/// Row 18: a thousand tenants called in random order, each with a module of its own. The floor is a process for each task.
pub(super) fn many(options: &Options, _: Neighbour) -> Result<Vec<Measure>> {
    let tenants = options.scale(1000);
    let calls = 4 * tenants;
    let name = |part| format!("apply, {tenants} tenants in random order, {part}");
    let mut measures = [
        (
            0.5,
            Measure::new(18, name("p50"), "ms")
                .aim_at_most(2.0)
                .floor_is("row 10")
                .head(),
        ),
        (0.99, Measure::new(18, name("p99"), "ms").floor_is("row 10")),
        // The longest wait of all: nobody starves.
        (
            1.0,
            Measure::new(18, name("longest"), "ms")
                .floor_is("row 10")
                .head(),
        ),
    ];
    let ours = ours::tenants::Tenants::new(tenants)?;
    for _ in 0..options.rounds {
        let times: Vec<f64> = ours.call(calls)?.into_iter().map(micros).collect();
        let floor: Vec<f64> = ours::tenants::process_per_task(calls)?
            .into_iter()
            .map(micros)
            .collect();
        for (part, measure) in &mut measures {
            let part = |times: &[f64]| quantile(times, *part).map(|time| time / 1e3);
            measure.ours.0.extend(part(&times));
            measure.floor.0.extend(part(&floor));
        }
    }
    Ok(measures.map(|(_, measure)| measure).into())
}
