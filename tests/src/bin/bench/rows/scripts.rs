//! The row of scripts: a function in JavaScript and Python, run by an interpreter and as a component.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use wasmpool::{Encoded, Isolation, Pool, ScriptLanguage, Task};
use wasmpool_abi::to_vec;
use wasmpool_tests::{
    componentized, guests,
    interpreters::{self, LANGUAGES},
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

/// How long, in microseconds, the calls of a round take at most, and the tasks of its map. Some take a hundred times what
/// others take.
const ROUND: f64 = 1e6;

/// Row 19: the mean of three numbers, with each interpreter that is there and as each component that could be made.
/// The floors are an interpreter that only repeats what it was given, and a component with no engine in it; the neighbour is a
/// process of `node` or `python3`.
pub(super) fn scripts(options: &Options, _: Neighbour) -> Result<Vec<Measure>> {
    let mut all = Vec::new();
    for language in LANGUAGES {
        let mut there = interpreters::all().iter();
        let Some(interpreter) = there.find(|it| it.language == language) else {
            all.push(missing(language.name(), "its interpreter is not built"));
            continue;
        };
        let (source, answer) = script(language);
        let scripted = Subject {
            name: language.name().to_owned(),
            language,
            find: &|pool| {
                let interpreter = pool.load(&interpreter.module)?.interpreter()?;
                Ok(interpreter.script("mean", source).dynamic("mean"))
            },
            input: NUMBERS.as_bytes(),
            output: answer.as_bytes(),
        };
        let repeated = Subject {
            name: "an interpreter that repeats".to_owned(),
            find: &|pool| {
                let interpreter = pool.load(guests::parrot())?.interpreter()?;
                Ok(interpreter.script("mean", "").dynamic("repeat"))
            },
            output: NUMBERS.as_bytes(),
            ..scripted
        };
        all.extend(measures(options, &scripted, &repeated)?);
    }
    let input = to_vec::<Vec<f64>, _>(&vec![1.0, 2.0, 6.0])?;
    let output = to_vec::<f64, _>(&3.0)?;
    for tool in componentized::names() {
        let mut there = componentized::all().iter();
        let Some(component) = there.find(|it| it.tool == tool) else {
            all.push(missing(tool, "it is not installed"));
            continue;
        };
        let made = Subject {
            name: tool.to_owned(),
            language: ScriptLanguage::of(&component.source).context("it is of a language")?,
            find: &|pool| Ok(pool.load(&component.path)?.dynamic("mean")?),
            input: &input,
            output: &output,
        };
        let bare = Subject {
            name: "a component without an engine".to_owned(),
            find: &|pool| Ok(pool.load(guests::wat("mean"))?.dynamic("mean")?),
            ..made
        };
        all.extend(measures(options, &made, &bare)?);
    }
    Ok(all)
}

/// The arguments of the function, as JSON.
const NUMBERS: &str = "[1,2,6]";

/// The function as a script, and what it says.
fn script(language: ScriptLanguage) -> (&'static str, &'static str) {
    match language {
        ScriptLanguage::Python => (
            "def mean(numbers):\n    return sum(numbers) / len(numbers)\n",
            "3.0",
        ),
        _ => (
            "function mean(numbers) { return numbers.reduce((sum, n) => sum + n) / numbers.length; }",
            "3",
        ),
    }
}

/// What is not there, and why.
fn missing(name: &str, why: &str) -> Measure {
    Measure::new(19, name.to_owned(), "µs").note(why)
}

/// What is measured: a task, which gives one output for one input.
struct Subject<'a> {
    name: String,
    /// Whose process stands beside it.
    language: ScriptLanguage,
    find: &'a dyn Fn(&Pool) -> Result<Task<Encoded, Encoded>>,
    input: &'a [u8],
    output: &'a [u8],
}

/// All parts of a subject beside its floor.
fn measures(options: &Options, subject: &Subject<'_>, floor: &Subject<'_>) -> Result<[Measure; 3]> {
    let mut measures = PARTS.map(|(what, unit, beside)| {
        Measure::new(19, format!("{}, {what}", subject.name), unit)
            .floor_is(&floor.name)
            .beside(&format!("{}: {beside}", program(subject.language)))
    });
    // The call stands for all.
    measures[1].head = true;
    // Into the cache, and how many there can be.
    let _ = floor.times([1, 1])?;
    let [_, call, item] = subject.times([20, 200])?;
    let within = |full, each: f64| options.scale(full).min(whole(ROUND / each));
    // A map of few tasks would be the start of its instance.
    let counts = [within(2_000, call).max(20), within(20_000, item).max(200)];
    for _ in 0..options.rounds {
        let ours = subject.times(counts)?;
        let floor = floor.times(counts)?;
        let theirs = theirs(subject.language, options.scale(20), options.scale(5_000))?;
        for (at, measure) in measures.iter_mut().enumerate() {
            measure.ours.0.push(ours[at]);
            measure.floor.0.push(floor[at]);
            measure.neighbour.0.extend(theirs.map(|it| it[at]));
        }
    }
    Ok(measures)
}

impl Subject<'_> {
    /// The time to a first result, of a call, and of a task of a map.
    fn times(&self, [calls, items]: [u64; 2]) -> Result<[f64; 3]> {
        let one = || Encoded(self.input.to_vec());
        let check = |answer: Encoded| {
            let text = String::from_utf8_lossy(&answer.0);
            ensure!(answer.0 == self.output, "another answer: {text}");
            Ok(())
        };
        let begun = Instant::now();
        let pool = kinds::builder().workers(1).build()?;
        let task = (self.find)(&pool)?;
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
    let (source, answer) = script(language);
    let answer = format!("{answer}\n");
    // Each line is the JSON of one call's arguments.
    let (flag, text) = match language {
        ScriptLanguage::Python => (
            "-c",
            format!(
                "import json, sys\n{source}for line in sys.stdin:\n    print(json.dumps(mean(json.loads(line))), flush=True)\n"
            ),
        ),
        _ => (
            "-e",
            format!(
                "{source}\nrequire('readline').createInterface({{ input: process.stdin }})\n    .on('line', (line) => console.log(JSON.stringify(mean(JSON.parse(line)))));"
            ),
        ),
    };
    let line_of_numbers = format!("{NUMBERS}\n");
    let mut command = Command::new(program(language));
    command
        .args([flag, &text])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut each = Vec::new();
    for _ in 0..starts.max(1) {
        let begun = Instant::now();
        let mut child = match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            child => child?,
        };
        child
            .stdin
            .take()
            .context("it is piped")?
            .write_all(line_of_numbers.as_bytes())?;
        let ended = child.wait_with_output()?;
        ensure!(ended.stdout == answer.as_bytes(), "another answer");
        each.push(micros(begun.elapsed()));
    }
    let mut child = command.spawn()?;
    let mut input = child.stdin.take().context("it is piped")?;
    let mut output = BufReader::new(child.stdout.take().context("it is piped")?);
    let mut line = String::new();
    let mut ask = || {
        input.write_all(line_of_numbers.as_bytes())?;
        line.clear();
        output.read_line(&mut line)?;
        ensure!(line == answer, "another answer: {line:?}");
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

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of tasks, rounded"
)]
fn whole(items: f64) -> u64 {
    items as u64
}
