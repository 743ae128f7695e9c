//! The program, end to end: what it prints, and the exit codes that its documentation promises.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wasmpool_tests::processes::{
    all_gone_within, children, interrupt, kill, only_busy, watch_descendants,
};
use wasmpool_tests::{DEADLINE, guests, kinds};

/// The program of `host/src/main.rs`, with the cache of the tests.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasmpool-under-test"));
    command
        .env("XDG_CACHE_HOME", kinds::cache())
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null());
    command
}

/// Runs it to its end.
fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<Output> {
    Ok(program().args(arguments).output()?)
}

/// Runs it with something on its standard input.
fn run_with_input<A: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = A>,
    input: &str,
) -> Result<Output> {
    let mut child = program()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .context("piped")?
        .write_all(input.as_bytes())?;
    Ok(child.wait_with_output()?)
}

/// `wasmpool call GUEST TASK ARGUMENTS…`
fn call(guest: &Path, task: &str, arguments: &[&str]) -> Result<Output> {
    run([OsStr::new("call"), guest.as_os_str(), OsStr::new(task)]
        .into_iter()
        .chain(arguments.iter().map(OsStr::new)))
}

/// `wasmpool call` of what the hostile guest does.
fn act(act: &str, options: &[&str]) -> Result<Output> {
    let json = json!([7, act]).to_string();
    let mut all = vec![json.as_str()];
    all.extend(options);
    call(guests::hostile(), "work", &all)
}

