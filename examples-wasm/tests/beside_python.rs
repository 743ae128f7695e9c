//! The examples that have a twin in Python's `multiprocessing`: our program, the script and the text that both are to
//! print, compared line by line. Process ids and durations differ from run to run and are left out.

use std::fs;
use std::io::{ErrorKind, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail, ensure};

/// Stands for what differs from run to run.
const DIFFERS: &str = "…";

#[test]
fn queue_of_results() -> Result<()> {
    beside("queue_of_results", env!("CARGO_BIN_EXE_queue_of_results"))
}

#[test]
fn pipe() -> Result<()> {
    beside("pipe", env!("CARGO_BIN_EXE_pipe"))
}

#[test]
fn manager_list_and_dict() -> Result<()> {
    beside(
        "manager_list_and_dict",
        env!("CARGO_BIN_EXE_manager_list_and_dict"),
    )
}

#[test]
fn pool_map_pids() -> Result<()> {
    beside("pool_map_pids", env!("CARGO_BIN_EXE_pool_map_pids"))
}

#[test]
fn five_tasks_four_workers() -> Result<()> {
    beside_in_time(
        "five_tasks_four_workers",
        env!("CARGO_BIN_EXE_five_tasks_four_workers"),
    )
}

#[test]
fn value_and_array() -> Result<()> {
    beside("value_and_array", env!("CARGO_BIN_EXE_value_and_array"))
}

#[test]
fn raw_value_and_raw_array() -> Result<()> {
    beside(
        "raw_value_and_raw_array",
        env!("CARGO_BIN_EXE_raw_value_and_raw_array"),
    )
}

#[test]
fn producer_and_consumer() -> Result<()> {
    beside(
        "producer_and_consumer",
        env!("CARGO_BIN_EXE_producer_and_consumer"),
    )
}

#[test]
fn results_while_running() -> Result<()> {
    beside_in_time(
        "results_while_running",
        env!("CARGO_BIN_EXE_results_while_running"),
    )
}

#[test]
fn manager_and_queue() -> Result<()> {
    beside("manager_and_queue", env!("CARGO_BIN_EXE_manager_and_queue"))
}

#[test]
fn graceful_stop() -> Result<()> {
    beside("graceful_stop", env!("CARGO_BIN_EXE_graceful_stop"))
}

#[test]
fn path_and_digest() -> Result<()> {
    let directory = tempfile::tempdir()?;
    for (name, content) in [
        ("empty", String::new()),
        ("abc", "abc".to_owned()),
        ("long", "a".repeat(1 << 20)),
    ] {
        fs::write(directory.path().join(name), content)?;
    }
    let run = Run {
        directory: directory.path(),
        arguments: &["empty", "abc", "long"],
    };
    run.beside("path_and_digest", env!("CARGO_BIN_EXE_path_and_digest"))
}

#[test]
fn every_script_has_its_program_and_its_expected_output() -> Result<()> {
    let source = fs::read_to_string(project("tests/beside_python.rs"))?;
    for (folder, extension) in [("python", "py"), ("expected", "txt")] {
        let mut names = Vec::new();
        for entry in fs::read_dir(project(folder))? {
            let path = entry?.path();
            ensure!(
                path.extension().is_some_and(|found| found == extension),
                "{} is none of ours",
                path.display()
            );
            let name = path.file_stem().and_then(|name| name.to_str());
            names.push(name.context("a name in plain letters")?.to_owned());
        }
        for name in &names {
            ensure!(
                source.contains(&format!("\nfn {name}() -> Result<()> {{")),
                "{folder}/{name}.{extension} has no test"
            );
        }
        ensure!(names.len() == 12, "{folder} has {names:?}");
    }
    Ok(())
}

