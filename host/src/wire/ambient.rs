//! What a task finds around itself beside its arguments, as it travels: once with a batch, or with the start of a worker.

use serde::{Deserialize, Serialize};

/// What the tasks of a batch were granted that needs no descriptor. It travels as bytes of its own, so that a batch of
/// tasks without grants carries one byte for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ambient {
    /// Arguments, a name first; none when none were granted.
    pub(crate) args: Vec<String>,
    /// Variables of the environment, as `NAME=value`.
    pub(crate) env: Vec<String>,
    /// How fine clocks are.
    pub(crate) clock: Clock,
    /// Where random bytes come from.
    pub(crate) random: Random,
    /// Bytes that one task may write to files.
    pub(crate) written: u64,
}

/// How fine the clocks of a task are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Clock {
    /// Whole microseconds, also in the times of files: finer clocks are what timing attacks are made of.
    #[default]
    Coarse,
    /// As fine as the system's.
    Precise,
}

/// Where the random bytes of a task come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Random {
    /// From the kernel.
    #[default]
    System,
    /// Made from this number: each task gets the same bytes. For tests and for results that can be had again; never for
    /// keys.
    Seeded(u64),
    /// There are none. What needs some fails: in Rust the first hash map panics.
    Denied,
}

/// A directory that a worker's tasks were granted; its descriptor comes beside the first request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DirectorySpec {
    /// Its name for guests.
    pub(crate) guest: String,
    /// Whether they may change what is in it.
    pub(crate) write: bool,
}
