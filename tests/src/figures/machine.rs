//! The machine that a run was made on.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// What a figure depends on beside the code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor, as the kernel calls it.
    pub processor: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory in MiB.
    pub memory: u64,
    /// The kernel.
    pub kernel: String,
    /// What was measured, and beside what, with versions.
    pub versions: BTreeMap<String, String>,
}

impl Machine {
    /// This one. `neighbours` are those that are installed, with their versions.
    ///
    /// # Errors
    /// When `/proc` does not tell.
    pub fn look(neighbours: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let processor = line("/proc/cpuinfo", "model name")
            .or_else(|_| line("/proc/cpuinfo", "CPU part"))
            .unwrap_or_else(|_| "unknown".to_owned());
        let mut versions: BTreeMap<String, String> = neighbours.into_iter().collect();
        versions.insert("wasmpool".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        Ok(Self {
            processor,
            cores: std::thread::available_parallelism()?.get(),
            memory: memory("MemTotal")? >> 20,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?
                .trim()
                .to_owned(),
            versions,
        })
    }

    /// In one sentence.
    #[must_use]
    pub fn words(&self) -> String {
        let cores = match self.cores {
            1 => "1 core".to_owned(),
            cores => format!("{cores} cores"),
        };
        let versions: Vec<String> = self
            .versions
            .iter()
            .map(|(name, version)| match &**name {
                // The packages of these names are not what the names alone say.
                "extism" | "wasmtime" => format!("{name} for Python {version}"),
                _ => format!("{name} {version}"),
            })
            .collect();
        format!(
            "{}, {cores}, {:.0} GiB of memory, Linux {}, {}",
            self.processor,
            self.memory as f64 / 1024.0,
            // What follows is of one machine's own build.
            self.kernel.split('-').next().unwrap_or_default(),
            versions.join(", ")
        )
    }
}

/// A line of `/proc/meminfo`, in bytes.
///
/// # Errors
/// When it is not there.
pub fn memory(name: &str) -> Result<u64> {
    let line = line("/proc/meminfo", name)?;
    let kib: u64 = line.trim_end_matches("kB").trim().parse()?;
    Ok(kib << 10)
}

/// What stands behind a name and a colon.
fn line(path: &str, name: &str) -> Result<String> {
    fs::read_to_string(path)?
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(found, _)| found.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
        .with_context(|| format!("{path} has no {name}"))
}
