//! `wasmpool pack`, end to end: what it writes, what it prints, and that it writes nothing that would not load.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use anyhow::{Result, ensure};
use wasmpool_tests::{guests, kinds};

fn run(arguments: &[&Path]) -> Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasmpool-under-test"));
    command.env("XDG_CACHE_HOME", kinds::cache());
    Ok(command.args(arguments).output()?)
}

#[test]
fn a_module_gets_the_tasks_that_are_described() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (module, description) = (folder.path().join("m.wasm"), folder.path().join("t.json"));
    fs::copy(guests::tiny(), &module)?;
    fs::write(
        &description,
        r#"{"tasks": [{"name": "twice", "export": "wasmpool.task.double", "args": ["u64"], "result": "u64"}]}"#,
    )?;
    let (pack, call) = (Path::new("pack"), Path::new("call"));

    let packed = run(&[pack, &module, &description])?;
    ensure!(packed.status.success(), "{packed:?}");
    ensure!(packed.stdout == b"twice(u64) -> u64\n", "{packed:?}");
    let called = run(&[call, &module, Path::new("twice"), Path::new("21")])?;
    ensure!(called.stdout == b"42\n", "{called:?}");
    let old = run(&[call, &module, Path::new("double"), Path::new("21")])?;
    ensure!(
        old.status.code() == Some(18),
        "what was declared before is replaced: {old:?}"
    );

    // Elsewhere, and the module stays as it is.
    let before = fs::read(&module)?;
    let other = folder.path().join("other.wasm");
    let packed = run(&[pack, &module, &description, Path::new("--output"), &other])?;
    ensure!(
        packed.status.success() && fs::read(&other)? == before,
        "{packed:?}"
    );
    Ok(())
}

#[test]
fn what_would_not_load_is_not_written() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (module, description) = (folder.path().join("m.wasm"), folder.path().join("t.json"));
    // `number` is no task: it has another type.
    fs::write(
        &module,
        b"\0asm\x01\0\0\0\x01\x06\x01\x60\x01\x7f\x01\x7f\x03\x02\x01\0\x07\x0a\x01\x06number\0\0\x0a\x06\x01\x04\0\x20\0\x0b",
    )?;
    let before = fs::read(&module)?;
    for (text, code, words) in [
        (r#"{"tasks": [{"name": "number"}]}"#, 20, "(i32) -> i32"),
        (r#"{"tasks": [{"name": "none"}]}"#, 18, "it exports number"),
        (
            r#"{"tasks": [{"name": "number", "args": ["Vec"]}]}"#,
            18,
            "< is missing at the end",
        ),
        (r#"{"tasks": [{}]}"#, 2, "missing field `name`"),
    ] {
        fs::write(&description, text)?;
        let packed = run(&[Path::new("pack"), &module, &description])?;
        let told = String::from_utf8_lossy(&packed.stderr);
        ensure!(packed.status.code() == Some(code), "{text}: {packed:?}");
        ensure!(told.contains(words), "{text}: {told}");
        ensure!(fs::read(&module)? == before, "{text}");
    }
    ensure!(
        fs::read_dir(folder.path())?.count() == 2,
        "nothing else is left"
    );
    Ok(())
}
