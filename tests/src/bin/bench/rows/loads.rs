//! Row 14: loading a module that was never seen, that lies in the cache, and that this pool has already.

use anyhow::Result;
use wasmpool_tests::figures::measure::Measure;
use wasmpool_tests::figures::series::micros;
use wasmpool_tests::guests;

use crate::neighbour::Neighbour;
use crate::options::Options;
use crate::{floor, ours};

/// Reads, compiles, keeps and finds again one ordinary WASI command. The floor reads the module's file and maps as much code.
pub(super) fn loads(options: &Options, neighbour: Neighbour) -> Result<Vec<Measure>> {
    let command = guests::command();
    let size = std::fs::metadata(command)?.len();
    let name = |what: &str| format!("load a module of {} KiB, {what}", size >> 10);
    let floor = "read the file, map the code";
    let measure = |what: &str| Measure::new(14, name(what), "ms").floor_is(floor);
    let mut cold = measure("never seen").beside("Extism");
    let mut cached = measure("from the cache")
        .aim_at_most(2.0)
        .beside("Extism")
        .head();
    let mut again = measure("second time in one pool").beside("Extism").head();
    let mut cold_wasmtime = measure("never seen").beside("wasmtime for Python");
    let mut cached_wasmtime = measure("from the cache").beside("wasmtime for Python, precompiled");
    let path = [command.to_string_lossy().into_owned()];
    for _ in 0..options.few_rounds(5) {
        let times = ours::loads::measure(command)?;
        let floor = micros(floor::loads::read_and_map(command, times.code)?) / 1e3;
        for (measure, time) in [
            (&mut cold, times.cold),
            (&mut cached, times.cached),
            (&mut again, times.again),
            (&mut cold_wasmtime, times.cold),
            (&mut cached_wasmtime, times.cached),
        ] {
            measure.ours.0.push(micros(time) / 1e3);
            measure.floor.0.push(floor);
        }
        // Cold, cached and again, each; wasmtime by itself has nothing for the third.
        for (package, measures) in [
            ("extism", &mut [&mut cold, &mut cached, &mut again][..]),
            (
                "wasmtime",
                &mut [&mut cold_wasmtime, &mut cached_wasmtime][..],
            ),
        ] {
            if neighbour.has(package) {
                let figures = neighbour.measure(package, &path)?.unwrap_or_default();
                for (measure, figure) in measures.iter_mut().zip(figures) {
                    measure.neighbour.0.push(figure * 1e3);
                }
            }
        }
    }
    let mut measures = vec![cold, cached, again];
    if neighbour.has("wasmtime") {
        measures.extend([cold_wasmtime, cached_wasmtime]);
    }
    Ok(measures)
}
