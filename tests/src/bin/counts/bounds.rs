//! The counts that were checked in, and how far others may be from them.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::fs;

use anyhow::{Context, Result};

/// Counts by name, for each architecture.
type Counts = BTreeMap<String, BTreeMap<String, u64>>;

/// How much more than its bound a count may be, in percent. Two runs differ by one or two: who waits for whom is not always
/// the same.
const ALLOWED: u64 = 5;
/// From so much less on it is said that the bound could be lower.
const WORTH_IT: u64 = 5;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/counts.json");

/// The bounds of this architecture, and those of the others.
#[derive(Debug)]
pub(crate) struct Bounds(Counts);

impl Bounds {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub(crate) fn read() -> Result<Self> {
        let text = fs::read(FILE).context(FILE)?;
        Ok(Self(serde_json::from_slice(&text).context(FILE)?))
    }

    /// Prints a count beside its bound; `false` when it is above, or when this architecture has bounds and this path none.
    pub(crate) fn holds(&self, name: &str, count: u64) -> bool {
        let Some(counts) = self.0.get(ARCH) else {
            println!("{name:<34}{count:>9}  there are no bounds for {ARCH}; --write makes them");
            return true;
        };
        let Some(&bound) = counts.get(name) else {
            println!("{name:<34}{count:>9}  NO BOUND; --write makes one");
            return false;
        };
        let above = count * 100 > bound * (100 + ALLOWED);
        let word = if above {
            "ABOVE"
        } else if count * 100 < bound * (100 - WORTH_IT) {
            "below: --write keeps it there"
        } else {
            ""
        };
        println!("{name:<34}{count:>9}  of {bound:>9}  {word}");
        !above
    }

    /// Makes this count the bound.
    pub(crate) fn set(&mut self, name: &str, count: u64) {
        println!("{name:<34}{count:>9}");
        let counts = self.0.entry(ARCH.to_owned()).or_default();
        counts.insert(name.to_owned(), count);
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(&self) -> Result<()> {
        let mut text = serde_json::to_string_pretty(&self.0)?;
        text.push('\n');
        fs::write(FILE, text).context(FILE)
    }
}
