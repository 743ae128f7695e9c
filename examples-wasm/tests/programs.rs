//! The example programs, run as a user runs them, against a truth that none of them had a hand in.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use wasmpool_examples::md5::{project, source_files};

/// Runs a program to its good end.
fn run(program: &str, arguments: &[&str], input: &[u8]) -> Result<Output> {
    let output = run_to_any_end(program, arguments, input)?;
    ensure!(
        output.status.success(),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output)
}

/// Runs a program to whatever end.
fn run_to_any_end(program: &str, arguments: &[&str], input: &[u8]) -> Result<Output> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("piped")?.write_all(input)?;
    Ok(child.wait_with_output()?)
}

/// What `md5sum` says of the same files.
fn md5sum(directory: &Path, paths: &[impl AsRef<std::ffi::OsStr>]) -> Result<String> {
    let output = Command::new("md5sum")
        .current_dir(directory)
        .arg("--")
        .args(paths)
        .output()
        .context("md5sum")?;
    ensure!(
        output.status.success(),
        "md5sum: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
fn the_demo_prints_what_md5sum_prints_for_the_projects_own_files() -> Result<()> {
    let output = run(env!("CARGO_BIN_EXE_md5_files"), &[], b"")?;
    let digests = String::from_utf8(output.stdout)?;
    ensure!(
        digests.lines().count() > 50,
        "these are not all source files:\n{digests}"
    );
    ensure!(digests == md5sum(&project(), &source_files(&project())?)?);
    let talk = String::from_utf8(output.stderr)?;
    ensure!(
        talk.contains(" files, ") && talk.contains("try next: "),
        "{talk}"
    );
    Ok(())
}

#[test]
fn files_that_are_named_are_hashed_and_one_that_cannot_be_read_costs_only_itself() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let good: Vec<String> = ["empty", "short", "long"]
        .map(|name| directory.path().join(name).to_string_lossy().into_owned())
        .into();
    for (path, size) in good.iter().zip([0, 10, 3 << 20]) {
        fs::write(path, vec![0xa5; size])?;
    }
    let missing = directory
        .path()
        .join("missing")
        .to_string_lossy()
        .into_owned();
    let output = run_to_any_end(
        env!("CARGO_BIN_EXE_md5_files"),
        &[&good[0], &missing, &good[1], &good[2], &missing],
        b"",
    )?;
    ensure!(output.status.code() == Some(1), "{}", output.status);
    ensure!(String::from_utf8(output.stdout)? == md5sum(directory.path(), &good)?);
    let talk = String::from_utf8(output.stderr)?;
    ensure!(talk.matches(&missing).count() == 2, "{talk}");
    Ok(())
}

#[test]
fn the_five_lines_print_digests_in_the_order_of_the_files() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let paths: Vec<String> = (0..20)
        .map(|n| {
            directory
                .path()
                .join(n.to_string())
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    for (n, path) in paths.iter().enumerate() {
        fs::write(path, "x".repeat(n * 1_000))?;
    }
    let arguments: Vec<&str> = paths.iter().map(String::as_str).collect();
    let output = run(env!("CARGO_BIN_EXE_five_lines"), &arguments, b"")?;
    let theirs = md5sum(directory.path(), &paths)?;
    let theirs: Vec<&str> = theirs
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    ensure!(
        String::from_utf8(output.stdout)?
            .lines()
            .collect::<Vec<_>>()
            == theirs
    );
    Ok(())
}

#[test]
fn the_picture_has_the_pixels_of_a_native_render() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("set.png");
    let (width, height) = (150, 100);
    let arguments = [
        path.to_str().context("a temporary path")?,
        &width.to_string(),
        &height.to_string(),
    ];
    run(env!("CARGO_BIN_EXE_mandelbrot"), &arguments, b"")?;

    let mut reader = png::Decoder::new(BufReader::new(File::open(&path)?)).read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size().context("a small picture")?];
    let info = reader.next_frame(&mut pixels)?;
    ensure!((info.width, info.height) == (width, height));

    // The same source, compiled for this machine.
    let view = wasmpool_examples::mandelbrot::whole(width, height);
    let native: Vec<u8> = (0..height)
        .flat_map(|y| guest_mandelbrot::row(view, y))
        .collect();
    ensure!(pixels == native, "the pixels differ");
    // Against a picture of one colour: the middle of the set is black, the corner is not.
    let pixel = |x: usize, y: usize| &pixels[(y * 150 + x) * 3..][..3];
    ensure!(pixel(110, 50) == [0, 0, 0] && pixel(0, 0) != [0, 0, 0]);
    Ok(())
}

#[test]
fn the_most_frequent_words_are_those_of_a_count_without_a_pool() -> Result<()> {
    // Long enough for several tasks.
    let text: String = (0..40_000_u32)
        .map(|n| {
            format!(
                "Word{} and the {},\n",
                n % 97,
                ["cat", "dog", "CAT"][n as usize % 3]
            )
        })
        .collect();
    let output = run(env!("CARGO_BIN_EXE_wordcount"), &[], text.as_bytes())?;

    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for word in text.split([' ', ',', '\n']).filter(|word| !word.is_empty()) {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let wanted: Vec<String> = counts
        .iter()
        .take(20)
        .map(|(word, times)| format!("{times:8} {word}"))
        .collect();
    ensure!(
        String::from_utf8(output.stdout)?
            .lines()
            .collect::<Vec<_>>()
            == wanted
    );
    Ok(())
}

/// From the table of π(x): OEIS A006880.
#[test]
fn the_numbers_of_primes_are_the_known_ones() -> Result<()> {
    for (limit, primes) in [
        ("0", "0"),
        ("10", "4"),
        ("1000", "168"),
        ("1000000", "78498"),
        ("10000000", "664579"),
    ] {
        let output = run(env!("CARGO_BIN_EXE_primes"), &[limit], b"")?;
        ensure!(
            String::from_utf8_lossy(&output.stdout).trim() == primes,
            "below {limit}: {output:?}"
        );
    }
    Ok(())
}

#[test]
fn the_command_finds_what_grep_finds() -> Result<()> {
    let text = "one\nbanana\n\ncan\nend\n";
    for word in ["an", "n", "zebra"] {
        let ours = run_to_any_end(env!("CARGO_BIN_EXE_command"), &[word], text.as_bytes())?;
        let theirs = run_to_any_end("grep", &["-n", "-F", word], text.as_bytes())?;
        ensure!(
            ours.stdout == theirs.stdout,
            "{word}: {}",
            String::from_utf8_lossy(&ours.stdout)
        );
        ensure!(
            ours.status.code() == theirs.status.code(),
            "{word}: {}",
            ours.status
        );
    }
    Ok(())
}
