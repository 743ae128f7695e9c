//! The smallest use: the five lines of the README, run over the files that are named on the command line.

use std::fs;

use anyhow::{Context, Result};
use wasmpool_examples::guests;

fn main() -> Result<()> {
    let files: Vec<Vec<u8>> = std::env::args_os()
        .skip(1)
        .map(fs::read)
        .collect::<Result<_, _>>()?;
    // The five lines name the guest as a user would who has it at hand.
    std::env::set_current_dir(
        guests::md5()
            .parent()
            .context("the guest lies in a directory")?,
    )?;
    five_lines(files)
}

/// One text with the README and the documentation of the crate: a test compares them.
#[rustfmt::skip]
fn five_lines(files: Vec<Vec<u8>>) -> Result<()> {
    let pool = wasmpool::Pool::new()?;                                  // one worker per core
    let md5 = pool.load("md5.wasm")?.task::<Vec<u8>, String>("md5")?;    // typed and checked here, not at the first call
    for digest in pool.imap(&md5, files) {                              // lazy, ordered, bounded
        println!("{}", digest?);
    }
    Ok(())
}