/// The exit code was this; standard error says these words and has no stack trace.
fn ends(output: &Output, code: i32, words: &[&str]) -> Result<()> {
    let talk = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(code),
        "{} instead of {code}; it says: {talk}",
        output.status
    );
    for word in words {
        ensure!(
            talk.to_lowercase().contains(&word.to_lowercase()),
            "it does not say {word:?}: {talk}"
        );
    }
    ensure!(
        !talk.contains("panicked at") && !talk.contains("stack backtrace"),
        "a stack trace: {talk}"
    );
    Ok(())
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn call_prints_the_result_as_json() -> Result<()> {
    for (task, arguments, wanted) in [
        ("double", &["21"][..], json!(42)),
        ("repeat", &[r#"["ab",3]"#], json!("ababab")),
        ("sum", &["[1.5,2]"], json!(3.5)),
        (
            "between",
            &[r#"[{"x":0,"y":2},{"x":2,"y":4}]"#],
            json!({"x": 1.0, "y": 3.0}),
        ),
        ("tick", &[], json!(null)),
        ("tick", &["[]"], json!(null)),
        ("echo", &["[104,105]"], json!({"base64": "aGk="})),
        ("echo", &[r#"{"base64":"aGk="}"#], json!({"base64": "aGk="})),
        ("echo", &["--input", "hi"], json!({"base64": "aGk="})),
    ] {
        let output = call(guests::tiny(), task, arguments)?;
        ends(&output, 0, &[]).with_context(|| format!("{task} {arguments:?}"))?;
        let value: Value =
            serde_json::from_slice(&output.stdout).with_context(|| stdout(&output))?;
        ensure!(value == wanted, "{task} {arguments:?} is {value}");
    }
    Ok(())
}

/// Calls `double` of 21 below a limit that the shell sets.
fn double_below(limit: &str) -> Result<Output> {
    let program = program();
    let output = Command::new("sh")
        .args(["-c", &format!(r#"{limit} && exec "$0" "$@""#)])
        .arg(program.get_program())
        .arg("call")
        .arg(guests::tiny())
        .args(["double", "21"])
        .env("XDG_CACHE_HOME", kinds::cache())
        .output()?;
    Ok(output)
}

/// Where no more descriptors can be had, workers make do with less than they would be allowed.
#[test]
fn few_descriptors_are_enough() -> Result<()> {
    let output = double_below("ulimit -n 64")?;
    ends(&output, 0, &[])?;
    ensure!(stdout(&output).trim() == "42");
    Ok(())
}

/// Files in memory count for it, without which there is no pool.
#[test]
fn a_limit_of_file_sizes_is_told_and_no_sudden_end() -> Result<()> {
    let output = double_below("ulimit -f 0")?;
    ends(&output, 21, &["limit of file sizes", "ulimit -f"])
}

#[test]
fn raw_tasks_take_and_give_bytes() -> Result<()> {
    let guest = guests::wat("raw_reverse");
    let output = call(&guest, "reverse", &["--input", "drawer"])?;
    ends(&output, 0, &[])?;
    ensure!(output.stdout == b"reward", "{}", stdout(&output));
    let guest = guest.to_str().context("a path of the project")?;
    let output = run_with_input(["call", guest, "reverse", "--input-file", "-"], "stressed")?;
    ends(&output, 0, &[])?;
    ensure!(output.stdout == b"desserts", "{}", stdout(&output));
    Ok(())
}

#[test]
fn plain_numbers_are_called_with_json() -> Result<()> {
    let output = call(&guests::wat("numbers"), "add", &["[40,2]"])?;
    ends(&output, 0, &[])?;
    ensure!(stdout(&output).trim() == "42");
    Ok(())
}

#[test]
fn exit_codes_tell_failures_apart() -> Result<()> {
    ends(&act("Behave", &[])?, 0, &[])?;
    ends(&run(["call"])?, 2, &["usage"])?;
    ends(&run(["dance"])?, 2, &["usage"])?;
    ends(&act("Panic", &[])?, 10, &["asked to panic"])?;
    ends(&call(guests::tiny(), "divide", &["[7,0]"])?, 10, &[])?;
    ends(&act("Trap", &[])?, 11, &["unreachable"])?;
    ends(&act("Spin", &["--timeout", "300ms"])?, 12, &["300"])?;
    ends(&act("EatMemory", &["--memory", "32MiB"])?, 13, &["memory"])?;
    ends(&act("Spin", &["--fuel", "1000000"])?, 14, &["fuel"])?;
    ends(
        &act("HugeOutput", &["--max-output", "1MiB"])?,
        15,
        &["output"],
    )?;
    ends(&call(guests::hostile(), "lie_about_text", &[])?, 18, &[])?;
    ends(
        &call(guests::tiny(), "duoble", &["1"])?,
        18,
        &["duoble", "double"],
    )?;
    ends(
        &call(guests::tiny(), "double", &["\"text\""])?,
        18,
        &["u64"],
    )?;
    ends(
        &call(&guests::wat("unknown_import"), "work", &[])?,
        20,
        &["open_the_door"],
    )?;
    Ok(())
}

#[test]
fn a_worker_killed_under_the_program_is_exit_code_16() -> Result<()> {
    // So that the guest is in the cache: a compiler is busy too.
    ends(&act("Behave", &[])?, 0, &[])?;
    let mut child = Kept::spawn(
        program()
            .arg("call")
            .arg(guests::hostile())
            .args(["work", r#"[7,"WaitToBeKilled"]"#, "-v"])
            .stderr(Stdio::piped()),
    )?;
    // Not before it runs: those who start it are busy too, and a task that has not begun is no loss.
    let mut talk = BufReader::new(child.0.stderr.take().context("piped")?);
    let mut line = String::new();
    while !line.contains("kill me") {
        line.clear();
        ensure!(talk.read_line(&mut line)? > 0, "it never runs");
    }
    kill(only_busy(child.0.id()))?;
    let status = child.wait()?;
    ensure!(status.code() == Some(16), "{status}");
    Ok(())
}

#[test]
fn json_of_the_wrong_shape_says_where() -> Result<()> {
    ends(&call(guests::tiny(), "repeat", &[r#"["ab"]"#])?, 18, &["2"])?;
    ends(
        &call(guests::tiny(), "repeat", &[r#"["ab",-1]"#])?,
        18,
        &["u32"],
    )?;
    ends(
        &call(
            guests::tiny(),
            "between",
            &[r#"[{"x":0,"y":2},{"x":2,"z":4}]"#],
        )?,
        18,
        &["y"],
    )?;
    let broken = call(guests::tiny(), "double", &["{"])?;
    ensure!(
        matches!(broken.status.code(), Some(2 | 18)),
        "{}",
        broken.status
    );
    Ok(())
}

#[test]
fn bad_files_are_named() -> Result<()> {
    let missing = call(Path::new("no/such.wasm"), "work", &[])?;
    ensure!(
        matches!(missing.status.code(), Some(20 | 21)),
        "{}",
        missing.status
    );
    ends(
        &missing,
        missing.status.code().unwrap_or(0),
        &["no/such.wasm"],
    )?;
    let directory = tempfile::tempdir()?;
    let text = directory.path().join("text.wasm");
    fs::write(&text, "this is a letter")?;
    ends(&call(&text, "work", &[])?, 20, &["text.wasm"])?;
    fs::write(&text, "")?;
    ends(&call(&text, "work", &[])?, 20, &["text.wasm", "empty"])?;
    Ok(())
}

#[test]
fn zero_workers_and_zero_limits_are_usage_errors() -> Result<()> {
    for option in [
        "--workers",
        "--timeout",
        "--memory",
        "--fuel",
        "--max-output",
    ] {
        let output = act("Behave", &[option, "0"])?;
        ends(&output, 2, &["leave it out for the default"]).with_context(|| option.to_owned())?;
    }
    Ok(())
}

#[test]
fn map_over_files_gives_a_line_for_each_in_order() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let names: Vec<String> = (0..40)
        .map(|n| {
            directory
                .path()
                .join(format!("{n}.txt"))
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    for (n, name) in names.iter().enumerate() {
        fs::write(name, vec![b'x'; n])?;
    }
    for options in [
        &[][..],
        &["--isolation", "batch"],
        &["--isolation", "process"],
        &["--start-method", "spawn"],
        &["--workers", "3"],
    ] {
        let mut arguments = vec![
            "map",
            guests::tiny().to_str().context("a path of the project")?,
            "echo",
        ];
        arguments.extend(names.iter().map(String::as_str));
        arguments.extend(options);
        let output = run(&arguments)?;
        ends(&output, 0, &["40"]).with_context(|| format!("{options:?}"))?;
        let lines: Vec<Value> = stdout(&output)
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()?;
        ensure!(lines.len() == 40);
        for (n, line) in lines.iter().enumerate() {
            ensure!(
                line["index"] == n && line["input"] == names[n].as_str(),
                "{line}"
            );
            ensure!(
                line["ok"]["base64"] == STANDARD.encode(vec![b'x'; n]),
                "{line}"
            );
        }
    }
    Ok(())
}

#[test]
fn map_over_json_lines_goes_on_after_failures_and_ends_with_1() -> Result<()> {
    let input: String = (0..100)
        .map(|n| format!("[{n},{:?}]\n", if n == 50 { "Trap" } else { "Behave" }))
        .collect();
    let guest = guests::hostile()
        .to_str()
        .context("a path of the project")?;
    let output = run_with_input(["map", guest, "work", "--jsonl", "-"], &input)?;
    ends(&output, 1, &["100", "1"])?;
    let lines: Vec<Value> = stdout(&output)
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    ensure!(lines.len() == 100);
    for (n, line) in (0_u64..).zip(&lines) {
        ensure!(line["index"] == n);
        if n == 50 {
            ensure!(line["error"]["kind"] == "trap", "{line}");
        } else {
            ensure!(line["ok"] == guest_hostile::answer(n), "{line}");
        }
    }
    let unordered = run_with_input(
        ["map", guest, "work", "--unordered", "--jsonl", "-"],
        &input,
    )?;
    ends(&unordered, 1, &[])?;
    let mut indices: Vec<u64> = Vec::new();
    for line in stdout(&unordered).lines() {
        let line: Value = serde_json::from_str(line)?;
        indices.push(line["index"].as_u64().context("an index")?);
    }
    indices.sort_unstable();
    ensure!(indices == (0..100).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn run_is_the_command_itself() -> Result<()> {
    let guest = guests::command()
        .to_str()
        .context("a path of the project")?;
    let found = run_with_input(["run", guest, "an"], "one\nbanana\n")?;
    ends(&found, 0, &[])?;
    ensure!(stdout(&found) == "2:banana\n");
    ends(&run_with_input(["run", guest, "zebra"], "one\n")?, 1, &[])?;
    let usage = run_with_input(["run", guest], "")?;
    ends(&usage, 2, &["usage: find"])?;
    Ok(())
}

#[test]
fn inspect_tells_tasks_types_imports_and_memories() -> Result<()> {
    let guest = guests::tiny().to_str().context("a path of the project")?;
    let text = run(["inspect", guest])?;
    ends(&text, 0, &[])?;
    ensure!(
        stdout(&text).contains("repeat(String, u32) -> String"),
        "{}",
        stdout(&text)
    );
    let output = run(["inspect", "--json", guest])?;
    ends(&output, 0, &[])?;
    let value: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(
        value["tasks"]
            .as_array()
            .is_some_and(|tasks| tasks.len() >= 8),
        "{value}"
    );
    Ok(())
}

#[test]
fn doctor_and_completions_and_help_work() -> Result<()> {
    let doctor = run(["doctor"])?;
    ends(&doctor, 0, &[])?;
    ensure!(!doctor.stdout.is_empty());
    for shell in ["bash", "zsh", "fish"] {
        let output = run(["completions", shell])?;
        ends(&output, 0, &[])?;
        ensure!(stdout(&output).contains("wasmpool"));
    }
    let help = run(["--help"])?;
    ends(&help, 0, &[])?;
    ensure!(
        ["call", "map", "run", "inspect", "doctor"]
            .iter()
            .all(|word| stdout(&help).contains(word))
    );
    Ok(())
}

#[test]
fn a_closed_standard_output_ends_quietly() -> Result<()> {
    let input: String = (0..50_000).map(|n| format!("{n}\n")).collect();
    let directory = tempfile::tempdir()?;
    let lines = directory.path().join("lines");
    fs::write(&lines, input)?;
    let mut command = program();
    command
        .arg("map")
        .arg(guests::tiny())
        .args(["double", "--jsonl"])
        .arg(&lines);
    let mut child = Kept::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let mut first = String::new();
    let mut out = BufReader::new(child.0.stdout.take().context("piped")?);
    out.read_line(&mut first)?;
    ensure!(first.contains("\"index\":0"), "{first}");
    drop(out);
    let mut talk = String::new();
    std::io::Read::read_to_string(&mut child.0.stderr.take().context("piped")?, &mut talk)?;
    child.wait()?;
    ensure!(
        !talk.contains("panicked") && !talk.to_lowercase().contains("broken pipe"),
        "{talk}"
    );
    Ok(())
}

/// Its launcher is killed as often as there is one, until the pool gives up. More lines would come, and nobody waits for them.
#[test]
fn a_map_whose_pool_ends_says_that_items_were_not_read() -> Result<()> {
    let mut map = program();
    map.args(["map", "--workers", "1", "--quiet"])
        .arg(guests::hostile())
        .args(["work", "--jsonl", "-", "--timeout", "50s"]);
    let mut child = map
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().context("piped")?;
    let mut lines = BufReader::new(child.stdout.take().context("piped")?).lines();
    writeln!(input, "{}", json!([0, "Behave"]))?;
    // The pool stands.
    lines.next().context("an outcome")??;
    let program = child.id();
    let (written, ended) = (AtomicUsize::new(1), AtomicBool::new(false));
    let (output, outcomes) = thread::scope(|scope| -> Result<_> {
        scope.spawn(|| {
            // More than any map reads ahead, and then nothing more, with the pipe open.
            for n in 1..200_000_u64 {
                if writeln!(input, "{}", json!([n, "Spin"])).is_err() {
                    break;
                }
                written.fetch_add(1, SeqCst);
            }
        });
        scope.spawn(|| {
            let deadline = Instant::now() + DEADLINE;
            while !ended.load(SeqCst) && Instant::now() < deadline {
                for launcher in children(program) {
                    // It may have ended by itself.
                    let _ = kill(launcher);
                }
                thread::yield_now();
            }
            if !ended.load(SeqCst) {
                // Nobody waits for one that does not give up: what it has said is looked at.
                let _ = kill(program);
            }
        });
        let outcomes = 1 + lines.count();
        let output = child.wait_with_output();
        ended.store(true, SeqCst);
        Ok((output?, outcomes))
    })?;
    ensure!(outcomes < written.load(SeqCst), "{outcomes} outcomes");
    let said = format!("the map ended before all was read: {outcomes} items were read");
    ends(&output, 1, &[&said, "the rest was not"])
}

/// Once: what is done is printed, the exit code is 130, and no process stays.
#[test]
fn ctrl_c_once_ends_a_map_with_what_was_done() -> Result<()> {
    let guest = guests::hostile();
    let mut command = program();
    command
        .arg("map")
        .arg(guest)
        .args(["work", "--jsonl", "-", "--timeout", "50s"]);
    let mut child = Kept::spawn(
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    )?;
    let mut input = child.0.stdin.take().context("piped")?;
    input
        .write_all(b"[1,\"Behave\"]\n[2,\"Behave\"]\n[3,\"Spin\"]\n[4,\"Spin\"]\n[5,\"Spin\"]\n")?;
    input.flush()?;
    let mut out = BufReader::new(child.0.stdout.take().context("piped")?);
    let mut done = String::new();
    out.read_line(&mut done)?;
    out.read_line(&mut done)?;
    ensure!(done.lines().count() == 2, "{done}");
    let family = watch_descendants(child.0.id());
    interrupt(child.0.id())?;
    let status = child.wait()?;
    ensure!(status.code() == Some(130), "{status}");
    all_gone_within(&family, DEADLINE)
}

/// Twice: it ends at once, whatever it was doing.
#[test]
fn ctrl_c_twice_ends_at_once() -> Result<()> {
    // So that the guest is in the cache: a compiler is busy too.
    ends(&act("Behave", &[])?, 0, &[])?;
    let mut child = Kept::spawn(program().arg("call").arg(guests::hostile()).args([
        "work",
        r#"[7,"Spin"]"#,
        "--timeout",
        "50s",
    ]))?;
    only_busy(child.0.id());
    let family = watch_descendants(child.0.id());
    interrupt(child.0.id())?;
    // It may have ended after the first one: then there is nobody to be told again.
    let _ = interrupt(child.0.id());
    let status = child.wait()?;
    ensure!(status.code() == Some(130), "{status}");
    all_gone_within(&family, DEADLINE)
}

/// A child that is killed and reaped when it is dropped.
struct Kept(Child);

impl Kept {
    fn spawn(command: &mut Command) -> Result<Self> {
        Ok(Self(command.spawn()?))
    }

    /// Waits for its end, but not for ever.
    fn wait(&mut self) -> Result<ExitStatus> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            ensure!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // It may be dead already: then there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
