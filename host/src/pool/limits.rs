//! What one task and one module may use.

use std::time::Duration;

use super::size::ByteSize;

/// Limits of tasks and modules. The defaults are right for code from strangers.
///
/// Exceeding one ends the task with the outcome that names it; nothing is ever cut off silently.
///
/// ```
/// use std::time::Duration;
/// use wasmpool::{ByteSize, Limits};
///
/// let mut limits = Limits::default();
/// limits.timeout = Some(Duration::from_secs(5));
/// limits.memory = ByteSize::mib(64);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Wall time of one task, from its start in a worker; waiting for a worker is not counted. `None`: no limit.
    /// Default: 60 s.
    pub timeout: Option<Duration>,
    /// All memories and tables (16 bytes an element) of a task's instance together. The worker process itself is not
    /// counted. An array that a task has attached lies in its memory, and so counts. Default: 256 MiB.
    pub memory: ByteSize,
    /// WebAssembly operations of one task, roughly one unit each. `None`: not counted, which makes tasks faster.
    /// Chosen for the pool; a single task may then have another amount. Default: `None`.
    pub fuel: Option<u64>,
    /// The encoded arguments of one task; as many bytes may go along with one call of a task to the host, and come back as
    /// its reply. Default: 256 MiB.
    pub input: ByteSize,
    /// The encoded result of one task. Default: 128 MiB.
    pub output: ByteSize,
    /// All partial results of one task together. Default: 64 MiB.
    pub partial: ByteSize,
    /// A module's size. Default: 64 MiB.
    pub module_size: ByteSize,
    /// Wall time of compiling a module. Default: 60 s.
    pub compile_time: Duration,
    /// Private memory of the process that compiles a module. Default: 2 GiB.
    pub compile_memory: ByteSize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Some(Duration::from_secs(60)),
            memory: ByteSize::mib(256),
            fuel: None,
            input: ByteSize::mib(256),
            output: ByteSize::mib(128),
            partial: ByteSize::mib(64),
            module_size: ByteSize::mib(64),
            compile_time: Duration::from_secs(60),
            compile_memory: ByteSize::gib(2),
        }
    }
}

/// A limit that lets nothing through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {name} of zero lets nothing through; leave it out for the default")]
pub struct ZeroLimit {
    /// Which one.
    pub name: &'static str,
}

impl Limits {
    /// Refuses limits of zero: with them no task could ever run.
    pub(crate) fn check(&self) -> Result<(), ZeroLimit> {
        let zero = |is_zero: bool, name| {
            if is_zero {
                Err(ZeroLimit { name })
            } else {
                Ok(())
            }
        };
        zero(self.timeout == Some(Duration::ZERO), "timeout")?;
        zero(self.memory.bytes() == 0, "memory limit")?;
        zero(self.fuel == Some(0), "fuel")?;
        zero(self.input.bytes() == 0, "input limit")?;
        zero(self.output.bytes() == 0, "output limit")?;
        zero(self.partial.bytes() == 0, "limit of partial results")?;
        zero(self.module_size.bytes() == 0, "module size")?;
        zero(self.compile_time.is_zero(), "compile time")?;
        zero(self.compile_memory.bytes() == 0, "compile memory")
    }
}
