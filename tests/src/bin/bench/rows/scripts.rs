//! The row of scripts: functions in JavaScript and Python, run by an interpreter and as components.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use wasmpool::{Encoded, Isolation, Pool, ScriptLanguage, Task};
use wasmpool_abi::to_vec;
use wasmpool_tests::{
    componentized, guests,
    interpreters::{self, Interpreter},
    kinds,
};

use crate::neighbour::Neighbour;
use crate::options::Options;
use crate::report::Measure;
use crate::series::{micros, quantile};

/// What each measure is of, in which unit, and which process of the language stands beside it.
const PARTS: [(&str, &str, &str); 3] = [
    (
        "first result of a pool, module in the cache",
        "ms",
        "a process",
    ),
    ("call, fresh instance", "µs", "a process a call"),
    (
        "map, an instance a batch",
        "µs a task",
        "a kept process, a line to and fro",
    ),
];

/// Row 19: a function that adds two numbers, with each interpreter that is there and as each component that could be made.
/// The floor is an interpreter that only repeats what it was given, the neighbour a process of `node` or `python3`.
pub(super) fn scripts(options: &Options, _: Neighbour) -> Result<Vec<Measure>> {
    let (calls, items) = (options.scale(2_000), options.scale(20_000));
    let mut all = Vec::new();
    for language in interpreters::LANGUAGES {
        let found = interpreters::all()
            .iter()
            .find(|it| it.language == language);
        let Some(interpreter) = found else {
            all.push(missing(language.name(), "its interpreter is not built"));
            continue;
        };
        let mut measures = PARTS.map(|(what, unit, _)| {
            Measure::new(19, format!("{}, {what}", language.name()), unit)
                .floor_is("an interpreter that repeats")
        });
        for (measure, (_, _, beside)) in measures.iter_mut().zip(PARTS) {
            measure.beside = Some(format!("{}: {beside}", program(language)));
        }
        // Into the cache.
        let _ = ours(interpreter, 1, 1)?;
        for _ in 0..options.rounds {
            let ours = ours(interpreter, calls, items)?;
            let floor = repeated(calls, items)?;
            let theirs = theirs(language, options.scale(100), items)?;
            for (at, measure) in measures.iter_mut().enumerate() {
                measure.ours.0.push(ours[at]);
                measure.floor.0.push(floor[at]);
                measure.neighbour.0.extend(theirs.map(|it| it[at]));
            }
        }
        all.extend(measures);
    }
    all.extend(components(options, calls, items)?);
    Ok(all)
}

/// What is measured of the components.
fn components(options: &Options, calls: u64, items: u64) -> Result<Vec<Measure>> {
    let input = to_vec::<Vec<f64>, _>(&vec![1.0, 2.0, 6.0])?;
    let output = to_vec::<f64, _>(&3.0)?;
    let mut all = Vec::new();
    for tool in componentized::names() {
        let found = componentized::all().iter().find(|it| it.tool == tool);
        let Some(component) = found else {
            all.push(missing(tool, "it is not installed"));
            continue;
        };
        let mut measures =
            PARTS.map(|(what, unit, _)| Measure::new(19, format!("{tool}, {what}"), unit));
        let round = |calls, items| {
            let find = |pool: &Pool| Ok(pool.load(&component.path)?.dynamic("mean")?);
            times(find, (&input, &output), calls, items)
        };
        let _ = round(1, 1)?;
        for _ in 0..options.rounds {
            for (measure, ours) in measures.iter_mut().zip(round(calls, items)?) {
                measure.ours.0.push(ours);
            }
        }
        all.extend(measures);
    }
    Ok(all)
}

/// What is not there, and why.
fn missing(name: &str, why: &str) -> Measure {
    Measure::new(19, name.to_owned(), "µs").note(why)
}

/// The function as a script.
fn source(language: ScriptLanguage) -> &'static str {
    match language {
        ScriptLanguage::Python => "def add(a, b):\n    return a + b\n",
        _ => "export function add(a, b) { return a + b; }",
    }
}

