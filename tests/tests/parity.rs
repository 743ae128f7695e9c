//! The README's table of the multiprocessing model, and that of what components have: every row is there, and every test that a row
//! names exists.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use wasmpool_tests::project;

/// The heading of the section with the tables.
const SECTION: &str = "## The multiprocessing model";

/// The rows: number or letter, and what Python or nobody has.
const ROWS: &[(&str, &str)] = &[
    (
        "1",
        "`Process(target, args)`, `start`, `join`, several at once",
    ),
    (
        "2",
        "`terminate`, `kill`, `is_alive`, `exitcode`, `pid`, `name`, `daemon`",
    ),
    ("3", "graceful stop with an `Event`"),
    (
        "4",
        "`Queue(maxsize)`: `put`, `get`, `block`, `timeout`, `put_nowait`, `get_nowait`, `qsize`, `empty`, `full`",
    ),
    ("5", "`Queue` between two children (producer, consumer)"),
    (
        "6",
        "results read while the child runs (polling a Queue, `Pipe.poll`)",
    ),
    (
        "7",
        "`Pipe(duplex)`: `send`, `recv`, `poll(timeout)`, `close`, end of file",
    ),
    ("8", "`Manager().dict()`"),
    ("9", "`Manager().list()`"),
    (
        "10",
        "`Manager().Namespace()`, `Lock`, `RLock`, `Semaphore`, `BoundedSemaphore`, `Condition`, `Event`, `Queue`, `Value`, `Array` through the manager",
    ),
    (
        "11",
        "`Pool(n)`: `apply`, `apply_async`, `AsyncResult.get/wait/ready/successful`, callbacks, `error_callback`",
    ),
    ("12", "`map`, `map_async`, `chunksize`; `starmap`"),
    ("13", "`imap`, `imap_unordered`"),
    (
        "14",
        "`close`, `join`, `terminate` of a pool, context manager",
    ),
    ("15", "`Value('d', 0.0)`, `Value('i')`, `get_lock`"),
    ("16", "`Array('i', range(10))` changed by a child"),
    ("17", "`RawValue`, `RawArray` with an outside `Lock`"),
    ("18", "`Lock`, and its use with `with`"),
    ("19", "start methods fork, spawn, forkserver"),
    (
        "20",
        "children inherit nothing shared by accident; own memory",
    ),
    ("21", "MD5 of many files in parallel"),
    ("22", "errors and exceptions in children reach the parent"),
    ("23", "logging from children"),
    ("24", "combination of Manager and Queue"),
    ("", "`maxtasksperchild`"),
    ("", "`initializer` and `initargs`"),
    ("", "`imap(buffersize)`"),
    ("", "`SimpleQueue`, `JoinableQueue`"),
    ("", "`Barrier`"),
    ("", "`connection.wait(objects, timeout)`"),
    ("", "`SharedMemory` and `ShareableList`"),
    ("", "`active_children`"),
    ("", "`cpu_count`"),
    ("", "`Pool.__reduce__`-style mistakes refused by type"),
    (
        "a",
        "a task that fails, spins, eats memory or kills its worker costs only itself, and its outcome says which",
    ),
    ("b", "cancel one running task; its neighbours do not notice"),
    ("c", "locks that survive the death of their holder"),
    (
        "d",
        "shared arrays for untrusted code; a read-only grant can never write through",
    ),
    (
        "e",
        "disjoint chunks of one array for many tasks, checked by the borrow checker",
    ),
    (
        "f",
        "types of host and guest checked against each other when the module is loaded",
    ),
    ("g", "the whole of it from any guest language"),
    (
        "h",
        "per-task report: wall time, CPU time, peak memory, fuel, bytes in and out",
    ),
];

/// Rows that no test shows yet, because they are not there yet.
const NOT_YET: &[&str] = &[];

#[test]
fn every_row_is_in_the_readme_in_order() -> Result<()> {
    let readme = readme()?;
    let rows = rows(&readme)?;
    let shown: Vec<(&str, &str)> = rows.iter().map(|row| (row.number, row.what)).collect();
    for (shown, wanted) in shown.iter().zip(ROWS) {
        ensure!(
            shown == wanted,
            "README has {shown:?} where {wanted:?} is due"
        );
    }
    ensure!(shown.len() == ROWS.len(), "{} rows", shown.len());
    Ok(())
}

