//! What the bench was asked for.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use wasmpool_tests::figures::documents;

/// How much to measure, and where to put it.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// How often everything is measured.
    pub(crate) rounds: usize,
    /// The rows to measure; all when there is none.
    pub(crate) rows: Vec<u32>,
    /// Where figures and plots go.
    pub(crate) out: PathBuf,
    /// Where the figures go as JSON beside that.
    pub(crate) json: Option<PathBuf>,
    /// Fewer calls and tasks: a look whether all works, and rough figures.
    pub(crate) quick: bool,
    /// Measures nothing, and takes an earlier run's figures.
    pub(crate) from: Option<PathBuf>,
    /// Keeps the rows of an earlier run, in `out`, that are not measured now.
    pub(crate) keep: bool,
    /// Shows the figures in the documents.
    pub(crate) readme: bool,
}

/// How the command line is written.
pub(crate) const USAGE: &str = "\
Measures all that is promised of speed and memory, beside what the kernel allows and what the neighbours take.

usage: bench [--quick] [--rounds N] [--row N]… [--out FOLDER] [--json FILE] [--keep] [--from FILE] [--readme]

  --quick       fewer calls and rounds: a look whether all works, and rough figures
  --rounds N    measure everything so often [default: 5, or 2 with --quick]
  --row N       measure this row only; may be given again for more rows
  --out FOLDER  where figures and plots go [default: target/bench]
  --json FILE   write the figures there too
  --keep        keep the figures of the last run for the rows that are not measured now
  --from FILE   measure nothing, and take the figures of an earlier run
  --readme      put the figures into README.md and docs/speed.md
";

impl Options {
    /// Whether the command line only asks how it is written.
    pub(crate) fn asks_for_help(arguments: &[String]) -> bool {
        arguments.iter().any(|it| it == "--help" || it == "-h")
    }

    /// Reads the command line.
    ///
    /// # Errors
    /// When it is not understood; the message says how it is written.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self {
            rounds: 0,
            rows: Vec::new(),
            out: documents::project().join("target/bench"),
            json: None,
            quick: false,
            from: None,
            keep: false,
            readme: false,
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
                "--row" => options.rows.push(value()?.parse().context("--row N")?),
                "--out" => options.out = value()?.into(),
                "--json" => options.json = Some(value()?.into()),
                "--from" => options.from = Some(value()?.into()),
                "--keep" => options.keep = true,
                "--readme" => options.readme = true,
                other => bail!("bench has no argument {other:?}; --help shows those that it has"),
            }
        }
        if options.rounds == 0 {
            options.rounds = if options.quick { 2 } else { 5 };
        }
        Ok(options)
    }

    /// Whether this row is wanted.
    pub(crate) fn wants(&self, row: u32) -> bool {
        self.rows.is_empty() || self.rows.contains(&row)
    }

    /// One number for a full run, a smaller one for a quick one.
    pub(crate) fn scale(&self, full: u64) -> u64 {
        if self.quick { full / 20 } else { full }
    }

    /// So many rounds at most: for what takes long, and varies little for that.
    pub(crate) fn few_rounds(&self, most: usize) -> usize {
        self.rounds.min(most)
    }
}
