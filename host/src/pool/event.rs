//! What happens in a pool, as one stream: progress bars, traces, metrics and tests all read it.

use std::time::Duration;

use super::{
    outcome::{Exit, TaskError},
    report::TaskReport,
};
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
        /// Whose it is: [`Tenant::number`](crate::Tenant::number).
        tenant: u64,
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
    /// The zygote was lost, or did not answer any more, with every worker; a new one is started.
    ZygoteLost,
    /// A task has ended that was asked for a report ([`Task::reported`](crate::Task::reported),
    /// [`Builder::reports`](crate::Builder::reports)). It comes before the outcome does.
    #[non_exhaustive]
    TaskEnded {
        /// The module.
        module: &'a str,
        /// The task's name.
        task: &'a str,
        /// Index of the item in its call.
        index: u64,
        /// Why it has no value; `None` for a value, which may yet be found not to decode.
        error: Option<&'a TaskError>,
        /// What it has used.
        report: &'a TaskReport,
    },
    /// The system gives no processes, descriptors or memory: for a while no worker is started. Those that there are go on.
    /// When it has given none for ten seconds, and no process of the pool is alive that could give anything back, the calls that
    /// wait fail with [`TaskError::Host`]; who calls later is tried again.
    #[non_exhaustive]
    StartsPaused {
        /// What it said.
        error: &'a str,
        /// For how long.
        pause: Duration,
    },
    /// Several workers of a tenant were lost in a row: its next ones come from a zygote of its own.
    #[non_exhaustive]
    TenantZygote {
        /// The tenant's number.
        tenant: u64,
        /// Its name, when it has one.
        name: Option<&'a str>,
    },
    /// More workers of the tenant were lost in a row: the next one is started after a pause, which doubles each time. While
    /// a pause of more than a second lasts, its calls fail at once with
    /// [`TenantError::Paused`](crate::TenantError::Paused). After it one worker at a time is tried.
    #[non_exhaustive]
    TenantPaused {
        /// The tenant's number.
        tenant: u64,
        /// Its name, when it has one.
        name: Option<&'a str>,
        /// Workers lost since a task of it was last answered.
        losses: u32,
        /// For how long.
        pause: Duration,
    },
    /// A task of a tenant was answered whose workers were lost in a row: it is as any other again.
    #[non_exhaustive]
    TenantRecovered {
        /// The tenant's number.
        tenant: u64,
        /// Its name, when it has one.
        name: Option<&'a str>,
    },
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
