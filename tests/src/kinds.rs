//! Pools of every kind: each promise is shown with all of them.

use std::fmt;
use std::path::Path;

use wasmpool::{Builder, ByteSize, Isolation, Pool, StartMethod, TenantLimits};

use crate::DEADLINE;

/// Both ways to start a worker.
pub const START_METHODS: [StartMethod; 2] = [StartMethod::ForkServer, StartMethod::Spawn];
/// All levels of isolation.
pub const ISOLATIONS: [Isolation; 3] = [Isolation::Task, Isolation::Batch, Isolation::Process];

/// One kind of pool.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// How workers are started.
    pub start_method: StartMethod,
    /// What is fresh for each task.
    pub isolation: Isolation,
    /// How many workers there are.
    pub workers: usize,
}

impl Kind {
    /// Every isolation with every start method, at each of these sizes.
    pub fn all(sizes: &[usize]) -> impl Iterator<Item = Self> + '_ {
        START_METHODS.into_iter().flat_map(move |start_method| {
            ISOLATIONS.into_iter().flat_map(move |isolation| {
                sizes.iter().map(move |&workers| Self {
                    start_method,
                    isolation,
                    workers,
                })
            })
        })
    }

    /// A builder of such a pool, with limits that the tests run into quickly.
    pub fn builder(self) -> Builder {
        builder()
            .workers(self.workers)
            .start_method(self.start_method)
            .isolation(self.isolation)
            .memory(ByteSize::mib(64))
            .max_output(ByteSize::mib(4))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?}, {:?}, {} workers",
            self.start_method, self.isolation, self.workers
        )
    }
}

/// A builder with the cache of the tests and no limit that honest tasks meet on a busy machine. Workers die here on purpose,
/// one after the other; what follows otherwise is the matter of `tests/tests/tenants.rs`.
pub fn builder() -> Builder {
    let mut limits = TenantLimits::default();
    limits.max_losses = None;
    Pool::builder()
        .cache_dir(cache())
        .timeout(DEADLINE)
        .tenant_limits(limits)
}

/// Where the tests keep compiled modules: every guest is compiled once, not once for each of many pools.
#[must_use]
pub fn cache() -> &'static Path {
    Path::new(concat!(env!("OUT_DIR"), "/module-cache"))
}
