//! The neighbour: Python's `multiprocessing`, measured by a script of this project.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Python, where it is installed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neighbour {
    installed: bool,
}

impl Neighbour {
    /// Looks for it, and says so when it is missing.
    pub(crate) fn find() -> Self {
        let installed = Command::new("python3")
            .args(["-c", "import multiprocessing"])
            .output()
            .is_ok_and(|o| o.status.success());
        if !installed {
            println!(
                "skipped: the neighbour's figures: python3 with multiprocessing is not installed"
            );
        }
        Self { installed }
    }

    /// Runs one measurement of the script and returns its figures, in seconds. `None` when Python is missing.
    ///
    /// # Errors
    /// When the script fails; it checks its own results.
    pub(crate) fn measure(self, what: &str, arguments: &[String]) -> Result<Option<Vec<f64>>> {
        if !self.installed {
            return Ok(None);
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/neighbour.py");
        let output = Command::new("python3")
            .arg(script)
            .arg(what)
            .args(arguments)
            .output()
            .context("python3")?;
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
