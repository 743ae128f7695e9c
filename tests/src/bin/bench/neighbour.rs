//! The neighbours: Python's `multiprocessing`, and others that Python can load, measured by a script of this project.
//!
//! `just neighbours` sets them up in a place of their own; without it any `python3` will do, with what that has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use wasmpool_tests::figures::documents;

/// What each package is for.
const PACKAGES: [(&str, &str); 5] = [
    ("numpy", "row 7 beside numpy: Python adds up by itself"),
    ("loky", "row 9 beside loky"),
    ("pebble", "row 9 beside Pebble"),
    ("extism", "row 14 beside Extism"),
    ("wasmtime", "row 14 beside wasmtime for Python"),
];

/// Python, where it is installed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neighbour(Option<&'static Python>);

#[derive(Debug)]
struct Python {
    program: PathBuf,
    /// Itself and the packages it has, with their versions.
    versions: BTreeMap<String, String>,
}

impl Neighbour {
    /// Looks for it: first where `just neighbours` has put it.
    ///
    /// # Errors
    /// When it is there and does not say what it has.
    pub(crate) fn find() -> Result<Self> {
        let own = documents::project().join("target/bench/neighbours/bin/python");
        let program = if own.exists() { own } else { "python3".into() };
        let mut command = Command::new(&program);
        command.arg(script()).arg("versions");
        let found = match command.output() {
            Ok(output) if output.status.success() => output.stdout,
            _ => return Ok(Self(None)),
        };
        let versions = serde_json::from_slice(&found).context("the neighbours' versions")?;
        // It lives as long as the program.
        Ok(Self(Some(Box::leak(Box::new(Python {
            program,
            versions,
        })))))
    }

    /// Whether a package is there to be measured.
    pub(crate) fn has(self, package: &str) -> bool {
        self.0.is_some_and(|it| it.versions.contains_key(package))
    }

    /// Who is measured, with versions.
    pub(crate) fn versions(self) -> Vec<(String, String)> {
        let versions = self.0.map(|it| it.versions.clone());
        versions.unwrap_or_default().into_iter().collect()
    }

    /// Who is not, and where that is missed.
    pub(crate) fn skipped(self) -> Vec<String> {
        if self.0.is_none() {
            return vec!["all neighbours: there is no python3 with multiprocessing".to_owned()];
        }
        PACKAGES
            .into_iter()
            .filter(|(package, _)| !self.has(package))
            .map(|(_, what)| format!("{what}; it is not installed (`just neighbours` does it)"))
            .collect()
    }

    /// Runs one measurement of the script and returns its figures, in seconds or bytes. `None` when Python is missing.
    ///
    /// # Errors
    /// When the script fails; it checks its own results.
    pub(crate) fn measure(self, what: &str, arguments: &[String]) -> Result<Option<Vec<f64>>> {
        let Some(python) = self.0 else {
            return Ok(None);
        };
        let output = Command::new(&python.program)
            .arg(script())
            .arg(what)
            .args(arguments)
            .output()
            .with_context(|| format!("{}", python.program.display()))?;
        ensure!(
            output.status.success(),
            "the neighbour failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(Some(
            serde_json::from_slice(&output.stdout).context("the neighbour's figures")?,
        ))
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/neighbour.py")
}
