//! What the bench was asked for.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// How much to measure, and where to put it.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// How often everything is measured.
    pub(crate) rounds: usize,
    /// The one row to measure, instead of all.
    pub(crate) row: Option<u32>,
    /// Where the figures go as JSON.
    pub(crate) json: Option<PathBuf>,
    /// Fewer calls and tasks: a look whether all works, and rough figures.
    pub(crate) quick: bool,
}

impl Options {
    /// Reads the command line.
    ///
    /// # Errors
    /// When it is not understood; the message says how it is written.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self {
            rounds: 0,
            row: None,
            json: None,
            quick: false,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || {
                rest.next()
                    .with_context(|| format!("{argument} needs a value"))
            };
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--rounds" => options.rounds = value()?.parse().context("--rounds N")?,
                "--row" => options.row = Some(value()?.parse().context("--row N")?),
                "--json" => options.json = Some(value()?.into()),
                _ => bail!(
                    "usage: bench [--quick] [--rounds N] [--row 1|2|3|7|8|9|10|11|12|13|17|18] [--json FILE]"
                ),
            }
        }
        if options.rounds == 0 {
            options.rounds = if options.quick { 3 } else { 7 };
        }
        Ok(options)
    }

    /// Whether this row is wanted.
    pub(crate) fn wants(&self, row: u32) -> bool {
        self.row.is_none_or(|only| only == row)
    }

    /// One number for a full run, a smaller one for a quick one.
    pub(crate) fn scale(&self, full: u64) -> u64 {
        if self.quick { full / 20 } else { full }
    }
}
