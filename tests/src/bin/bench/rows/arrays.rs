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
    measures.push(gibibytes(options)?);
    Ok(measures)
}

/// An array that is larger than any guest's memory, in parts; what stands in the floor's place is one of a gibibyte.
fn gibibytes(options: &Options) -> Result<Measure> {
    const MANY: usize = 10;
    let many = if options.quick { 2 } else { MANY };
    let name = format!("fill and sum an array of {many} GiB in parts");
    let measure = Measure::new(7, name, "ms a GiB")
        .aim_ratios((Some(1.15), None))
        .floor_is("an array of 1 GiB");
    let available = memory("MemAvailable")?;
    // What else is there keeps a gibibyte.
    if available < (many as u64 + 1) << 30 {
        return Ok(measure.note(&format!("{} MiB of memory are available", available >> 20)));
    }
    let mut measure = measure;
    for _ in 0..options.few_rounds(2) {
        let each = |gibibytes: usize| -> Result<f64> {
            let time = ours::arrays::fill_and_sum(gibibytes)?;
            Ok(micros(time) / 1e3 / gibibytes as f64)
        };
        measure.floor.0.push(each(1)?);
        measure.ours.0.push(each(many)?);
    }
    Ok(measure)
}
