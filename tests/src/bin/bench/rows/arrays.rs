//! Row 7: arrays of any size in a task.

use anyhow::{Result, ensure};
use wasmpool_tests::figures::machine::memory;
use wasmpool_tests::figures::measure::Measure;
use wasmpool_tests::figures::series::micros;

use crate::neighbour::Neighbour;
use crate::options::Options;
use crate::{floor, ours};

/// Row 7: an array of a gibibyte in a task, and smaller ones.
pub(super) fn arrays(options: &Options, neighbour: Neighbour) -> Result<Vec<Measure>> {
    const TIMES: u32 = 100;
    let mut measures = Vec::new();
    let largest = options.scale(1 << 27);
    for len in [1 << 13, 1 << 16, 1 << 20, 1 << 22, largest] {
        let mib = len as f64 / f64::from(1 << 17);
        let name = format!("attach and detach, {mib} MiB");
        let mut measure = Measure::new(7, name, "µs")
            .aim_beyond(20.0)
            .floor_is("mmap and munmap")
            .at("attach an array", "wasmpool", "size of the array, MiB", mib);
        measure.head = len == largest;
        let (ours, floor) = (
            ours::arrays::Numbers::new(len)?,
            floor::mapping::Numbers::new(len)?,
        );
        for _ in 0..options.rounds {
            measure.ours.0.push(micros(ours.attach(TIMES)?));
            measure.floor.0.push(micros(floor.attach(TIMES)?));
        }
        measures.push(measure);
    }
    let name = format!("attach and sum, {} MiB", largest >> 17);
    let mut measure = Measure::new(7, name, "ms")
        .aim_ratios((Some(1.15), Some(1.0)))
        .floor_is("native sum")
        .beside(if neighbour.has("numpy") {
            "shared_memory and numpy"
        } else {
            "shared_memory"
        })
        .head();
    let (ours, floor) = (
        ours::arrays::Numbers::new(largest)?,
        floor::mapping::Numbers::new(largest)?,
    );
    let expected = (0..largest).fold(0, u64::wrapping_add);
    for _ in 0..options.rounds {
        for (series, (time, sum)) in [
            (&mut measure.ours, ours.sum()?),
            (&mut measure.floor, floor.sum()?),
        ] {
            ensure!(sum == expected, "the sum is {sum} and not {expected}");
            series.0.push(micros(time) / 1e3);
        }
        let theirs = neighbour.measure("sum", &[largest.to_string()])?;
        let theirs = theirs.unwrap_or_default().into_iter();
        measure
            .neighbour
            .0
            .extend(theirs.map(|seconds| seconds * 1e3));
    }
    measures.push(measure);
    measures.extend(gibibytes(options)?);
    Ok(measures)
}

/// Arrays that are filled and added up in parts, the second larger than any guest's memory. The floor is the same by native
/// threads: of pages that are made on the way, the kernel's work is most of it.
fn gibibytes(options: &Options) -> Result<Vec<Measure>> {
    let large = if options.quick { 2 } else { 10 };
    let mut measures = Vec::new();
    for gibibytes in [1, large] {
        let name = format!("fill and sum an array of {gibibytes} GiB in parts");
        let mut measure = Measure::new(7, name, "ms a GiB")
            .aim_ratios((Some(1.15), None))
            .floor_is("native threads");
        let available = memory("MemAvailable")?;
        // What else is there keeps a gibibyte.
        if available < (gibibytes as u64 + 1) << 30 {
            measures
                .push(measure.note(&format!("{} MiB of memory are available", available >> 20)));
            continue;
        }
        let each = |time: std::time::Duration| micros(time) / 1e3 / gibibytes as f64;
        // A machine that is itself a guest gets memory of its host when it first touches it.
        floor::mapping::fill_and_sum(gibibytes)?;
        for round in 0..options.few_rounds(3) {
            // Who comes second finds the pages that the other has just let go.
            let (ours, floor) = match round % 2 {
                0 => {
                    let ours = ours::arrays::fill_and_sum(gibibytes)?;
                    (ours, floor::mapping::fill_and_sum(gibibytes)?)
                }
                _ => {
                    let floor = floor::mapping::fill_and_sum(gibibytes)?;
                    (ours::arrays::fill_and_sum(gibibytes)?, floor)
                }
            };
            measure.ours.0.push(each(ours));
            measure.floor.0.push(each(floor));
        }
        measures.push(measure);
    }
    Ok(measures)
}
