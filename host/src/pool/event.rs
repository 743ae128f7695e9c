//! What happens in a pool, as one stream: progress bars, traces, metrics and tests all read it.

use super::outcome::Exit;
pub use crate::worker::contract::LogSource;

/// Something that happened. Delivered to the function given to `Builder::on_event`, on a thread of the pool; it should
/// return soon.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PoolEvent<'a> {
    /// A worker process was asked for.
    #[non_exhaustive]
    WorkerStarted {
        /// The pool's number for it.
        worker: u64,
        /// The module it serves.
        module: &'a str,
    },
    /// A worker process ended.
    #[non_exhaustive]
    WorkerExited {
        /// The pool's number for it.
        worker: u64,
        /// Its process id.
        pid: i32,
        /// How.
        exit: Exit,
    },
    /// The zygote was lost, with every worker; a new one is started.
    ZygoteLost,
    /// A task said how far it is.
    #[non_exhaustive]
    Progress {
        /// The module.
        module: &'a str,
        /// The task's name.
        task: &'a str,
        /// Index of the item in its call.
        index: u64,
        /// Done so far.
        done: i64,
        /// Of how many.
        total: i64,
    },
    /// A task logged something or wrote a line to standard output or standard error.
    #[non_exhaustive]
    Log {
        /// The module.
        module: &'a str,
        /// The task's name.
        task: &'a str,
        /// Index of the item in its call.
        index: u64,
        /// The worker that runs it.
        worker: u64,
        /// Where it comes from.
        source: LogSource,
        /// 1 error … 5 trace.
        level: u8,
        /// What it said, with control characters escaped.
        text: &'a str,
    },
}
