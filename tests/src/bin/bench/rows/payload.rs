//! Row 6: much data, there and back; and when to share it instead.

use anyhow::Result;
use wasmpool_tests::figures::measure::Measure;
use wasmpool_tests::figures::series::{micros, quantile};

use crate::neighbour::Neighbour;
use crate::options::Options;
use crate::{floor, ours};

const MIB: usize = 1 << 20;

/// Calls with much data in a round, of which the middle one counts.
const CALLS: usize = 5;

/// 64 MiB as an argument and as the result. Then the sum of numbers that are an argument, that lie in an array, and that are
/// written into an array for the call.
pub(super) fn payloads(options: &Options, neighbour: Neighbour) -> Result<Vec<Measure>> {
    let bytes = if options.quick { 16 * MIB } else { 64 * MIB };
    let name = format!("{} MiB argument and result", bytes / MIB);
    let mut measure = Measure::new(6, name, "ms")
        .aim_ratios((Some(1.5), Some(0.15)))
        .floor_is("4 × memcpy")
        .head();
    let echo = ours::payload::Echo::new(1)?;
    let copies = floor::payload::Copies::new(bytes);
    for _ in 0..options.rounds {
        // The floor's memory is ready too.
        let times = echo.calls(bytes, CALLS)?.into_iter().map(micros);
        let times: Vec<f64> = times.collect();
        measure
            .ours
            .0
            .extend(quantile(&times, 0.5).map(|it| it / 1e3));
        measure.floor.0.push(micros(copies.time(4)?) / 1e3);
        let figures = neighbour.measure("echo", &[bytes.to_string()])?;
        let figures = figures.unwrap_or_default().into_iter();
        measure.neighbour.0.extend(figures.map(|it| it * 1e3));
    }
    let mut measures = vec![measure];
    measures.extend(sums(options)?);
    Ok(measures)
}

fn sums(options: &Options) -> Result<Vec<Measure>> {
    let mut measures = Vec::new();
    let sums = ours::payload::Sums::new()?;
    let largest = if options.quick { 4 * MIB } else { 64 * MIB };
    let sizes = [1 << 10, 1 << 13, 1 << 16, 1 << 19, 4 * MIB, 64 * MIB];
    for bytes in sizes.into_iter().filter(|it| *it <= largest) {
        let calls = (16 * MIB / bytes).clamp(3, options.scale(1000).try_into()?);
        let numbers = sums.numbers(bytes / size_of::<f64>())?;
        for way in ours::payload::Way::ALL {
            let kib = bytes as f64 / 1024.0;
            let name = format!("sum of {kib} KiB of numbers, {way}");
            let mut measure = Measure::new(6, name, "µs").at(
                "argument or array",
                &way.to_string(),
                "numbers, KiB",
                kib,
            );
            for _ in 0..options.few_rounds(5) {
                let times = numbers.sum(way, calls)?.into_iter().map(micros);
                measure
                    .ours
                    .0
                    .extend(quantile(&times.collect::<Vec<_>>(), 0.5));
            }
            measures.push(measure);
        }
    }
    Ok(measures)
}
