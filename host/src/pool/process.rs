//! A process of its own for one task: Python's `Process`. It is driven by the dispatcher like any other worker, beside
//! those of the pool.

use std::{
    fmt, io,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use wasmpool_abi::{Arg, Receive};

use super::{
    call,
    outcome::{Exit, Outcome, TaskError},
    report::TaskReport,
    task::{Borrowing, Task},
    tenant::TenantError,
};
use crate::{
    dispatch::{
        hub::{Hub, Named},
        start::NotStarted,
        stream::{Delivery, Stream},
    },
    exit::{ExitCode, WORKER_LOST},
    shared::waiting::{Sealed, Waitable, Word},
    supervisor::child::{Child, END_PATIENCE},
};

/// One task in a process of its own, which is started at once and ends with it: it takes no worker of the pool, and does
/// not wait for one.
///
/// It has no time limit unless the task was given one ([`Task::timeout`]) or the builder was; every other limit holds.
/// It is never run again, whatever [`Task::retries`] says.
///
/// Dropping the handle lets the process run on. [`Closed::join`](crate::Closed::join) waits for it unless it is a
/// daemon, and then ends the daemons; dropping the pool ends all.
///
/// Also a `Future` of its outcome, for any executor.
///
/// ```
/// use wasmpool::{Pool, Process, ProcessExit};
///
/// let pool = Pool::new()?;
/// let module = pool.load_bytes(br#"(module
///     (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
///     (func (export "forever") (loop (br 0))))"#)?;
/// let add = Process::spawn(&module.task::<(i32, i32), i32>("add")?, (2, 3))?;
/// let forever = Process::spawn(&module.task::<(), ()>("forever")?, ())?;
/// assert_ne!(add.pid(), forever.pid());
/// assert_eq!(add.result()?, 5);
/// forever.terminate();
/// assert_eq!(forever.join(), ProcessExit::Terminated);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a process that nobody joins may have failed unseen"]
pub struct Process<Out> {
    hub: Arc<Hub>,
    stream: Arc<Stream>,
    child: Arc<Child>,
    name: Arc<str>,
    daemon: bool,
    /// How it ended, once the future has handed its outcome over.
    told: Option<ProcessExit>,
    types: PhantomData<fn() -> Out>,
}

/// How a [`Process`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProcessExit {
    /// The task ended: 0 with a value (of a command too, whatever its own code is), otherwise the code that
    /// [`exit`](crate::exit) has for its error.
    Code(i32),
    /// The process was ended by this signal: 9 by [`Process::kill`], or by somebody else.
    Signal(i32),
    /// The task was stopped at a limit: `timeout`, `cpu_time`, `memory`, `fuel` or `output`.
    Limit(&'static str),
    /// It was ended by [`Process::terminate`], or with its pool.
    Terminated,
}

impl ProcessExit {
    /// Whether the task returned a value.
    pub fn success(self) -> bool {
        self == ProcessExit::Code(0)
    }

    fn of(outcome: Option<&TaskError>) -> Self {
        let Some(error) = outcome else {
            return ProcessExit::Code(0);
        };
        match error {
            TaskError::Timeout { .. }
            | TaskError::CpuTime { .. }
            | TaskError::Memory { .. }
            | TaskError::Fuel { .. }
            | TaskError::Output { .. } => ProcessExit::Limit(error.kind()),
            TaskError::Cancelled | TaskError::Closed => ProcessExit::Terminated,
            TaskError::WorkerLost {
                exit: Some(Exit::Signal(signal)),
                ..
            } => ProcessExit::Signal(*signal),
            TaskError::WorkerLost { .. } => ProcessExit::Code(WORKER_LOST.into()),
            TaskError::Guest { .. }
            | TaskError::Trap { .. }
            | TaskError::Codec { .. }
            | TaskError::Input { .. }
            | TaskError::Tenant(_)
            | TaskError::Host(_) => ProcessExit::Code(error.exit_code().into()),
        }
    }
}

impl fmt::Display for ProcessExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ProcessExit::Code(code) => Exit::Code(code).fmt(f),
            ProcessExit::Signal(signal) => Exit::Signal(signal).fmt(f),
            ProcessExit::Limit(limit) => write!(f, "stopped at its {limit} limit"),
            ProcessExit::Terminated => f.write_str("terminated"),
        }
    }
}

