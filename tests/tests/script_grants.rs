//! What scripts find of what their task was granted, arguments and environment, and how many may refer to one object. The
//! interpreters are those that are there: see `wasmpool_tests::interpreters`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use wasmpool::{Encoded, Grants, Interpreter, Module, ScriptLanguage};
use wasmpool_tests::page::Page;
use wasmpool_tests::{interpreters, kinds, project};

/// A script's name and text: what it finds, as it begins and in the call.
fn looking(language: ScriptLanguage) -> (&'static str, &'static str) {
    match language {
        ScriptLanguage::Python => (
            "look.py",
            "import os\nimport sys\n\nbefore = sys.argv[1:]\n\n\
             def look():\n    return {\"args\": sys.argv[1:], \"env\": dict(os.environ), \"name\": sys.argv[0], \"before\": before}\n",
        ),
        _ => (
            "look.js",
            "const before = wasmpool.args;\n\
             export const look = () => ({ args: wasmpool.args, env: wasmpool.env, name: \"look.js\", before });\n",
        ),
    }
}

fn each(mut test: impl FnMut(ScriptLanguage, &Module) -> Result<()>) -> Result<()> {
    for interpreter in interpreters::all() {
        let pool = kinds::builder().workers(1).build()?;
        let module = pool.load(&interpreter.module)?;
        test(interpreter.language, &module)
            .with_context(|| interpreter.language.name().to_owned())?;
    }
    Ok(())
}

fn found(interpreter: &Interpreter, language: ScriptLanguage) -> Result<Value> {
    let (name, source) = looking(language);
    let task = interpreter.script(name, source).dynamic("look");
    Ok(serde_json::from_slice(&task.call(Encoded(Vec::new()))?.0)?)
}

#[test]
fn arguments_and_environment_are_those_that_were_granted() -> Result<()> {
    each(|language, module| {
        let bare = found(&module.interpreter()?, language)?;
        let (name, _) = looking(language);
        let nothing = json!({"args": [], "env": {}, "name": name, "before": []});
        ensure!(bare == nothing, "{bare}");
        let grants = Grants::none()
            .args(["--fast", "grün", ""])
            .env("GREETING", "hello=you");
        let granted = found(&module.grant(&grants)?.interpreter()?, language)?;
        let args = json!(["--fast", "grün", ""]);
        ensure!(
            granted["args"] == args && granted["before"] == args,
            "{granted}"
        );
        ensure!(
            granted["env"] == json!({"GREETING": "hello=you"}),
            "{granted}"
        );
        Ok(())
    })
}

#[test]
fn the_program_hands_arguments_to_scripts() -> Result<()> {
    for interpreter in interpreters::all() {
        let language = interpreter.language;
        let (name, source) = looking(language);
        let folder = tempfile::tempdir()?;
        let path = folder.path().join(name);
        fs::write(&path, source)?;
        let output = Command::new(env!("CARGO_BIN_EXE_wasmpool-under-test"))
            .env("XDG_CACHE_HOME", kinds::cache())
            .env(language.variable(), &interpreter.module)
            .arg("call")
            .arg(&path)
            .args(["look", "--arg", "one", "--arg", "--two", "--env", "N=3"])
            .stdin(Stdio::null())
            .output()?;
        let talk = String::from_utf8_lossy(&output.stderr);
        let told: Value =
            serde_json::from_slice(&output.stdout).with_context(|| talk.into_owned())?;
        ensure!(told["args"] == json!(["one", "--two"]), "{told}");
        ensure!(told["env"] == json!({"N": "3"}), "{told}");
    }
    Ok(())
}

#[test]
fn an_object_may_have_as_many_references_as_memory_holds() -> Result<()> {
    each(|language, module| {
        let (name, source) = match language {
            ScriptLanguage::Python => (
                "many.py",
                "def many(n):\n    one = object()\n    return [len([one] * n), len([None] * n), sum([True for _ in range(n)])]\n",
            ),
            _ => (
                "many.js",
                "export const many = (n) => { const one = {}; return [Array(n).fill(one).length, Array(n).fill(null).length, n]; };",
            ),
        };
        let script = module.interpreter()?.script(name, source);
        for n in [40_000_u64, 1_000_000] {
            let many = script.task::<u64, Vec<u64>>("many").call(n)?;
            ensure!(many == [n; 3], "{many:?}");
        }
        Ok(())
    })
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
        let (name, source) = looking(language);
        fs::write(home.path().join(name), source)?;
        let output = Command::new("wasmpool")
            .args(["call", name, "look"])
            .current_dir(home.path())
            .envs(&surroundings)
            .env_remove(language.variable())
            .stdin(Stdio::null())
            .output()?;
        ensure!(output.status.success(), "{output:?}");
    }
    Ok(())
}
