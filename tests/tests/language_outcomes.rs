//! How tasks end in each language, when they do not end well: kind, words and place of each failure, as the tables in
//! `docs/guests/README.md` have them.

use std::{env, fs, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use wasmpool::{ByteSize, Limits, Pool, ScriptError, ScriptLanguage, Task, TaskError};
use wasmpool_tests::{componentized, interpreters, kinds, languages, project};

/// What comes before the tables, and after them.
const BEGIN: &str = "<!-- how tasks end: written with WASMPOOL_WRITE_OUTCOMES=1 -->\n";
const END: &str = "<!-- the end of the tables -->";

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

/// What stands in a cell when the language has no such thing.
const NOTHING: &str = "–";
/// What comes before the words of a runtime that gave up.
const LAST_WORDS: &str = ", after these last words:\n";

/// Columns with their titles.
type Columns = Vec<(String, Vec<String>)>;

/// What the source of a script or of a component has no such thing as: the arguments.
fn lacks(source: &str) -> &'static [&'static str] {
    match source.ends_with(".py") {
        true => &["pointer", "data"],
        false => &["pointer", "data", "exit"],
    }
}

/// The title of an interpreter's column.
fn interpreted(language: ScriptLanguage) -> String {
    let title = match language {
        ScriptLanguage::Python => "Python",
        _ => "JavaScript",
    };
    format!("{title}, script")
}

/// The titles of all columns of each table, also of those that cannot be filled here.
fn titles() -> [Vec<String>; 2] {
    let kits = languages::names().map(languages::title);
    let kits = ["Rust"].into_iter().chain(kits).map(str::to_owned);
    let scripts = interpreters::LANGUAGES.into_iter().map(interpreted);
    let tools = componentized::names().map(str::to_owned);
    [kits.collect(), scripts.chain(tools).collect()]
}

/// What a runtime that gave up has said of an exception, and whether a place in the source is told.
fn last_words(message: &str, source: &str) -> Option<(String, bool)> {
    let (_, said) = message.split_once(LAST_WORDS)?;
    let quoted = said.split_once("message: Some(\"");
    let quoted = quoted.and_then(|(_, rest)| Some(rest.split_once("\")")?.0));
    let named = || said.lines().find(|line| line.contains("Error: "));
    let words = quoted.or_else(named).or_else(|| said.lines().next())?;
    // A place in a file is its name and a number.
    let is_told = said.split(source).skip(1).any(|rest| {
        let rest = rest.trim_start_matches(|it: char| !it.is_alphanumeric());
        let rest = rest.strip_prefix("line ").unwrap_or(rest);
        rest.starts_with(|it: char| it.is_ascii_digit())
    });
    Some((words.trim().to_owned(), is_told))
}

/// What stands in the table of one end: its kind, its words, and what is told of the place.
fn cell(error: &TaskError, source: &str) -> String {
    let here = |file: &str| file.ends_with(source);
    let frames = error.backtrace();
    let mut is_told = frames
        .iter()
        .any(|frame| frame.file.as_deref().is_some_and(here) && frame.line.is_some());
    let message = match error {
        // How much it was differs.
        TaskError::Memory { .. } => "failed for want of memory".to_owned(),
        TaskError::Guest { message, panic, .. } => {
            is_told |= panic
                .as_ref()
                .is_some_and(|(file, line)| here(file) && *line > 1);
            match error.guest_error::<ScriptError>() {
                Some(thrown) => {
                    is_told |= thrown.stack.iter().any(|it| here(&it.file) && it.line > 1);
                    format!("{}: {}", thrown.name, thrown.message.trim_end())
                }
                None => message.clone(),
            }
        }
        other => match last_words(&other.to_string(), source) {
            Some((line, with_place)) => {
                is_told |= with_place;
                line
            }
            None => other.to_string().replace("wasm trap: ", ""),
        },
    };
    let place = if is_told {
        ", file and line"
    } else if frames.iter().any(|frame| !frame.function.is_empty()) {
        ", functions"
    } else {
        ""
    };
    format!("`{}`: {message}{place}", error.kind())
}

/// One column. What the language has no such thing for is not tried.
fn ends(
    source: &str,
    lacks: &[&str],
    task: impl Fn(&str) -> Result<Task<String, ()>>,
) -> Result<Vec<String>> {
    let cells = ACTS.iter().map(|(words, name, argument)| {
        if lacks.contains(argument) {
            return Ok(NOTHING.to_owned());
        }
        match task(name)?.call(*argument) {
            Ok(()) => bail!("a task that {words} succeeded"),
            Err(error) => Ok(cell(&error, source)),
        }
    });
    cells.collect()
}

/// The columns of languages that have a kit.
fn with_kits(pool: &Pool) -> Result<Columns> {
    let mut columns = Vec::new();
    for guest in languages::all() {
        let module = pool.load(&guest.module)?;
        let cells = ends(guest.source, &[], |name| Ok(module.task(name)?));
        let title = languages::title(guest.name).to_owned();
        columns.push((title, cells.context(guest.name)?));
    }
    Ok(columns)
}