/// Why no process was started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// The pool takes no more tasks, or belongs to another process.
    #[error(transparent)]
    Pool(TaskError),
    /// The argument could not be encoded.
    #[error("the argument is not accepted: {0}")]
    Argument(TaskError),
    /// A WASI command ends with its one run: there is no instance to keep.
    #[error("a WASI command cannot be run in a session")]
    Command,
    /// Its tenant may not have it.
    #[error(transparent)]
    Tenant(#[from] TenantError),
    /// The system gave no process.
    #[error("failed to start a process: {0}")]
    Start(#[from] io::Error),
}

impl From<NotStarted> for SpawnError {
    fn from(error: NotStarted) -> Self {
        match error {
            NotStarted::Tenant(error) => SpawnError::Tenant(error),
            NotStarted::Closed(error) => SpawnError::Pool(error),
            NotStarted::Io(error) => SpawnError::Start(error),
            error @ NotStarted::NotYet => SpawnError::Start(io::Error::other(error)),
        }
    }
}

/// A living [`Process`], as [`Pool::active_children`](crate::Pool::active_children) lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChildInfo {
    /// Its name.
    pub name: String,
    /// Its process id.
    pub pid: i32,
    /// Whether nobody waits for it who joins the pool.
    pub is_daemon: bool,
}

/// Settings for a [`Process`]; see [`Process::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `spawn`"]
pub struct ProcessBuilder {
    name: Option<String>,
    daemon: bool,
    timeout: Option<Duration>,
}

impl ProcessBuilder {
    /// Its name, for people. Default: `Process-1`, `Process-2`, … of the pool.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether [`Closed::join`](crate::Closed::join) does not wait for it and ends it instead. Default: no.
    pub fn daemon(mut self, daemon: bool) -> Self {
        self.daemon = daemon;
        self
    }

    /// Wall time of the task. Default: that of [`Task::timeout`], and none when that was not called.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Starts it. The argument is encoded, and the process id known, before this returns.
    ///
    /// Not for functions given to `Builder::on_event`, whose thread may be the one that starts processes.
    ///
    /// # Errors
    /// See [`SpawnError`].
    pub fn spawn<In, Out: Receive, A: Arg<In>>(
        self,
        task: &Task<In, Out>,
        arg: A,
    ) -> Result<Process<Out>, SpawnError> {
        let hub = task.hub();
        hub.check_open().map_err(SpawnError::Pool)?;
        let mut segment = task
            .segment(&arg, Borrowing::Refused)
            .map_err(SpawnError::Argument)?;
        segment.retries = 0;
        let mut plan = task.plan().clone();
        let given = plan.own_timeout.then_some(plan.timeout).flatten();
        plan.timeout = self.timeout.or(given);
        let link = hub.start_dedicated(&plan.module, &plan.spec, plan.directories())?;
        let stream = if self.daemon {
            Stream::unawaited(plan, hub, true)
        } else {
            Stream::new(plan, hub, true)
        };
        stream.push(segment);
        stream.complete();
        let name = self
            .name
            .unwrap_or_else(|| format!("Process-{}", hub.next_name()));
        let process = Process {
            hub: Arc::clone(hub),
            stream,
            child: Arc::clone(&link.child),
            name: name.into(),
            daemon: self.daemon,
            told: None,
            types: PhantomData,
        };
        let named = Named {
            name: Arc::clone(&process.name),
            daemon: self.daemon,
            child: Arc::clone(&process.child),
        };
        if let Err(error) = hub.launch(link, &process.stream, named) {
            process.stream.cancel(&error);
            return Err(SpawnError::Pool(error));
        }
        Ok(process)
    }
}

impl Process<()> {
    /// Settings for a process.
    pub fn builder() -> ProcessBuilder {
        ProcessBuilder::default()
    }
}

impl<Out: Receive> Process<Out> {
    /// Starts `task` in a process of its own. For a name, a daemon or a time limit: [`Process::builder`].
    ///
    /// # Errors
    /// See [`SpawnError`].
    pub fn spawn<In, A: Arg<In>>(task: &Task<In, Out>, arg: A) -> Result<Self, SpawnError> {
        ProcessBuilder::default().spawn(task, arg)
    }

