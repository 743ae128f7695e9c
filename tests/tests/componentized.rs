//! Components in JavaScript and Python, made by tools of these languages: their functions are tasks like all others. Those
//! whose tools are missing are left out, by name: see `wasmpool_tests::componentized`.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wasmpool::{ByteSize, Isolation, Module, Pool, TaskError, Typed};
use wasmpool_tests::componentized::{self, Component};
use wasmpool_tests::page::Page;
use wasmpool_tests::witness::{Seen, Witness};
use wasmpool_tests::{DEADLINE, TASK_TIMEOUT, kinds, project};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
struct Word {
    text: String,
    times: u32,
}

/// Each component that could be made, loaded.
fn each(mut test: impl FnMut(&Component, &Pool, &Module) -> Result<()>) -> Result<()> {
    for component in componentized::all() {
        let pool = kinds::builder().workers(1).build()?;
        let module = pool.load(&component.path)?;
        test(component, &pool, &module).with_context(|| component.tool.to_owned())?;
    }
    Ok(())
}

#[test]
fn functions_take_and_return_what_their_wit_says() -> Result<()> {
    each(|_, pool, module| {
        let count = module.task::<String, Vec<Word>>("count-words")?;
        let words = count.call("to be or nöt to be")?;
        let told: Vec<_> = words.iter().map(|word| (&*word.text, word.times)).collect();
        ensure!(
            told == [("be", 2), ("to", 2), ("nöt", 1), ("or", 1)],
            "{told:?}"
        );
        for outcome in pool.map(&count, vec!["a a a"; 20]) {
            ensure!(outcome?.first().is_some_and(|word| word.times == 3));
        }
        let mean = module.task::<Vec<f64>, f64>("mean")?;
        ensure!(mean.call(vec![1.0, 2.0, 6.0])? == 3.0);
        let many: Vec<f64> = (0..100_000).map(f64::from).collect();
        ensure!(mean.call(many)? == 49_999.5);
        let wrong = module.task::<String, u32>("count-words");
        ensure!(wrong.is_err(), "types are compared");
        Ok(())
    })
}

#[test]
fn the_error_of_a_result_is_the_tasks_own() -> Result<()> {
    each(|_, _, module| {
        let nothing = module
            .task::<Vec<f64>, f64>("mean")?
            .call(Vec::<f64>::new());
        let Err(error @ TaskError::Guest { .. }) = &nothing else {
            bail!("{nothing:?}")
        };
        let value = error.guest_error::<String>();
        ensure!(value.as_deref() == Some("the mean of nothing"), "{error}");
        ensure!(error.to_string() == "the mean of nothing");
        Ok(())
    })
}

#[test]
fn an_exception_that_nobody_caught_is_told_with_its_place() -> Result<()> {
    each(|component, _, module| {
        let act = module.task::<String, u32>("act")?;
        let thrown = act.call("throw").err().context("it throws")?;
        ensure!(thrown.kind() == "trap", "{thrown}");
        let told = thrown.to_string();
        for words in ["not like this", &*component.source] {
            ensure!(told.contains(words), "{words:?} is not in {told}");
        }
        let line = fs::read_to_string(
            project()
                .join("examples-wasm/components")
                .join(&component.source),
        )?;
        let line = line.lines().position(|line| line.contains("not like this"));
        let line = (line.context("it is there")? + 1).to_string();
        ensure!(told.contains(&line), "line {line} is not in {told}");
        let deep = act.call("recurse").err().context("there is an end")?;
        ensure!(deep.kind() == "trap", "{deep}");
        ensure!(act.call("")? == 1, "the worker serves on");
        Ok(())
    })
}

#[test]
fn what_a_function_leaves_is_there_for_no_other_task() -> Result<()> {
    each(|_, pool, module| {
        let act = module.task::<String, u32>("act")?;
        for outcome in pool.map(&act, [""; 5]) {
            ensure!(outcome? == 1);
        }
        // Where an instance is kept, a trap ends it: the next task has a fresh one.
        let kept = act.isolation(Isolation::Batch).chunk_size(5);
        let counted: Vec<Option<u32>> = pool
            .map(&kept, ["", "", "throw", "", ""])
            .into_iter()
            .map(Result::ok)
            .collect();
        ensure!(
            counted == [Some(1), Some(2), None, Some(1), Some(2)],
            "{counted:?}"
        );
        let session = module.session()?;
        ensure!(session.call(&act, "")? == 1 && session.call(&act, "")? == 2);
        ensure!(session.call(&act, "throw").is_err());
        let after = session.call(&act, "");
        ensure!(after.is_err(), "a poisoned instance answered {after:?}");
        Ok(())
    })
}

