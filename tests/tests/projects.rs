//! `wasmpool new`, `build`, `test` and `dev`, with a compiler that copies its source: what a language's own tool makes of a real one,
//! `newcomer.rs` and `languages.rs` show.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Read},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};

use anyhow::{Context as _, Result, ensure};
use wasmpool_tests::{DEADLINE, kinds, processes::interrupt};

/// A project in C whose compiler is a script, and whose source is a module in text.
struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Result<Self> {
        let project = Self(tempfile::tempdir()?);
        let compiler = project.path("compiler");
        fs::write(
            &compiler,
            "#!/bin/sh\ncase $* in *-fsyntax-only*) exit 0 ;; esac\nif grep -q broken main.c; then echo 'main.c: it is broken' >&2; exit 1; fi\ncp main.c hello.wasm\n",
        )?;
        fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755))?;
        let made = project.run(["new", "c", "hello"])?;
        ensure!(made.status.success(), "{made:?}");
        project.answer(42)?;
        Ok(project)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Has the source say so.
    fn answer(&self, answer: i32) -> Result<()> {
        let text = format!(r#"(module (func (export "answer") (result i32) i32.const {answer}))"#);
        // At once, as an editor does.
        fs::write(self.path("main.c.new"), text)?;
        Ok(fs::rename(
            self.path("main.c.new"),
            self.path("hello/main.c"),
        )?)
    }

    fn tests(&self, tests: &str) -> Result<()> {
        let text = format!("language = \"c\"\nname = \"hello\"\n{tests}");
        Ok(fs::write(self.path("hello/wasmpool.toml"), text)?)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wasmpool-under-test"));
        command
            .current_dir(self.0.path())
            .env("XDG_CACHE_HOME", kinds::cache())
            .env("WASMPOOL_CLANG", self.path("compiler"))
            .stdin(Stdio::null());
        command
    }

    fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Output> {
        Ok(self.command().args(arguments).output()?)
    }
}

/// How it ended, and what it said.
fn ends(output: &Output, code: i32, out: &str, talk: &[&str]) -> Result<()> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(code), "{output:?}");
    ensure!(String::from_utf8_lossy(&output.stdout) == out, "{output:?}");
    for words in talk {
        ensure!(said.contains(words), "it does not say {words:?}: {said}");
    }
    Ok(())
}

#[test]
fn what_is_built_is_loaded_and_shown() -> Result<()> {
    let project = Project::new()?;
    let command = "clang --target=wasm32-wasi";
    ends(
        &project.run(["build", "hello"])?,
        0,
        "answer() -> i32\n",
        &[command],
    )?;
    ends(&project.run(["build", "hello", "-q"])?, 0, "", &[])?;
    let before = fs::read(project.path("hello/hello.wasm"))?;
    fs::write(project.path("hello/main.c"), "broken")?;
    let words = ["main.c: it is broken", "clang failed: exit status: 1"];
    ends(&project.run(["build", "hello"])?, 20, "", &words)?;
    ensure!(fs::read(project.path("hello/hello.wasm"))? == before);
    fs::write(
        project.path("hello/main.c"),
        "(module (import \"env\" \"x\" (func)))",
    )?;
    ends(
        &project.run(["build", "hello"])?,
        20,
        "",
        &["hello.wasm: ", "env"],
    )?;
    Ok(())
}

#[test]
fn tests_pass_and_fail() -> Result<()> {
    let project = Project::new()?;
    project.tests("[[tests]]\ntask = 'answer'\noutput = 42\n")?;
    ends(
        &project.run(["test", "hello"])?,
        0,
        "ok: answer() = 42\n",
        &[],
    )?;
    project.tests(
        "[[tests]]\ntask = 'answer'\noutput = 43\n[[tests]]\ntask = 'answer'\nerror = 'x'\n\
         [[tests]]\ntask = 'question'\n[[tests]]\ntask = 'answer'\ninput = 7\n[[tests]]\ntask = 'answer'\n",
    )?;
    let output = project.run(["test", "hello"])?;
    let out = String::from_utf8(output.stdout)?;
    let lines: Vec<_> = out.lines().collect();
    ensure!(output.status.code() == Some(1), "{out}");
    ensure!(lines[0] == "FAILED: answer() = 42, and not 43", "{out}");
    ensure!(
        lines[1] == "FAILED: answer() = 42, and should have failed",
        "{out}"
    );
    ensure!(
        lines[2].starts_with("FAILED: question(): no task is called `question`"),
        "{out}"
    );
    ensure!(lines[3].starts_with("FAILED: answer(7): "), "{out}");
    ensure!(lines[4..] == ["ok: answer() = 42"], "{out}");
    Ok(())
}

#[test]
fn what_cannot_be_is_told_with_what_to_do() -> Result<()> {
    let project = Project::new()?;
    ends(
        &project.run(["new", "c", "hello"])?,
        21,
        "",
        &["hello", "already"],
    )?;
    ends(
        &project.run(["new", "c", "Hello"])?,
        2,
        "",
        &["Hello is no name for a guest"],
    )?;
    ends(
        &project.run(["new", "cobol", "x"])?,
        2,
        "",
        &["assemblyscript"],
    )?;
    ends(
        &project.run(["build", "nowhere"])?,
        21,
        "",
        &["nowhere/wasmpool.toml"],
    )?;
    ends(
        &project.run(["dev", "--project", "nowhere"])?,
        21,
        "",
        &["nowhere/wasmpool.toml"],
    )?;
    for (language, tool, way) in [
        ("go", "there is no go", "https://go.dev/dl"),
        ("zig", "there is no zig", "pip install ziglang"),
        (
            "assemblyscript",
            "there is no asc",
            "npm install assemblyscript",
        ),
        ("cpp", "there is no clang++", "libc++-dev-wasm32"),
    ] {
        ends(
            &project.run(["new", language, language])?,
            0,
            "",
            &[language],
        )?;
        let mut command = project.command();
        for variable in ["GO", "ZIG", "ASC", "CLANGXX"] {
            command.env_remove(format!("WASMPOOL_{variable}"));
        }
        let output = command.env("PATH", "").args(["build", language]).output()?;
        ends(&output, 21, "", &[tool, way])?;
    }
    Ok(())
}

/// A program that has no end of its own.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What it says, line by line.
struct Lines(Receiver<String>);

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                // Whoever reads this may have heard enough.
                let _ = sender.send(line);
            }
        });
        Self(lines)
    }

    /// Reads on to a line with these words.
    fn until(&self, words: &str) -> Result<()> {
        while !self
            .0
            .recv_timeout(DEADLINE)
            .context(words.to_owned())?
            .contains(words)
        {}
        Ok(())
    }
}

#[test]
fn dev_builds_and_calls_again_whenever_a_source_changes() -> Result<()> {
    let project = Project::new()?;
    let mut command = project.command();
    command
        .args(["dev", "--project", "hello", "answer"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = Running(command.spawn()?);
    let out = Lines::of(child.0.stdout.take().context("piped")?);
    let talk = Lines::of(child.0.stderr.take().context("piped")?);
    out.until("42")?;
    talk.until("waiting for a change")?;
    project.answer(43)?;
    out.until("43")?;
    talk.until("waiting for a change")?;
    // What does not build is told, and is no end.
    fs::write(project.path("hello/main.c"), "broken")?;
    talk.until("clang failed")?;
    talk.until("waiting for a change")?;
    project.answer(44)?;
    out.until("44")?;
    talk.until("waiting for a change")?;
    interrupt(child.0.id())?;
    ensure!(child.0.wait()?.code() == Some(130));
    Ok(())
}
