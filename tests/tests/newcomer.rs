//! The newcomer's path of each language, `docs/guests/LANGUAGE.md`, walked to its end: see `wasmpool_tests::page`.

use std::{ffi::OsStr, fs, path::Path};

use anyhow::{Result, ensure};
use wasmpool_tests::{languages, page::Page, project};

/// Walks the page of a language, unless its tools are missing.
fn walk(name: &str) -> Result<()> {
    if !languages::is_there(name) {
        return Ok(());
    }
    let page = Page::of(name)?;
    ensure!(page.is_tried(), "some of it is shown and not tried");
    let machine = fs::read_to_string(project().join(".ci/languages"))?;
    for line in page.tools() {
        for word in line.split_whitespace() {
            ensure!(machine.contains(word), "CI has no {word:?}: {line}");
        }
    }
    let variables = [
        // What the project's own build has fetched is enough.
        ("CARGO_NET_OFFLINE", OsStr::new("true")),
        // Nothing is measured here.
        ("CARGO_PROFILE_RELEASE_OPT_LEVEL", OsStr::new("0")),
    ];
    let program = Path::new(env!("CARGO_BIN_EXE_wasmpool-under-test"));
    let commands = page.walk(program, &variables)?;
    ensure!(commands > 5, "{commands} commands");
    Ok(())
}

#[test]
fn rust() -> Result<()> {
    walk("rust")
}

#[test]
fn c() -> Result<()> {
    walk("c")
}

#[test]
fn cpp() -> Result<()> {
    walk("cpp")
}

#[test]
fn assemblyscript() -> Result<()> {
    walk("assemblyscript")
}

#[test]
fn go() -> Result<()> {
    walk("go")
}

#[test]
fn zig() -> Result<()> {
    walk("zig")
}

#[test]
fn every_language_has_its_page_and_its_test() -> Result<()> {
    let source = include_str!("newcomer.rs");
    let index = fs::read_to_string(project().join("docs/guests/README.md"))?;
    for name in languages::names().chain(["rust"]) {
        ensure!(source.contains(&format!("walk(\"{name}\")")), "{name}");
        ensure!(index.contains(&format!("]({name}.md)")), "{name}");
    }
    Ok(())
}
