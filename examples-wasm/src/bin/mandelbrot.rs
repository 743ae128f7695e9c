//! `mandelbrot FILE [WIDTH HEIGHT]`: writes a picture of the Mandelbrot set as a PNG.

use std::fs::File;
use std::io::{BufWriter, Write};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use wasmpool::Pool;
use wasmpool_examples::mandelbrot::{draw, whole};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (path, width, height) = match &arguments[..] {
        [path] => (path, 1200, 800),
        [path, width, height] => (
            path,
            width.parse().context("WIDTH")?,
            height.parse().context("HEIGHT")?,
        ),
        _ => bail!("usage: mandelbrot FILE [WIDTH HEIGHT]"),
    };
    let pool = Pool::new()?;
    let bar = ProgressBar::new(u64::from(height))
        .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} rows")?);
    let mut file =
        BufWriter::new(File::create(path).with_context(|| format!("failed to create {path}"))?);
    draw(&pool, whole(width, height), height, &mut file, || {
        bar.inc(1)
    })?;
    file.flush()?;
    bar.finish_and_clear();
    eprintln!(
        "{path}: {width} × {height} pixels, {} workers",
        pool.workers()
    );
    Ok(())
}
