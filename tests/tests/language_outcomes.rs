//! How tasks end in each language, when they do not end well: kind, words and place of each failure, as the table in
//! `docs/guests/README.md` has them.

use std::{env, fs};

use anyhow::{Context as _, Result, bail, ensure};
use wasmpool::{ByteSize, Module, Task, TaskError};
use wasmpool_tests::{kinds, languages, project};

/// What comes before the table, and after it.
const BEGIN: &str = "<!-- how tasks end: written with WASMPOOL_WRITE_OUTCOMES=1 -->\n";
const END: &str = "<!-- the end of the table -->";

/// What the task does, in words, and the task with its argument.
const ACTS: &[(&str, &str, &str)] = &[
    ("returns its own error", "refuse", "no such thing"),
    ("panics, throws, dies", "crash", "no such thing"),
    ("divides by zero", "end", "divide"),
    ("uses a wild pointer", "end", "pointer"),
    ("exits with code 3", "end", "exit"),
    ("allocates without end", "end", "memory"),
    ("calls itself without end", "end", "stack"),
    ("the same with large local data", "end", "data"),
];

/// What stands in the table of one end: its kind, its words, and what is told of the place.
fn cell(error: &TaskError, source: &str) -> String {
    let (message, panicked) = match error {
        TaskError::Guest { message, panic, .. } => (message.clone(), panic.as_ref()),
        // How much it was differs.
        TaskError::Memory { .. } => ("failed for want of memory".to_owned(), None),
        other => (other.to_string().replace("wasm trap: ", ""), None),
    };
    let here = |file: &str| file.ends_with(source);
    let frames = error.backtrace();
    let place = if panicked.is_some_and(|(file, line)| here(file) && *line > 1)
        || frames
            .iter()
            .any(|frame| frame.file.as_deref().is_some_and(here) && frame.line.is_some())
    {
        ", file and line"
    } else if frames.iter().any(|frame| !frame.function.is_empty()) {
        ", functions"
    } else {
        ""
    };
    format!("`{}`: {message}{place}", error.kind())
}

/// One column.
fn ends(module: &Module, source: &str) -> Result<Vec<String>> {
    let tasks = ACTS.iter().map(|(words, name, argument)| {
        let task: Task<String, ()> = module.task(name)?;
        match task.call(*argument) {
            Ok(()) => bail!("a task that {words} succeeded"),
            Err(error) => Ok(cell(&error, source)),
        }
    });
    tasks.collect()
}

/// With `WASMPOOL_WRITE_OUTCOMES` set it writes the table instead, for which all languages have to be there.
#[test]
fn every_end_is_told_as_the_documentation_says() -> Result<()> {
    let pool = kinds::builder().memory(ByteSize::mib(64)).build()?;
    let mut columns = Vec::new();
    for guest in languages::all() {
        let module = pool.load(&guest.module)?;
        let column = ends(&module, guest.source).with_context(|| guest.name)?;
        columns.push((languages::title(guest.name), column));
    }
    let path = project().join("docs/guests/README.md");
    let document = fs::read_to_string(&path)?;
    let (before, rest) = document.split_once(BEGIN).context("no beginning")?;
    let (table, after) = rest.split_once(END).context("no end")?;
    if env::var_os("WASMPOOL_WRITE_OUTCOMES").is_some() {
        let table = markdown(&columns);
        return Ok(fs::write(
            path,
            format!("{before}{BEGIN}\n{table}\n{END}{after}"),
        )?);
    }
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let [heading, _, rows @ ..] = rows.as_slice() else {
        bail!("there is no table")
    };
    ensure!(rows.len() == ACTS.len(), "{} rows", rows.len());
    for (title, cells) in &columns {
        let column = heading.iter().position(|shown| shown == title);
        let column = column.with_context(|| format!("{title} has no column"))?;
        for (row, (cell, (words, ..))) in rows.iter().zip(cells.iter().zip(ACTS)) {
            ensure!(row[0] == *words, "{:?} and not {words:?}", row[0]);
            ensure!(
                row[column] == cell,
                "a {title} task that {words}: {cell:?}; the table has {:?}",
                row[column]
            );
        }
    }
    ensure!(
        heading.len() == languages::names().count() + 2,
        "{heading:?}"
    );
    Ok(())
}

fn markdown(columns: &[(&str, Vec<String>)]) -> String {
    let titles: Vec<_> = columns.iter().map(|(title, _)| *title).collect();
    let mut lines = vec![
        format!("| a task that | {} |", titles.join(" | ")),
        format!("|---|{}", "---|".repeat(titles.len())),
    ];
    for (row, (words, ..)) in ACTS.iter().enumerate() {
        let cells: Vec<_> = columns.iter().map(|(_, cells)| &*cells[row]).collect();
        lines.push(format!("| {words} | {} |", cells.join(" | ")));
    }
    lines.join("\n") + "\n"
}