#[test]
fn every_row_names_tests_and_they_exist() -> Result<()> {
    let readme = readme()?;
    for row in rows(&readme)? {
        if NOT_YET.contains(&row.number) {
            ensure!(row.tests == "not yet", "{} says {}", row.what, row.tests);
            continue;
        }
        let mut named = BTreeSet::new();
        for test in row.tests.split(", ") {
            let name = test
                .strip_prefix('`')
                .and_then(|test| test.strip_suffix('`'));
            let name = name.with_context(|| format!("{}: {test} is no test", row.what))?;
            exists(name).with_context(|| row.what.to_owned())?;
            ensure!(named.insert(name), "{}: {name} twice", row.what);
        }
    }
    Ok(())
}

/// What `docs/components.md` says that components have is what the WIT has, interface by interface.
#[test]
fn every_object_of_the_wit_is_in_the_table_of_components_with_tests_that_exist() -> Result<()> {
    let text = fs::read_to_string(project().join("docs/components.md"))?;
    let mut table = Vec::new();
    let lines = text.lines();
    let rows = lines.skip_while(|line| !line.starts_with("| interface | "));
    for line in rows.skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let &[interface, objects, _, tests] = &cells[..] else {
            anyhow::bail!("{} cells: {line}", cells.len());
        };
        for test in tests.split(", ") {
            exists(test.trim_matches('`')).with_context(|| interface.to_owned())?;
        }
        let mut named = BTreeSet::new();
        for object in objects.split(", ") {
            match object.trim_matches('`').split_once("` … `") {
                None => drop(named.insert(object.trim_matches('`').to_owned())),
                // The first and the last of the numbers that WIT has.
                Some((first, last)) => {
                    let kind = first.strip_prefix("u8-").context("the first")?;
                    ensure!(last.strip_prefix("f64-") == Some(kind), "{object}");
                    let numbers = [
                        "u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64",
                    ];
                    named.extend(numbers.map(|number| format!("{number}-{kind}")));
                }
            }
        }
        table.push((interface.trim_matches('`').to_owned(), named));
    }
    let wit = fs::read_to_string(project().join("guest-sdk/wit/pool.wit"))?;
    let mut has: Vec<(String, BTreeSet<String>)> = Vec::new();
    for line in wit.lines().map(|line| line.trim().trim_end_matches(" {")) {
        if let Some(name) = line.strip_prefix("interface ") {
            has.push((name.to_owned(), BTreeSet::new()));
        } else if let Some(name) = line.strip_prefix("resource ") {
            let (_, objects) = has.last_mut().context("an object in no interface")?;
            objects.insert(name.to_owned());
        }
    }
    // The one without objects has functions, and the one without either has types.
    has.retain(|(name, _)| name != "types");
    let (task, objects) = (table.remove(0), has.remove(0));
    ensure!(task.0 == "task" && objects.0 == "task" && objects.1.is_empty());
    ensure!(table == has, "the table has {table:#?}, the WIT {has:#?}");
    Ok(())
}

/// Fails unless the program has a test of that name.
fn exists(name: &str) -> Result<()> {
    let (program, function) = name.split_once("::").context("program::test")?;
    let folders = ["tests/tests", "examples-wasm/tests"];
    let mut sources = folders
        .iter()
        .map(|folder| project().join(folder).join(program).with_extension("rs"))
        .filter(|path| path.is_file());
    let path = sources
        .next()
        .with_context(|| format!("there is no test program {program}"))?;
    ensure!(sources.next().is_none(), "two test programs are {program}");
    let source = fs::read_to_string(&path)?;
    let lines: Vec<&str> = source.lines().collect();
    let place = lines
        .iter()
        .position(|line| line.starts_with(&format!("fn {function}(")))
        .with_context(|| format!("{} has no {function}", path.display()))?;
    let attributes = lines[..place].iter().rev();
    ensure!(
        attributes
            .take_while(|line| line.starts_with('#'))
            .any(|line| *line == "#[test]"),
        "{name} is no test"
    );
    Ok(())
}

/// One row of the README.
struct Row<'a> {
    number: &'a str,
    what: &'a str,
    tests: &'a str,
}

/// The rows of the section's tables, without their headings.
fn rows(readme: &str) -> Result<Vec<Row<'_>>> {
    let section = readme
        .lines()
        .skip_while(|line| *line != SECTION)
        .skip(1)
        .take_while(|line| !line.starts_with("## "));
    let mut rows = Vec::new();
    let mut inside = false;
    for line in section {
        if !line.starts_with('|') {
            inside = false;
        } else if line.starts_with("|---") {
            inside = true;
        } else if inside {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let &[number, what, tests] = &cells[..] else {
                anyhow::bail!("{} cells: {line}", cells.len());
            };
            rows.push(Row {
                number,
                what,
                tests,
            });
        }
    }
    Ok(rows)
}

fn readme() -> Result<String> {
    fs::read_to_string(project().join("README.md")).context("README.md")
}
