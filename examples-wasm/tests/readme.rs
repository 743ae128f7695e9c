//! The five lines are one text: in the README, in the documentation of the crate, and in the first example.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// How the five lines begin.
const BEGINNING: &str = "let pool";
/// How they end: the loop's last line.
const END: &str = "}";

#[test]
fn the_readme_shows_the_example() -> Result<()> {
    let readme = fs::read_to_string(project().join("README.md")).context("README.md")?;
    let block = blocks(readme.lines())
        .into_iter()
        .find(|block| starts(block))
        .context("README.md has no five lines")?;
    ensure!(
        five(&block) == example()?,
        "README.md says\n{}",
        block.join("\n")
    );
    Ok(())
}

#[test]
fn the_documentation_of_the_crate_shows_the_example() -> Result<()> {
    let source = fs::read_to_string(project().join("host/src/lib.rs"))?;
    let documentation = source
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line));
    // Lines that begin with `# ` are run and not shown.
    let shown = documentation.filter(|line| *line != "#" && !line.starts_with("# "));
    let block = blocks(shown)
        .into_iter()
        .find(|block| starts(block))
        .context("host/src/lib.rs has no five lines")?;
    ensure!(
        five(&block) == example()?,
        "host/src/lib.rs says\n{}",
        block.join("\n")
    );
    Ok(())
}

/// The five lines of the example, without their indentation.
fn example() -> Result<Vec<String>> {
    let source =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/five_lines.rs"))?;
    let indented: Vec<&str> = source
        .lines()
        .skip_while(|line| !line.trim_start().starts_with(BEGINNING))
        .collect();
    let first = indented.first().context("the example has no five lines")?;
    let depth = first.len() - first.trim_start().len();
    let lines: Vec<&str> = indented
        .iter()
        .map(|line| line.get(depth..).unwrap_or_default())
        .collect();
    let lines = five(&lines);
    ensure!(lines.len() == 5, "they are {} lines", lines.len());
    Ok(lines)
}

/// The code blocks of a Markdown text: what stands between two fences of which the first is a plain one or one of Rust.
fn blocks<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Vec<&'a str>> {
    let mut found: Vec<Vec<&str>> = Vec::new();
    let mut inside = false;
    for line in lines {
        if line.starts_with("```") {
            inside = !inside;
            if inside {
                found.push(Vec::new());
            }
        } else if let (true, Some(block)) = (inside, found.last_mut()) {
            block.push(line);
        }
    }
    found
}

fn starts(block: &[&str]) -> bool {
    block.iter().any(|line| line.starts_with(BEGINNING))
}

/// From the first of the five lines to the last, with runs of spaces before a comment counted as one: they only align.
fn five(block: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    for line in block.iter().skip_while(|line| !line.starts_with(BEGINNING)) {
        lines.push(match line.split_once("//") {
            Some((code, comment)) => format!("{} //{comment}", code.trim_end()),
            None => (*line).to_owned(),
        });
        if *line == END {
            break;
        }
    }
    lines
}

fn project() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}