    /// Waits for its end and takes the task's outcome.
    ///
    /// # Errors
    /// The outcome, when it is not a value: [`TaskError::Cancelled`] after [`Process::terminate`],
    /// [`TaskError::WorkerLost`] after [`Process::kill`].
    pub fn result(self) -> Outcome<Out> {
        self.join();
        call::outcome(&self.stream.plan, self.stream.take(None))
    }
}

impl<Out> Process<Out> {
    /// Waits for its end.
    pub fn join(&self) -> ProcessExit {
        loop {
            // Only a wait with a deadline ends without an answer.
            if let Some(exit) = self.wait(None) {
                return exit;
            }
        }
    }

    /// Waits for its end, at most so long; `None` when it goes on.
    pub fn join_timeout(&self, timeout: Duration) -> Option<ProcessExit> {
        // A moment that no clock reaches is none.
        self.wait(Instant::now().checked_add(timeout))
    }

    fn wait(&self, deadline: Option<Instant>) -> Option<ProcessExit> {
        if self.told.is_none() && !self.stream.wait_arrived(deadline) {
            return None;
        }
        let left = deadline.map_or(END_PATIENCE, |deadline| {
            deadline
                .saturating_duration_since(Instant::now())
                .min(END_PATIENCE)
        });
        // Its task has ended, and the process is being killed: for how long that takes, only the kernel knows.
        if self.child.wait(left).is_none() && deadline.is_some() {
            return None;
        }
        self.told.or_else(|| self.outcome())
    }

    /// How its task ended, when it has.
    fn outcome(&self) -> Option<ProcessExit> {
        let error = self.stream.peek_error()?;
        Some(ProcessExit::of(error.as_ref()))
    }

    /// How it ended; `None` while it is alive.
    pub fn exit_code(&self) -> Option<ProcessExit> {
        self.child.exit()?;
        self.told.or_else(|| self.outcome())
    }

    /// Whether it runs.
    pub fn is_alive(&self) -> bool {
        self.exit_code().is_none()
    }

    /// Stops its task, within milliseconds; a task that does not leave is killed. Returns at once: [`Process::join`]
    /// waits for the end. Nothing happens when it has ended.
    pub fn terminate(&self) {
        if self.told.is_none() && self.outcome().is_none() {
            self.hub.cancel(&self.stream);
        }
    }

    /// Kills it with a signal that nothing can hold up. What its task had not answered is lost.
    pub fn kill(&self) {
        self.child.excuse();
        self.child.kill();
    }

    /// Its process id, as the host sees it.
    pub fn pid(&self) -> i32 {
        self.child.pid()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether [`Closed::join`](crate::Closed::join) ends it instead of waiting for it.
    pub fn is_daemon(&self) -> bool {
        self.daemon
    }

    /// What the task has used, once it has ended: see [`Task::reported`]. `None` before, and when nobody asked for it.
    pub fn report(&self) -> Option<TaskReport> {
        self.stream.peek_report()
    }

    /// The partial results as the task emits them, each as encoded by the task (see [`decode`](crate::decode)); the
    /// iterator ends with the task. Those that nobody has taken wait, the newest 64 MiB of them.
    pub fn partials(&self) -> impl Iterator<Item = Vec<u8>> {
        std::iter::from_fn(|| self.stream.next_partial())
    }
}

impl<Out: Receive> Future for Process<Out> {
    type Output = Outcome<Out>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(delivery) = self.stream.poll_take(context.waker()) else {
            return Poll::Pending;
        };
        let error = match &delivery {
            Delivery::Failed { error, .. } => Some(error),
            Delivery::Values { .. } | Delivery::Value { .. } => None,
        };
        self.told = Some(ProcessExit::of(error));
        Poll::Ready(call::outcome(&self.stream.plan, Some(delivery)))
    }
}

/// Ready when it has ended.
impl<Out> Waitable for Process<Out> {}

impl<Out> Sealed for Process<Out> {
    fn is_ready(&self) -> bool {
        self.stream.peek().is_some()
    }

    fn word(&self) -> Word {
        Word::of_bell(self.stream.bell())
    }
}

impl<Out> fmt::Debug for Process<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("name", &self.name)
            .field("pid", &self.pid())
            .field("daemon", &self.daemon)
            .field("exit", &self.exit_code())
            .finish_non_exhaustive()
    }
}
