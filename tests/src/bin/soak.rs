//! Runs everything at once for so many minutes while processes are killed, and prints what it did: `soak [MINUTES]`, ten when
//! nobody says.

use std::time::Duration;

use anyhow::{Context, Result};
use wasmpool_tests::soak::{self, Settings};

fn main() -> Result<()> {
    let minutes = match std::env::args().nth(1) {
        Some(text) if text == "--help" || text == "-h" => {
            println!("usage: soak [MINUTES], ten when nobody says");
            return Ok(());
        }
        Some(text) => text.parse::<f64>().context("how many minutes")?,
        None => 10.0,
    };
    let length = Duration::try_from_secs_f64(minutes * 60.0).context("how many minutes")?;
    println!("{}", soak::run(Settings::of(length))?);
    Ok(())
}
