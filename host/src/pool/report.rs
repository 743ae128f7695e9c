//! What one task has used.

use std::{fmt, time::Duration};

use super::{
    outcome::{Outcome, TaskError},
    size::ByteSize,
};

/// What one task has used: for tasks that were asked for it, by [`Task::reported`](crate::Task::reported) or
/// [`Builder::reports`](crate::Builder::reports). It costs a task two looks at its processor's clock, and nothing where
/// nobody asks.
///
/// Bytes are counted by the host. Times, memory and fuel are counted in the worker, and held against what the host knows:
/// a worker that was broken into can make them smaller than they are, and never larger than the time since its batch was
/// sent and than the task's limits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskReport {
    /// Wall time from its start in the worker to its end, its instance made and dropped in it.
    pub wall: Duration,
    /// Processor time of the worker meanwhile. `None` when the worker did not live to tell.
    pub cpu_time: Option<Duration>,
    /// The most that the memories and tables of its instance had together, as [`Limits::memory`](crate::Limits::memory)
    /// counts them: what was there at the start is in it, whether it was touched or not. `None` when the worker did not live
    /// to tell.
    pub peak_memory: Option<ByteSize>,
    /// Fuel that it has used; `None` also where fuel is not counted.
    pub fuel: Option<u64>,
    /// Its encoded arguments.
    pub input: ByteSize,
    /// Its encoded result, 0 when it has none.
    pub output: ByteSize,
    /// Its partial results.
    pub partials: ByteSize,
    /// Its log records, as [`Limits::logs`](crate::Limits::logs) counts them.
    pub logs: ByteSize,
    /// What went along with its calls to the host, and came back with the replies.
    pub calls: ByteSize,
    /// The pool's number for the worker that ran it.
    pub worker: u64,
    /// The process id of that worker, 0 where it is not known.
    pub pid: i32,
}

impl fmt::Display for TaskReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} wall", self.wall)?;
        if let Some(cpu) = self.cpu_time {
            write!(f, ", {cpu:?} processor time")?;
        }
        if let Some(memory) = self.peak_memory {
            write!(f, ", {memory} memory")?;
        }
        if let Some(fuel) = self.fuel {
            write!(f, ", {fuel} fuel")?;
        }
        write!(
            f,
            ", {} in, {} out, worker {} (process {})",
            self.input, self.output, self.worker, self.pid
        )
    }
}

/// An outcome with what the task has used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reported<Out> {
    /// The outcome.
    pub outcome: Outcome<Out>,
    /// What the task has used; `None` for one that no worker has begun, such as one that was cancelled before, or whose
    /// arguments could not be encoded.
    pub report: Option<TaskReport>,
}

impl<Out> Reported<Out> {
    /// One that never ran.
    pub(crate) fn not_run(error: TaskError) -> Self {
        Self {
            outcome: Err(error),
            report: None,
        }
    }
}
