//! `command TEXT`: the lines of standard input that contain TEXT, found by a WASI command in a worker.

use std::io::{Read, Write, stderr, stdin, stdout};
use std::process::ExitCode;

use anyhow::{Context, Result};
use wasmpool::Pool;
use wasmpool_examples::find::find;

fn main() -> Result<ExitCode> {
    let text = std::env::args()
        .nth(1)
        .context("usage: command TEXT < INPUT")?;
    let mut input = Vec::new();
    stdin().read_to_end(&mut input)?;
    let output = find(&Pool::new()?, &text, input)?;
    stdout().write_all(&output.stdout)?;
    stderr().write_all(&output.stderr)?;
    Ok(ExitCode::from(u8::try_from(output.code).unwrap_or(u8::MAX)))
}
