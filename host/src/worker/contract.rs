//! What the code that runs a task needs of the process around it, so that it also runs in memory, in tests.

use std::{rc::Rc, time::Instant};

use wasmpool_abi::Code;

use crate::wire::{completion::Completion, message::Callee};

/// One task to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct CallSpec {
    /// Index into `ModuleInfo::tasks`.
    pub(crate) task: u32,
    /// Limit of all memories, tables (16 bytes an element) and windows of the instance, in bytes.
    pub(crate) memory: u64,
    /// Limit of processor time, in nanoseconds.
    pub(crate) cpu: Option<u64>,
    /// Fuel, when the module was loaded with it.
    pub(crate) fuel: Option<u64>,
    /// Cap of the result in bytes.
    pub(crate) output: u64,
    /// Cap of all partial results together in bytes.
    pub(crate) partial: u64,
    /// Cap of all log records together in bytes, as [`log_cost`](super::logs::log_cost) counts them.
    pub(crate) logs: u64,
    /// Cap of a command's standard error tail, in bytes.
    pub(crate) stderr: u32,
    /// Keep the instance for the next call of the same batch (`Isolation::Batch`).
    pub(crate) keep_instance: bool,
    /// Tell what the task has used.
    pub(crate) report: bool,
    /// What becomes of the instance and of the result.
    pub(crate) kind: CallKind,
}

/// What becomes of an instance and of what its task returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum CallKind {
    /// The result is the result; `keep_instance` says how long the instance lives.
    #[default]
    Task,
    /// The result is the state of the instance after the task, for a snapshot; what the task returns is dropped.
    Snapshot,
    /// A call of a session: the one instance of this worker lives until something else ends it than a value or an
    /// ordinary error.
    Session,
}

impl CallSpec {
    /// Private memory that a task may need in its process: its own, and what is collected of its output.
    pub(crate) fn private_memory(&self) -> u64 {
        self.memory
            // A buffer that grows is up to twice as large as what is in it.
            .saturating_add(self.output.saturating_mul(2))
            .saturating_add(self.partial)
            .saturating_add(self.stderr.into())
    }
}

/// The stop word of the control page, and waiting that ends with it.
pub(crate) trait Stop: Clone + 'static {
    /// Whether the task that runs now has been told to stop.
    fn requested(&self) -> bool;
    /// Sleeps until `until`, or less when a stop is requested meanwhile. `None`: until a stop is requested.
    fn sleep(&self, until: Option<Instant>);
}

/// Bytes of a task's input, wherever they lie.
pub(crate) trait Input: 'static {
    /// Length in bytes.
    fn len(&self) -> usize;
    /// An input of these bytes.
    fn of(bytes: &Rc<[u8]>) -> Self;
    /// Copies `dst.len()` bytes from `offset`; the caller has checked that they are there.
    fn read(&self, offset: usize, dst: &mut [u8]);
}

/// Where a task's output goes.
pub(crate) trait Outbox: 'static {
    /// Appends to the result of the running task. The cap has been checked.
    fn output(&mut self, bytes: &[u8]);
    /// So many bytes of the result, a large block, are about to follow. The cap has been checked.
    fn expect(&mut self, _bytes: u64) {}
    /// Bytes of the result so far.
    fn output_len(&self) -> u64;
    /// Forgets the result so far (a task that failed has none).
    fn discard(&mut self);
    /// A partial result, delivered at once. The cap has been checked.
    fn emit(&mut self, bytes: &[u8]);
    /// Progress, for bars; may be dropped when it comes too often.
    fn progress(&mut self, done: i64, total: i64);
    /// A record of the guest's log, or a line of its standard output (`source` says which).
    fn log(&mut self, source: LogSource, level: u8, text: &[u8]);
    /// Bytes written to standard error, kept as a tail that survives the worker's death.
    fn stderr(&mut self, bytes: &[u8]);
    /// Asks the host for something and waits for the reply, whose bytes are appended to `reply`. The wait ends when
    /// `stopped` says that the task was told to stop.
    fn call(
        &mut self,
        callee: Callee<'_>,
        args: &[u8],
        stopped: &dyn Fn() -> bool,
        reply: &mut Vec<u8>,
    ) -> Called;
}

/// One that is passed on by its address: it goes in and out with every task.
impl<O: Outbox> Outbox for Box<O> {
    fn output(&mut self, bytes: &[u8]) {
        (**self).output(bytes);
    }
    fn expect(&mut self, bytes: u64) {
        (**self).expect(bytes);
    }
    fn output_len(&self) -> u64 {
        (**self).output_len()
    }
    fn discard(&mut self) {
        (**self).discard();
    }
    fn emit(&mut self, bytes: &[u8]) {
        (**self).emit(bytes);
    }
    fn progress(&mut self, done: i64, total: i64) {
        (**self).progress(done, total);
    }
    fn log(&mut self, source: LogSource, level: u8, text: &[u8]) {
        (**self).log(source, level, text);
    }
    fn stderr(&mut self, bytes: &[u8]) {
        (**self).stderr(bytes);
    }
    fn call(
        &mut self,
        callee: Callee<'_>,
        args: &[u8],
        stopped: &dyn Fn() -> bool,
        reply: &mut Vec<u8>,
    ) -> Called {
        (**self).call(callee, args, stopped, reply)
    }
}

/// What became of a call to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Called {
    /// It was answered: with a value, or with a code and perhaps a text.
    Replied(Result<(), Code>),
    /// The task was told to stop meanwhile.
    Stopped,
}

/// Where a log record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum LogSource {
    /// The ABI's `log`.
    Log,
    /// Standard output of a task that is not a command.
    Stdout,
    /// Standard error.
    Stderr,
}

impl LogSource {
    /// Its name: `log`, `stdout` or `stderr`.
    pub fn name(self) -> &'static str {
        match self {
            LogSource::Log => "log",
            LogSource::Stdout => "stdout",
            LogSource::Stderr => "stderr",
        }
    }
}

/// A task's end and the outbox handed back.
#[derive(Debug)]
pub(crate) struct Finished<O> {
    /// How it ended.
    pub(crate) completion: Completion,
    /// The outbox, with the result in it when `completion` is a value.
    pub(crate) outbox: O,
    /// The most memory that the instance had, in bytes.
    pub(crate) memory: u64,
    /// The fuel that is left, where it is counted.
    pub(crate) fuel: Option<u64>,
}
