//! The newcomer's path of each language, `docs/guests/LANGUAGE.md`, walked: its files are written, its commands are run in the order of
//! the page, and each prints what is shown. `…` stands for anything, on a line of its own for any lines.

use std::{
    env,
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use wasmpool_tests::{kinds, languages, project};

/// What one fenced block of a page asks for.
#[derive(Debug, PartialEq)]
enum Block {
    /// How to get the tools: lines that CI has too.
    Tools(Vec<String>),
    /// Commands, each with the lines that it prints.
    Console(Vec<(String, Vec<String>)>),
    /// The text of a file, or what is put behind it.
    File {
        name: String,
        appended: bool,
        text: String,
    },
}

/// The blocks of a page. One of which nothing follows is an error: it would be shown and not tried.
fn blocks(page: &str) -> Result<Vec<Block>> {
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        found.push(match info.split_whitespace().collect::<Vec<_>>()[..] {
            ["sh"] => Block::Tools(owned(&inside)),
            ["console"] => {
                let mut commands: Vec<(String, Vec<String>)> = Vec::new();
                for line in inside {
                    match (line.strip_prefix("$ "), commands.last_mut()) {
                        (Some(command), _) => commands.push((command.to_owned(), Vec::new())),
                        (None, Some((_, printed))) => printed.push(line.to_owned()),
                        (None, None) => bail!("{line:?} is printed by no command"),
                    }
                }
                Block::Console(commands)
            }
            [_, name] | [_, ">>", name] => Block::File {
                name: name.to_owned(),
                appended: info.contains(">>"),
                text: inside.join("\n") + "\n",
            },
            _ => bail!("nothing can be done with a block of {info:?}"),
        });
    }
    Ok(found)
}

/// Whether a line is as shown.
fn line_fits(shown: &str, line: &str) -> bool {
    let mut parts = shown.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

/// Whether lines are as shown.
fn fits(shown: &[String], lines: &[&str]) -> bool {
    match (shown, lines) {
        ([], lines) => lines.is_empty(),
        ([any, shown @ ..], _) if any == "…" => {
            (0..=lines.len()).any(|skipped| fits(shown, &lines[skipped..]))
        }
        ([first, shown @ ..], [line, lines @ ..]) => line_fits(first, line) && fits(shown, lines),
        _ => false,
    }
}

#[test]
fn what_is_shown_is_compared() {
    let shown = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(fits(&shown("a\n…\nb … d"), &["a", "x", "y", "b c d"]));
    assert!(fits(&shown("a\n…"), &["a"]));
    assert!(!fits(&shown("a\n…\nb"), &["a", "x"]));
    assert!(!fits(&shown("a"), &["a", "b"]));
    assert!(!fits(&shown("a … c"), &["a b d"]));
    assert!(!fits(&shown("a"), &["ab"]));
}

/// Walks the page of a language, unless its tools are missing.
fn walk(name: &str) -> Result<()> {
    if !languages::is_there(name) {
        return Ok(());
    }
    let path = project().join(format!("docs/guests/{name}.md"));
    let page = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let machine = fs::read_to_string(project().join(".ci/languages"))?;
    let top = tempfile::tempdir()?;
    let (programs, mut folder) = (top.path().join("bin"), top.path().join("work"));
    fs::create_dir(&programs)?;
    fs::create_dir(&folder)?;
    let program = Path::new(env!("CARGO_BIN_EXE_wasmpool-under-test"));
    symlink(program, programs.join("wasmpool"))?;
    let others = env::var_os("PATH").unwrap_or_default();
    let search = env::join_paths([programs].into_iter().chain(env::split_paths(&others)))?;
    let mut commands = 0;
    for block in blocks(&page)? {
        match block {
            Block::Tools(lines) => {
                for word in lines.iter().flat_map(|line| line.split_whitespace()) {
                    ensure!(machine.contains(word), "CI has no {word:?}: {lines:?}");
                }
            }
            Block::File {
                name,
                appended,
                text,
            } => {
                let mut options = OpenOptions::new();
                let options = options.write(true).append(appended).truncate(!appended);
                let mut file = options.open(folder.join(&name)).context(name)?;
                file.write_all(text.as_bytes())?;
            }
            Block::Console(lines) => {
                for (command, shown) in lines {
                    commands += 1;
                    if let Some(to) = command.strip_prefix("cd ") {
                        folder = folder.join(to);
                        continue;
                    }
                    let ended = Command::new("sh")
                        .args(["-c", &format!("exec 2>&1; {command}")])
                        .current_dir(&folder)
                        .env("PATH", &search)
                        .env("XDG_CACHE_HOME", kinds::cache())
                        // What the project's own build has fetched is enough.
                        .env("CARGO_NET_OFFLINE", "true")
                        // Nothing is measured here.
                        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
                        .stdin(Stdio::null())
                        .output()?;
                    let printed = String::from_utf8_lossy(&ended.stdout);
                    let lines: Vec<&str> = printed.lines().collect();
                    ensure!(
                        fits(&shown, &lines),
                        "$ {command}\n{printed}\nbut the page shows\n{}",
                        shown.join("\n")
                    );
                }
            }
        }
    }
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
