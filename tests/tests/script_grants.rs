//! What scripts in JavaScript find of what their task was granted, arguments and environment, and how interpreters are
//! installed. These are the ones that are there: see `wasmpool_tests::interpreters`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use wasmpool::{Encoded, Grants, Interpreter, ScriptLanguage};
use wasmpool_tests::page::Page;
use wasmpool_tests::{interpreters, kinds, project};

/// The script that looks: it tells what it finds as it begins and in the call.
const NAME: &str = "look.js";
const LOOKING: &str = "const before = wasmpool.args;
export const look = () => ({ args: wasmpool.args, env: wasmpool.env, before });
";

/// The interpreter of JavaScript, when it is there.
fn javascript() -> Option<&'static interpreters::Interpreter> {
    let mut all = interpreters::all().iter();
    all.find(|it| it.language == ScriptLanguage::JavaScript)
}

fn found(interpreter: &Interpreter) -> Result<Value> {
    let task = interpreter.script(NAME, LOOKING).dynamic("look");
    Ok(serde_json::from_slice(&task.call(Encoded(Vec::new()))?.0)?)
}

#[test]
fn arguments_and_environment_are_those_that_were_granted() -> Result<()> {
    let Some(javascript) = javascript() else {
        return Ok(());
    };
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load(&javascript.module)?;
    let bare = found(&module.interpreter()?)?;
    ensure!(
        bare == json!({"args": [], "env": {}, "before": []}),
        "{bare}"
    );
    let grants = Grants::none()
        .args(["--fast", "grün", ""])
        .env("GREETING", "hello=you");
    let granted = found(&module.grant(&grants)?.interpreter()?)?;
    let args = json!(["--fast", "grün", ""]);
    let env = json!({"GREETING": "hello=you"});
    let expected = json!({"args": args, "env": env, "before": args});
    ensure!(granted == expected, "{granted}");
    Ok(())
}

#[test]
fn the_program_hands_arguments_to_scripts() -> Result<()> {
    let Some(javascript) = javascript() else {
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(NAME);
    fs::write(&path, LOOKING)?;
    let output = Command::new(env!("CARGO_BIN_EXE_wasmpool-under-test"))
        .env("XDG_CACHE_HOME", kinds::cache())
        .env(javascript.language.variable(), &javascript.module)
        .arg("call")
        .arg(&path)
        .args(["look", "--arg", "one", "--arg", "--two", "--env", "N=3"])
        .stdin(Stdio::null())
        .output()?;
    let talk = String::from_utf8_lossy(&output.stderr);
    let told: Value = serde_json::from_slice(&output.stdout).with_context(|| talk.into_owned())?;
    ensure!(told["args"] == json!(["one", "--two"]), "{told}");
    ensure!(told["env"] == json!({"N": "3"}), "{told}");
    Ok(())
}

/// Whether a test may build an interpreter: that of JavaScript takes seconds, others are built where they have to be there.
fn may_build(language: ScriptLanguage) -> bool {
    let needed = std::env::var("WASMPOOL_INTERPRETERS").unwrap_or_default();
    language == ScriptLanguage::JavaScript || needed.split(',').any(|name| name == language.name())
}

#[test]
fn the_pages_say_how_interpreters_are_installed() -> Result<()> {
    for interpreter in interpreters::all() {
        let language = interpreter.language;
        let page = Page::of(language.name())?;
        let lines: Vec<&str> = page.tools().collect();
        let line = format!("guest-sdk/interpreters/install {}", language.name());
        ensure!(lines == [&line], "{lines:?}");
        if !may_build(language) {
            eprintln!("skipped: {line}: it may take minutes");
            continue;
        }
        let home = tempfile::tempdir()?;
        let programs = home.path().join("bin");
        fs::create_dir(&programs)?;
        let program = Path::new(env!("CARGO_BIN_EXE_wasmpool-under-test"));
        symlink(program, programs.join("wasmpool"))?;
        let mut search = programs.into_os_string();
        search.push(":");
        search.push(std::env::var_os("PATH").unwrap_or_default());
        let surroundings = BTreeMap::from([
            ("PATH", search),
            ("XDG_DATA_HOME", home.path().into()),
            ("XDG_CACHE_HOME", kinds::cache().into()),
        ]);
        let installed = Command::new("sh")
            .args(["-c", &line])
            .current_dir(project())
            .envs(&surroundings)
            .stdin(Stdio::null())
            .output()?;
        let talk = String::from_utf8_lossy(&installed.stderr);
        ensure!(installed.status.success(), "{talk}");
        // The program finds it where it was put.
        let (name, source) = match language {
            ScriptLanguage::Python => ("one.py", "def one():\n    return 1\n"),
            _ => ("one.js", "export const one = () => 1;"),
        };
        fs::write(home.path().join(name), source)?;
        let output = Command::new("wasmpool")
            .args(["call", name, "one"])
            .current_dir(home.path())
            .envs(&surroundings)
            .env_remove(language.variable())
            .stdin(Stdio::null())
            .output()?;
        ensure!(output.stdout == b"1\n", "{output:?}");
    }
    Ok(())
}
