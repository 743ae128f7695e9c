//! Where the two sides of a call run: a round trip takes a few microseconds or many, by placement alone.

use std::fmt;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Where caller and worker run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Both on one core.
    OneCore(usize),
    /// The caller on the first, the worker on the second.
    TwoCores(usize, usize),
    /// Wherever the kernel puts them.
    Free,
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneCore(_) => "one core",
            Self::TwoCores(..) => "two cores",
            Self::Free => "unpinned",
        })
    }
}

impl Placement {
    /// All that this machine has.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub(crate) fn all() -> Result<Vec<Self>> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
        let first = cores.next().context("no core to run on")?;
        let mut all = vec![Self::OneCore(first)];
        all.extend(cores.next().map(|second| Self::TwoCores(first, second)));
        all.push(Self::Free);
        Ok(all)
    }

    /// Whether it is that: what stands for a row of two that work at the same time.
    pub(crate) fn is_two_cores(self) -> bool {
        matches!(self, Self::TwoCores(..))
    }

    /// Runs `start`, which makes the worker, where the worker belongs; then `call` where the caller belongs.
    ///
    /// # Errors
    /// Those of the two, and when the kernel does not let this thread move.
    pub(crate) fn run<W, T>(
        self,
        start: impl FnOnce() -> Result<W>,
        call: impl FnOnce(W) -> Result<T>,
    ) -> Result<T> {
        let before = sched_getaffinity(None)?;
        let (worker, caller) = match self {
            Self::OneCore(core) => (only(core), only(core)),
            Self::TwoCores(caller, worker) => (only(worker), only(caller)),
            Self::Free => (before, before),
        };
        sched_setaffinity(None, &worker)?;
        // The thread goes back wherever it was, also after an error.
        let result = start().and_then(|worker| {
            sched_setaffinity(None, &caller)?;
            call(worker)
        });
        sched_setaffinity(None, &before)?;
        result
    }

    /// Moves this thread to where the caller (0) or the worker belongs.
    ///
    /// # Errors
    /// When the kernel does not let it move.
    pub(crate) fn move_to(self, side: usize) -> Result<()> {
        let core = match (self, side) {
            (Self::OneCore(core) | Self::TwoCores(core, _), 0) | (Self::OneCore(core), _) => core,
            (Self::TwoCores(_, core), _) => core,
            (Self::Free, _) => return Ok(()),
        };
        Ok(sched_setaffinity(None, &only(core))?)
    }

    /// The cores of caller and worker as arguments for the neighbour; -1 is any.
    pub(crate) fn arguments(self) -> [String; 2] {
        match self {
            Self::OneCore(core) => [core.to_string(), core.to_string()],
            Self::TwoCores(caller, worker) => [caller.to_string(), worker.to_string()],
            Self::Free => ["-1".to_owned(), "-1".to_owned()],
        }
    }
}

fn only(core: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(core);
    set
}
