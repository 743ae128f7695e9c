//! `wordcount [FILE…]`: the twenty most frequent words of the files, or of standard input.

use std::fs::File;
use std::io::{BufReader, Read, stdin};

use anyhow::{Context, Result};
use wasmpool::Pool;
use wasmpool_examples::words::count;

fn main() -> Result<()> {
    let mut text: Box<dyn Read> = Box::new(std::io::empty());
    for path in std::env::args().skip(1) {
        // A line break between two files, or the last word of one would run into the first of the next.
        text = Box::new(
            text.chain(File::open(&path).with_context(|| format!("failed to open {path}"))?)
                .chain(&b"\n"[..]),
        );
    }
    if std::env::args().len() == 1 {
        text = Box::new(stdin().lock());
    }
    let pool = Pool::new()?;
    let mut counts: Vec<(String, u64)> = count(&pool, BufReader::new(text))?.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    for (word, times) in counts.iter().take(20) {
        println!("{times:8} {word}");
    }
    Ok(())
}
