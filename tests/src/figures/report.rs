//! All that one run has measured.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::machine::Machine;
pub use super::measure::Measure;

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// When it was made, as `2026-01-31T12:00:00Z`.
    pub date: String,
    /// Where.
    pub machine: Machine,
    /// How often everything was measured.
    pub rounds: usize,
    /// Whether it was a quick look only.
    pub quick: bool,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What was measured, by rows.
    pub measures: Vec<Measure>,
    /// Rows that failed, and why.
    pub failed: Vec<(u32, String)>,
    /// What was not measured, and why not.
    pub skipped: Vec<String>,
}

impl Report {
    /// The lines that stand for a row: those that say so, or its first.
    #[must_use]
    pub fn heads(&self, row: u32) -> Vec<&Measure> {
        let of_row = || self.measures.iter().filter(move |it| it.row == row);
        let heads: Vec<&Measure> = of_row().filter(|it| it.head).collect();
        if heads.is_empty() {
            of_row().take(1).collect()
        } else {
            heads
        }
    }

    /// The day.
    #[must_use]
    pub fn day(&self) -> &str {
        self.date.split('T').next().unwrap_or(&self.date)
    }

    /// Takes the rows of an earlier run that this one has not measured.
    ///
    /// # Errors
    /// When that was on another machine, or so quick a look that its figures do not belong beside these.
    pub fn keep(&mut self, earlier: Self) -> Result<()> {
        ensure!(
            earlier.machine == self.machine
                && earlier.quick == self.quick
                && earlier.rounds == self.rounds,
            "the earlier run was on another machine, beside others, or of another kind"
        );
        let here: BTreeSet<u32> = self.measures.iter().map(|it| it.row).collect();
        let here =
            |row: u32| here.contains(&row) || self.failed.iter().any(|(failed, _)| *failed == row);
        let kept: Vec<Measure> = earlier
            .measures
            .into_iter()
            .filter(|it| !here(it.row))
            .collect();
        let failed: Vec<_> = earlier
            .failed
            .into_iter()
            .filter(|(row, _)| !here(*row))
            .collect();
        self.measures.extend(kept);
        self.measures.sort_by_key(|it| it.row);
        self.failed.extend(failed);
        for what in earlier.skipped {
            if !self.skipped.contains(&what) {
                self.skipped.push(what);
            }
        }
        self.seconds += earlier.seconds;
        Ok(())
    }

    /// Reads what [`Report::write`] has written.
    ///
    /// # Errors
    /// When the file is not there or something else.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("failed to read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("no figures: {}", path.display()))
    }

    /// Writes the figures of every round as JSON, and beside them what follows from them.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let measures = self.measures.iter().map(Measure::json);
        let measures = measures.collect::<serde_json::Result<Vec<Value>>>()?;
        let mut value = serde_json::to_value(self)?;
        value["measures"] = measures.into();
        fs::write(path, serde_json::to_string_pretty(&value)? + "\n")
            .with_context(|| format!("failed to write {}", path.display()))
    }
}
