//! The row of scripts.

use std::time::Instant;

use anyhow::{Result, ensure};
use wasmpool::{Isolation, Script};
use wasmpool_tests::interpreters::{self, Interpreter};
use wasmpool_tests::{guests, kinds};

use crate::neighbour::Neighbour;
use crate::options::Options;
use crate::report::Measure;
use crate::series::{micros, quantile};

/// Row 19: a function of a script that adds two numbers, with each interpreter that is there. The floor is an interpreter
/// that only repeats what it was given.
pub(super) fn scripts(options: &Options, _: Neighbour) -> Result<Vec<Measure>> {
    let mut measures = Vec::new();
    for interpreter in interpreters::all() {
        let name = |what: &str| format!("{}, {what}", interpreter.language.name());
        let mut first = Measure::new(
            19,
            name("first result of a pool, module in the cache"),
            "ms",
        );
        let mut call = Measure::new(19, name("call, fresh instance"), "µs");
        let mut batch = Measure::new(19, name("map, an instance a batch"), "µs a task");
        // Into the cache.
        let _ = round(interpreter, 1, 1)?;
        for _ in 0..options.rounds {
            let ours = round(interpreter, options.scale(2_000), options.scale(20_000))?;
            let floor = repeated(options.scale(2_000), options.scale(20_000))?;
            for (measure, at) in [(&mut first, 0), (&mut call, 1), (&mut batch, 2)] {
                measure.ours.0.push(ours[at]);
                measure.floor.0.push(floor[at]);
            }
        }
        measures.extend([first, call, batch]);
    }
    Ok(measures)
}

/// The time to a first result, of a call, and of a task of a map.
fn round(interpreter: &Interpreter, calls: u64, items: u64) -> Result<[f64; 3]> {
    let source = match interpreter.language {
        wasmpool::ScriptLanguage::Python => "def add(a, b):\n    return a + b\n",
        _ => "export function add(a, b) { return a + b; }",
    };
    times(&interpreter.module, source, "add", calls, items)
}

/// The same of the interpreter that repeats.
fn repeated(calls: u64, items: u64) -> Result<[f64; 3]> {
    times(guests::parrot(), "", "repeat", calls, items)
}

fn times(
    module: &std::path::Path,
    source: &str,
    function: &str,
    calls: u64,
    items: u64,
) -> Result<[f64; 3]> {
    let begun = Instant::now();
    let pool = kinds::builder().workers(1).build()?;
    let script: Script = pool.load(module)?.interpreter()?.script("add", source);
    let task = script.dynamic(function);
    let one = || wasmpool::Encoded(b"[1,2]".to_vec());
    let answer = task.call(one())?;
    let first = begun.elapsed();
    ensure!(!answer.0.is_empty(), "nothing came of it");
    let each: Vec<f64> = (0..calls)
        .map(|_| {
            let begun = Instant::now();
            ensure!(task.call(one())? == answer, "another answer");
            Ok(micros(begun.elapsed()))
        })
        .collect::<Result<_>>()?;
    let kept = task.isolation(Isolation::Batch);
    let begun = Instant::now();
    for outcome in pool.imap(&kept, (0..items).map(|_| one())) {
        ensure!(outcome? == answer, "another answer");
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "a number of tasks that somebody waits for"
    )]
    let item = micros(begun.elapsed()) / items as f64;
    Ok([
        micros(first) / 1e3,
        quantile(&each, 0.5).unwrap_or_default(),
        item,
    ])
}
