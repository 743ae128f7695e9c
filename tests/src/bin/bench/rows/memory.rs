//! Row 15: what workers take of memory while they wait.

use anyhow::Result;
use wasmpool_tests::figures::measure::Measure;

use crate::neighbour::Neighbour;
use crate::options::Options;
use crate::{floor, ours};

/// Of one worker that waits for its next task.
const PER_WORKER: f64 = 2.0;

/// The share of memory of an idle worker, beside that of a child that was forked and does nothing, and of one of Python's
/// pool; then of a thousand tenants whose workers are parked, all together.
pub(super) fn memory(options: &Options, neighbour: Neighbour) -> Result<Vec<Measure>> {
    const WORKERS: usize = 16;
    let tenants = options.scale(1000);
    let idle = "memory of an idle worker (PSS)".to_owned();
    let mut idle = Measure::new(15, idle, "MiB")
        .aim_at_most(PER_WORKER)
        .floor_is("a forked child")
        .beside("a child of Pool")
        .head();
    let mut large = Measure::new(
        15,
        "memory of an idle worker after a task that used 64 MiB (PSS)".to_owned(),
        "MiB",
    )
    .aim_at_most(PER_WORKER);
    let mut parked = Measure::new(
        15,
        format!("memory of a parked tenant, host and all processes over {tenants}"),
        "MiB",
    )
    .aim_at_most(PER_WORKER)
    .head();
    let mut host = Measure::new(
        15,
        format!("the host's part of it over {tenants} tenants"),
        "MiB",
    );
    let mebibytes = |bytes: f64| bytes / f64::from(1 << 20);
    for round in 0..options.few_rounds(3) {
        let Some(ours) = ours::memory::idle(WORKERS, 0)? else {
            return Ok(vec![
                idle.note("the kernel hides a worker's memory from this user"),
            ]);
        };
        idle.ours.0.push(mebibytes(ours));
        let floor = mebibytes(floor::memory::forked(WORKERS)?);
        idle.floor.0.push(floor);
        let theirs = neighbour.measure("idle", &[WORKERS.to_string()])?;
        let theirs = theirs.unwrap_or_default().into_iter();
        idle.neighbour.0.extend(theirs.map(mebibytes));
        large
            .ours
            .0
            .extend(ours::memory::idle(WORKERS, 64)?.map(mebibytes));
        if round == 0 {
            let each = ours::memory::parked(tenants)?;
            parked.ours.0.push(mebibytes(each.all));
            host.ours.0.push(mebibytes(each.host));
        }
    }
    Ok(vec![idle, large, parked, host])
}