/// The time to a first result, of a call, and of a task of a map.
fn ours(interpreter: &Interpreter, calls: u64, items: u64) -> Result<[f64; 3]> {
    let source = source(interpreter.language);
    let find = |pool: &Pool| {
        let module = pool.load(&interpreter.module)?;
        Ok(module.interpreter()?.script("add", source).dynamic("add"))
    };
    times(find, (b"[1,2]", b"3"), calls, items)
}

/// The same of the interpreter that repeats.
fn repeated(calls: u64, items: u64) -> Result<[f64; 3]> {
    let find = |pool: &Pool| {
        let module = pool.load(guests::parrot())?;
        Ok(module.interpreter()?.script("add", "").dynamic("repeat"))
    };
    times(find, (b"[1,2]", b"[1,2]"), calls, items)
}

/// The times of a task, which gives one output for one input.
fn times(
    find: impl Fn(&Pool) -> Result<Task<Encoded, Encoded>>,
    (input, output): (&[u8], &[u8]),
    calls: u64,
    items: u64,
) -> Result<[f64; 3]> {
    let one = || Encoded(input.to_vec());
    let check = |answer: Encoded| {
        let text = String::from_utf8_lossy(&answer.0);
        ensure!(answer.0 == output, "another answer: {text}");
        Ok(())
    };
    let begun = Instant::now();
    let pool = kinds::builder().workers(1).build()?;
    let task = find(&pool)?;
    check(task.call(one())?)?;
    let first = begun.elapsed();
    let each: Vec<f64> = (0..calls)
        .map(|_| {
            let begun = Instant::now();
            check(task.call(one())?)?;
            Ok(micros(begun.elapsed()))
        })
        .collect::<Result<_>>()?;
    let kept = task.isolation(Isolation::Batch);
    let begun = Instant::now();
    for outcome in pool.imap(&kept, (0..items).map(|_| one())) {
        check(outcome?)?;
    }
    let item = micros(begun.elapsed()) / count(items);
    Ok([
        micros(first) / 1e3,
        quantile(&each, 0.5).unwrap_or_default(),
        item,
    ])
}

/// What runs the language outside of the pool.
fn program(language: ScriptLanguage) -> &'static str {
    match language {
        ScriptLanguage::Python => "python3",
        _ => "node",
    }
}

/// The same times of processes of the language's own: nothing where it is not installed.
fn theirs(language: ScriptLanguage, starts: u64, items: u64) -> Result<Option<[f64; 3]>> {
    // Each line is the JSON of one call's arguments.
    let text = match language {
        ScriptLanguage::Python => {
            "import json, sys\ndef add(a, b):\n    return a + b\nfor line in sys.stdin:\n    print(json.dumps(add(*json.loads(line))), flush=True)\n"
        }
        _ => {
            "const add = (a, b) => a + b;\nrequire('readline').createInterface({ input: process.stdin })\n    .on('line', (line) => console.log(JSON.stringify(add(...JSON.parse(line)))));"
        }
    };
    let flag = match language {
        ScriptLanguage::Python => "-c",
        _ => "-e",
    };
    let mut command = Command::new(program(language));
    command
        .args([flag, text])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut each = Vec::new();
    for _ in 0..starts {
        let begun = Instant::now();
        let mut child = match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            child => child?,
        };
        child
            .stdin
            .take()
            .context("it is piped")?
            .write_all(b"[1,2]\n")?;
        let ended = child.wait_with_output()?;
        ensure!(ended.stdout == b"3\n", "another answer");
        each.push(micros(begun.elapsed()));
    }
    let mut child = command.spawn()?;
    let mut input = child.stdin.take().context("it is piped")?;
    let mut output = BufReader::new(child.stdout.take().context("it is piped")?);
    let mut line = String::new();
    let mut ask = || {
        input.write_all(b"[1,2]\n")?;
        line.clear();
        output.read_line(&mut line)?;
        ensure!(line == "3\n", "another answer: {line:?}");
        Ok(())
    };
    // It has begun.
    ask()?;
    let begun = Instant::now();
    for _ in 0..items {
        ask()?;
    }
    let item = micros(begun.elapsed()) / count(items);
    drop(input);
    child.wait()?;
    let process = quantile(&each, 0.5).unwrap_or_default();
    Ok(Some([process / 1e3, process, item]))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a number of tasks that somebody waits for"
)]
fn count(items: u64) -> f64 {
    items as f64
}