#[test]
fn limits_hold() -> Result<()> {
    each(|_, _, module| {
        let act = module.task::<String, u32>("act")?;
        let spin = act.timeout(TASK_TIMEOUT).call("spin");
        ensure!(matches!(spin, Err(TaskError::Timeout { .. })), "{spin:?}");
        let eat = act.timeout(DEADLINE).memory(ByteSize::mib(64)).call("eat");
        ensure!(matches!(eat, Err(TaskError::Memory { .. })), "{eat:?}");
        let count = module.task::<String, Vec<Word>>("count-words")?;
        let words: String = (0..2000).map(|n| format!("{n} ")).collect();
        let short = count.max_output(ByteSize::kib(1)).call(&*words);
        ensure!(matches!(short, Err(TaskError::Output { .. })), "{short:?}");
        ensure!(act.call("")? == 1, "the worker serves on");
        Ok(())
    })
}

#[test]
fn what_is_printed_is_a_record_of_the_log() -> Result<()> {
    for component in componentized::all() {
        let witness = Witness::default();
        let pool = witness.watch(kinds::builder().workers(1)).build()?;
        let module = pool.load(&component.path)?;
        let said = module.task::<String, ()>("say")?.call("hello");
        if component.tool == "componentize-qjs" && said.is_err() {
            // It brings no console along. Then it is told so.
            let told = said.err().context("it failed")?.to_string();
            ensure!(told.contains("console is not defined"), "{told}");
            continue;
        }
        said?;
        witness.wait(|seen| {
            let said =
                |seen: &Seen| matches!(seen, Seen::Log { text, .. } if text.contains("hello"));
            seen.iter().any(said).then_some(())
        });
    }
    Ok(())
}

fn program(arguments: &[&OsStr]) -> Result<Output> {
    Ok(Command::new(env!("CARGO_BIN_EXE_wasmpool-under-test"))
        .env("XDG_CACHE_HOME", kinds::cache())
        .args(arguments)
        .stdin(Stdio::null())
        .output()?)
}

#[test]
fn the_program_calls_them_with_json() -> Result<()> {
    each(|component, _, _| {
        let call = |task: &str, json: &str| {
            let path = component.path.as_os_str();
            // It has a cache of its own.
            let patient = ["call", "--compile-time", "5m"].map(OsStr::new);
            let called = [path, task.as_ref(), json.as_ref()];
            program(&[&patient[..], &called].concat())
        };
        let count = call("count-words", "\"b a b\"")?;
        let words: Value = serde_json::from_slice(&count.stdout)
            .with_context(|| String::from_utf8_lossy(&count.stderr).into_owned())?;
        let expected = json!([{"text": "b", "times": 2}, {"text": "a", "times": 1}]);
        ensure!(words == expected, "{words}");
        let nothing = call("mean", "[]")?;
        ensure!(nothing.status.code() == Some(10), "{nothing:?}");
        let thrown = call("act", "\"throw\"")?;
        let told = String::from_utf8_lossy(&thrown.stderr);
        ensure!(
            thrown.status.code() == Some(11) && told.contains("not like this"),
            "{thrown:?}"
        );
        Ok(())
    })
}

/// Walks the page of a language, unless its tool is missing.
fn walk(page: &str, tool: &str) -> Result<()> {
    let Some(path) = componentized::path_of(tool) else {
        return Ok(());
    };
    // Both programs by the names that the page has.
    let program = Path::new(env!("CARGO_BIN_EXE_wasmpool-under-test"));
    let folder = tempfile::tempdir()?;
    symlink(path, folder.path().join(tool))?;
    symlink(program, folder.path().join("wasmpool"))?;
    let others = env::var_os("PATH").unwrap_or_default();
    let first = [folder.path().to_owned()];
    let search = env::join_paths(first.into_iter().chain(env::split_paths(&others)))?;
    let page = Page::of(page)?;
    let machine = fs::read_to_string(project().join(".ci/languages"))?;
    ensure!(page.tools().count() > 0, "how to get the tool is not told");
    for line in page.tools() {
        let package = line.split_whitespace().last().unwrap_or_default();
        ensure!(machine.contains(package), "CI has no {package:?}: {line}");
    }
    let commands = page.walk(program, &[("PATH", &search)])?;
    ensure!(commands >= 5, "{commands} commands");
    Ok(())
}

#[test]
fn the_page_for_javascript_says_what_happens() -> Result<()> {
    walk("javascript-component", "componentize-qjs")
}

#[test]
fn the_page_for_python_says_what_happens() -> Result<()> {
    walk("python-component", "componentize-py")
}

/// What the page shows of the tool with which it is not walked is how the tests here call it.
#[test]
fn the_page_for_javascript_has_the_other_tools_command_too() -> Result<()> {
    let page = fs::read_to_string(project().join("docs/guests/javascript-component.md"))?;
    let command = componentized::command(
        "componentize-js",
        "stats.wit",
        "figures",
        "stats",
        "stats.wasm",
    );
    ensure!(page.contains(&format!("\n    {command}\n")), "{command}");
    Ok(())
}
