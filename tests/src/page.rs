//! A language's page for newcomers, `docs/guests/LANGUAGE.md`, walked: its files are written, its commands are run in the order of
//! the page, and each prints what is shown. `…` stands for anything, on a line of its own for any lines.

use std::{
    env,
    ffi::OsStr,
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{kinds, project};

/// The rows of the tables below a heading of the second level, each with its cells; the line below the head is one of them.
#[must_use]
pub fn table<'a>(text: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let lines = text.lines().skip_while(|line| *line != heading);
    let section = lines.skip(1).take_while(|line| !line.starts_with("## "));
    section
        .filter(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// A page.
#[derive(Debug)]
pub struct Page {
    blocks: Vec<Block>,
}

/// What one fenced block of a page asks for.
#[derive(Debug, PartialEq)]
enum Block {
    /// How to get the tools: lines of a shell.
    Tools(Vec<String>),
    /// Commands, each with the lines that it prints.
    Console(Vec<(String, Vec<String>)>),
    /// The text of a file, or what is put behind it.
    File {
        name: String,
        appended: bool,
        text: String,
    },
    /// A part of an embedding program: it is shown only.
    Host,
}

impl Page {
    /// The page of a language.
    ///
    /// # Errors
    /// There is none, or nothing can be done with one of its blocks.
    pub fn of(language: &str) -> Result<Self> {
        let path = project().join(format!("docs/guests/{language}.md"));
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let blocks = blocks(&text).with_context(|| path.display().to_string())?;
        Ok(Self { blocks })
    }

    /// How to get the tools: the lines.
    pub fn tools(&self) -> impl Iterator<Item = &str> {
        self.blocks
            .iter()
            .filter_map(|block| match block {
                Block::Tools(lines) => Some(lines),
                Block::Console(_) | Block::File { .. } | Block::Host => None,
            })
            .flatten()
            .map(String::as_str)
    }

    /// Whether all of it is tried when it is walked, but for how to get the tools.
    #[must_use]
    pub fn is_tried(&self) -> bool {
        !self.blocks.contains(&Block::Host)
    }

    /// Does what the page says, with this program as `wasmpool` and these variables, and tells how many commands that were.
    ///
    /// # Errors
    /// A command does not print what the page shows.
    pub fn walk(&self, program: &Path, variables: &[(&str, &OsStr)]) -> Result<usize> {
        let top = tempfile::tempdir()?;
        let (programs, mut folder) = (top.path().join("bin"), top.path().join("work"));
        fs::create_dir(&programs)?;
        fs::create_dir(&folder)?;
        symlink(program, programs.join("wasmpool"))?;
        let others = env::var_os("PATH").unwrap_or_default();
        let search = env::join_paths([programs].into_iter().chain(env::split_paths(&others)))?;
        let mut done = 0;
        for block in &self.blocks {
            match block {
                Block::Tools(_) | Block::Host => {}
                Block::File {
                    name,
                    appended,
                    text,
                } => {
                    let mut options = OpenOptions::new();
                    match appended {
                        // To what is there already.
                        true => options.append(true),
                        false => options.write(true).create(true).truncate(true),
                    };
                    let mut file = options.open(folder.join(name)).context(name.clone())?;
                    file.write_all(text.as_bytes())?;
                }
                Block::Console(commands) => {
                    for (command, shown) in commands {
                        done += 1;
                        if let Some(to) = command.strip_prefix("cd ") {
                            folder = folder.join(to);
                            continue;
                        }
                        let ended = Command::new("sh")
                            .args(["-c", &format!("exec 2>&1; {command}")])
                            .current_dir(&folder)
                            .env("PATH", &search)
                            .env("XDG_CACHE_HOME", kinds::cache())
                            .envs(variables.iter().copied())
                            .stdin(Stdio::null())
                            .output()?;
                        let printed = String::from_utf8_lossy(&ended.stdout);
                        let lines: Vec<&str> = printed.lines().collect();
                        ensure!(
                            fits(shown, &lines),
                            "$ {command}\n{printed}\nbut the page shows\n{}",
                            shown.join("\n")
                        );
                    }
                }
            }
        }
        Ok(done)
    }
}

/// The blocks of a page. One with which nothing can be done is an error: it would be shown and not tried.
fn blocks(page: &str) -> Result<Vec<Block>> {
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        found.push(match info.split_whitespace().collect::<Vec<_>>()[..] {
            ["sh"] => Block::Tools(inside.into_iter().map(str::to_owned).collect()),
            ["console"] => Block::Console(commands(&inside)?),
            ["rust"] => Block::Host,
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

/// What stands behind each `$`, with the lines up to the next one.
fn commands(lines: &[&str]) -> Result<Vec<(String, Vec<String>)>> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for line in lines {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), Vec::new())),
            (None, Some((_, printed))) => printed.push((*line).to_owned()),
            (None, None) => bail!("{line:?} is printed by no command"),
        }
    }
    Ok(commands)
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

#[cfg(test)]
mod tests {
    use super::{Block, blocks, fits};

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

    #[test]
    fn every_block_is_for_something() {
        let page = "# A\n```sh\nget it\n```\n```js a.js\n1\n```\n```c >> b.c\n```\n```console\n$ a\nb\n$ c\n```\n```rust\n```\n";
        let file = |name: &str, appended, text: &str| Block::File {
            name: name.to_owned(),
            appended,
            text: text.to_owned(),
        };
        let console = vec![
            ("a".to_owned(), vec!["b".to_owned()]),
            ("c".to_owned(), Vec::new()),
        ];
        let wanted = [
            Block::Tools(vec!["get it".to_owned()]),
            file("a.js", false, "1\n"),
            file("b.c", true, "\n"),
            Block::Console(console),
            Block::Host,
        ];
        assert_eq!(blocks(page).ok().as_deref(), Some(&wanted[..]));
        assert!(blocks("```\nof nothing\n```").is_err());
        assert!(blocks("```console\nno command\n```").is_err());
    }
}
