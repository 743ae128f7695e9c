//! `md5_files [FILE…]`: prints digests as `md5sum` does, of the project's own sources when no file is named.
//!
//! Each file is hashed by a WebAssembly guest in a worker process, in a fresh instance that can do nothing but hash.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use wasmpool::Pool;
use wasmpool_examples::md5::{hash_files, project, source_files};

fn main() -> Result<ExitCode> {
    let named: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let own = named.is_empty();
    let (root, paths) = if own {
        (project(), source_files(&project())?)
    } else {
        (PathBuf::new(), named)
    };

    let begun = Instant::now();
    let pool = Pool::new()?;
    // Drawn on standard error, and only when that is a terminal.
    let bar = ProgressBar::new(paths.len() as u64).with_style(ProgressStyle::with_template(
        "{bar:40} {pos}/{len} files, {per_sec}",
    )?);
    let (mut hashed, mut bytes, mut failed) = (0_u64, 0_u64, 0_u64);
    let mut written = Ok(());
    hash_files(&pool, &root, &paths, |file| {
        match file.digest {
            Ok(digest) => {
                hashed += 1;
                bytes += file.length;
                let line = bar.suspend(|| writeln!(stdout(), "{digest}  {}", file.path.display()));
                if written.is_ok() {
                    written = line;
                }
            }
            Err(error) => {
                failed += 1;
                bar.suspend(|| eprintln!("{error:#}"));
            }
        }
        bar.inc(1);
    })?;
    bar.finish_and_clear();
    written?;

    let wall = begun.elapsed();
    eprintln!(
        "{hashed} files, {bytes} bytes, {failed} failures: {wall:.1?} with {} workers, a fresh sandbox for each file",
        pool.workers()
    );
    if own {
        eprintln!("try next: cargo run -p wasmpool-examples --bin mandelbrot -- mandelbrot.png");
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