/// The columns of scripts, and of components that languages' own tools make.
fn with_engines(pool: &Pool) -> Result<Columns> {
    let mut columns = Vec::new();
    for interpreter in interpreters::all() {
        let script = interpreter.tasks(pool)?;
        let source = script.name();
        let cells = ends(source, lacks(source), |name| Ok(script.task(name)));
        let title = interpreted(interpreter.language);
        columns.push((title.clone(), cells.context(title)?));
    }
    for component in componentized::all() {
        let module = pool.load(&component.path)?;
        let source = &*component.source;
        let cells = ends(source, lacks(source), |name| Ok(module.task(name)?));
        columns.push((component.tool.to_owned(), cells.context(component.tool)?));
    }
    Ok(columns)
}

/// With `WASMPOOL_WRITE_OUTCOMES` set it writes the tables instead. Columns of what is not there stay as they are.
#[test]
fn every_end_is_told_as_the_documentation_says() -> Result<()> {
    let mut limits = Limits::default();
    // Some bring a large runtime along, and a busy machine takes its time to compile it.
    limits.compile_time = Duration::from_secs(300);
    let builder = kinds::builder().limits(limits);
    let pool = builder.memory(ByteSize::mib(64)).build()?;
    let path = project().join("docs/guests/README.md");
    let document = fs::read_to_string(&path)?;
    let (before, rest) = document.split_once(BEGIN).context("no beginning")?;
    let (tables, after) = rest.split_once(END).context("no end")?;
    let mut shown = tables
        .split("\n\n")
        .filter(|table| table.contains('|'))
        .map(Table::read);
    let mut written = String::new();
    for (found, titles) in [with_kits(&pool)?, with_engines(&pool)?]
        .into_iter()
        .zip(titles())
    {
        let shown = shown.next().context("a table is missing")??;
        if env::var_os("WASMPOOL_WRITE_OUTCOMES").is_some() {
            let column = |title: String| {
                let mut both = found.iter().chain(&shown.columns);
                let column = both.find(|(known, _)| *known == title);
                column.cloned().with_context(|| format!("no {title}"))
            };
            let columns = titles.into_iter().map(column).collect::<Result<_>>()?;
            written.push_str(&Table { columns }.markdown());
        } else {
            shown.holds(&found, &titles)?;
        }
    }
    ensure!(shown.next().is_none(), "there is one table too many");
    if !written.is_empty() {
        fs::write(path, format!("{before}{BEGIN}{written}\n{END}{after}"))?;
    }
    Ok(())
}

/// A table of the document.
struct Table {
    columns: Columns,
}

impl Table {
    /// Reads one, whose rows have to be the acts.
    fn read(markdown: &str) -> Result<Self> {
        let rows: Vec<Vec<&str>> = markdown
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        let [heading, _, rows @ ..] = rows.as_slice() else {
            bail!("there is no table")
        };
        ensure!(rows.len() == ACTS.len(), "{} rows", rows.len());
        for (row, (words, ..)) in rows.iter().zip(ACTS) {
            ensure!(row[0] == *words, "{:?} and not {words:?}", row[0]);
            ensure!(row.len() == heading.len(), "{words}: {} cells", row.len());
        }
        let column = |(at, title): (usize, &&str)| {
            let cells = rows.iter().map(|row| row[at].to_owned());
            ((*title).to_owned(), cells.collect())
        };
        let columns = heading.iter().enumerate().skip(1).map(column).collect();
        Ok(Self { columns })
    }

    /// Whether it has all titles, and in the columns that were found what was found.
    fn holds(&self, found: &Columns, titles: &[String]) -> Result<()> {
        let shown: Vec<_> = self.columns.iter().map(|(title, _)| title).collect();
        ensure!(shown == titles.iter().collect::<Vec<_>>(), "{shown:?}");
        for (title, cells) in found {
            let column = self.columns.iter().find(|(shown, _)| shown == title);
            let (_, shown) = column.with_context(|| format!("{title} has no column"))?;
            for ((cell, shown), (words, ..)) in cells.iter().zip(shown).zip(ACTS) {
                ensure!(
                    shown == cell,
                    "a {title} task that {words}: {cell:?}; the table has {shown:?}"
                );
            }
        }
        Ok(())
    }

    fn markdown(&self) -> String {
        let titles: Vec<_> = self.columns.iter().map(|(title, _)| &**title).collect();
        let mut text = format!(
            "\n| a task that | {} |\n|---|{}\n",
            titles.join(" | "),
            "---|".repeat(titles.len())
        );
        for (row, (words, ..)) in ACTS.iter().enumerate() {
            let cells: Vec<_> = self.columns.iter().map(|(_, cells)| &*cells[row]).collect();
            text.push_str(&format!("| {words} | {} |\n", cells.join(" | ")));
        }
        text
    }
}