#[test]
fn only_what_may_differ_is_left_out() -> Result<()> {
    let wanted = "made by process …\nit took … s, not 3\n";
    compare(
        "ours",
        "made by process 71\nit took 0.25 s, not 3\n",
        wanted,
    )?;
    for other in [
        "made by process x\nit took 0.25 s, not 3\n",
        "made by process 71\nit took long s, not 3\n",
        "made by process 71\nit took 0.25 s, not 4\n",
        "made by process 71\n",
        "made by process 71\nit took 0.25 s, not 3\nmore\n",
        "made by process 71\n\nit took 0.25 s, not 3\n",
        "",
    ] {
        let Err(error) = compare("ours", other, wanted) else {
            bail!("{other:?} counts as the same");
        };
        ensure!(error.to_string().starts_with("ours"), "{error}");
    }
    Ok(())
}

/// Runs the program and the script of that name, without arguments.
fn beside(name: &str, program: &str) -> Result<()> {
    let run = Run {
        directory: Path::new(env!("CARGO_MANIFEST_DIR")),
        arguments: &[],
    };
    run.beside(name, program)
}

/// The same for those who say what came first by tenths of a second, and may be wrong in that on a busy machine: which of them is
/// given a processor is not up to them. They have to be right once, both in the same run.
fn beside_in_time(name: &str, program: &str) -> Result<()> {
    const TRIES: u32 = 5;
    let mut done = beside(name, program);
    for _ in 1..TRIES {
        if done.is_ok() {
            break;
        }
        done = beside(name, program);
    }
    done
}

/// What program and script are run with.
struct Run<'a> {
    directory: &'a Path,
    arguments: &'a [&'a str],
}

impl Run<'_> {
    fn beside(&self, name: &str, program: &str) -> Result<()> {
        let expected = fs::read_to_string(project("expected").join(name).with_extension("txt"))?;
        let ours = self
            .output(Command::new(program))
            .with_context(|| format!("failed to run {program}"))?;
        let ours = text("our program", ours)?;
        compare("our program", &ours, &expected)?;

        let script = project("python").join(name).with_extension("py");
        let mut python = Command::new("python3");
        python.arg(&script);
        match self.output(python) {
            Ok(output) => {
                let theirs = text("the script", output)?;
                compare("the script", &theirs, &expected)?;
                compare("our program", &ours, &leave_out(&theirs))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // Past the test harness, which shows only what failed.
                writeln!(
                    stderr(),
                    "python3 is not there: {name} was compared with expected/{name}.txt only, and {} was not run",
                    script.display()
                )?;
                Ok(())
            }
            Err(error) => Err(error).context("failed to run python3"),
        }
    }

    fn output(&self, mut command: Command) -> std::io::Result<Output> {
        command
            .args(self.arguments)
            .current_dir(self.directory)
            .output()
    }
}

/// What was printed, when all went well.
fn text(who: &str, output: Output) -> Result<String> {
    ensure!(
        output.status.success(),
        "{who}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// Fails at the first line that is not as expected.
fn compare(who: &str, printed: &str, expected: &str) -> Result<()> {
    let printed = leave_out(printed);
    let (mut ours, mut theirs) = (printed.lines(), expected.lines());
    for number in 1.. {
        match (ours.next(), theirs.next()) {
            (None, None) => break,
            (ours, theirs) => ensure!(
                ours == theirs,
                "{who}, line {number}: {ours:?} where {theirs:?} is expected; all of it:\n{printed}"
            ),
        }
    }
    Ok(())
}

/// Leaves out the number behind the word `process` and the number before the unit `s`.
fn leave_out(text: &str) -> String {
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let after = |i: usize| i > 0 && words[i - 1] == "process";
        let before = |i: usize| {
            words
                .get(i + 1)
                .is_some_and(|unit| unit.trim_end_matches([',', '.']) == "s")
        };
        let differs = |(i, word): (usize, &&str)| {
            (after(i) && word.parse::<u32>().is_ok()) || (before(i) && word.parse::<f64>().is_ok())
        };
        let left: Vec<&str> = words
            .iter()
            .enumerate()
            .map(|(i, word)| if differs((i, word)) { DIFFERS } else { word })
            .collect();
        left.join(" ") + "\n"
    };
    text.lines().map(line).collect()
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
