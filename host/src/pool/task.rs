//! A typed task, named from a module.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use wasmpool_abi::{Arg, Receive};

use super::{
    builder::Isolation,
    call::{self, Call},
    grants::Granted,
    limits::{LimitError, Limits, nanoseconds},
    outcome::{Outcome, Side, TaskError},
    report::Reported,
    size::ByteSize,
};
use crate::dispatch::{
    hub::Hub,
    lease,
    segment::Segment,
    stream::{CallPlan, Stream},
};
use crate::shared::grant::{self, Collected};

/// A task that takes `In` and returns `Out`. `Send`, `Sync` and cheap to clone, whatever the types are; it holds on to
/// its pool's innards, not to the pool: once that is gone its calls end with [`TaskError::Closed`].
///
/// The methods that set something return a changed copy.
pub struct Task<In, Out> {
    hub: Arc<Hub>,
    plan: CallPlan,
    types: PhantomData<fn(In) -> Out>,
}

impl<In, Out> Clone for Task<In, Out> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.hub), self.plan.clone())
    }
}

impl<In, Out> std::fmt::Debug for Task<In, Out> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task")
            .field("name", &self.name())
            .field("module", &self.plan.module.name)
            .finish_non_exhaustive()
    }
}

impl<In, Out> Task<In, Out> {
    pub(crate) fn new(hub: Arc<Hub>, plan: CallPlan) -> Self {
        Self {
            hub,
            plan,
            types: PhantomData,
        }
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    pub(crate) fn plan(&self) -> &CallPlan {
        &self.plan
    }

    /// A call of it, of which nothing has been sent. When the pool takes no more calls it is cancelled already.
    pub(crate) fn begin(&self, partials: bool) -> Arc<Stream> {
        let stream = Stream::new(self.plan.clone(), &self.hub, partials);
        if let Err(error) = self.hub.check_open() {
            stream.cancel(&error);
        }
        stream
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.plan.module.task_name(self.plan.spec.task)
    }

    /// Wall time of one run. Default: the module's.
    #[must_use = "it returns a changed copy"]
    pub fn timeout(&self, timeout: Duration) -> Self {
        self.with(|plan| {
            plan.timeout = Some(timeout);
            plan.own_timeout = true;
        })
    }

    /// All limits of one run at once, in place of the module's and the pool's.
    ///
    /// # Errors
    /// One that lets nothing through, or that only a pool can have: see [`Limits`].
    pub fn with_limits(&self, limits: &Limits) -> Result<Self, LimitError> {
        limits.check_within(&self.hub.config.limits)?;
        Ok(self.with(|plan| {
            limits.apply_to(&mut plan.spec);
            plan.timeout = limits.timeout;
            plan.own_timeout = true;
            plan.input = limits.input;
        }))
    }

    /// Processor time of one run. Default: the module's.
    #[must_use = "it returns a changed copy"]
    pub fn cpu_time(&self, time: Duration) -> Self {
        self.with(|plan| plan.spec.cpu = Some(nanoseconds(time)))
    }

    /// Memory of one run. Default: the module's.
    #[must_use = "it returns a changed copy"]
    pub fn memory(&self, memory: ByteSize) -> Self {
        self.with(|plan| plan.spec.memory = memory.bytes())
    }

    /// Fuel of one run; only in pools whose limits have fuel is it counted. Default: the module's.
    #[must_use = "it returns a changed copy"]
    pub fn fuel(&self, fuel: u64) -> Self {
        self.with(|plan| plan.spec.fuel = plan.spec.fuel.map(|_| fuel))
    }

    /// Size of the result. Default: the module's.
    #[must_use = "it returns a changed copy"]
    pub fn max_output(&self, output: ByteSize) -> Self {
        self.with(|plan| plan.spec.output = output.bytes())
    }

    /// Size of all partial results together. Default: the module's.
    #[must_use = "it returns a changed copy"]
    pub fn max_partials(&self, partials: ByteSize) -> Self {
        self.with(|plan| plan.spec.partial = partials.bytes())
    }

    /// Size of all log records together, as [`Limits::logs`] counts them. Default: the module's.
    #[must_use = "it returns a changed copy"]
    pub fn max_logs(&self, logs: ByteSize) -> Self {
        self.with(|plan| plan.spec.logs = logs.bytes())
    }

    /// Whether each run is reported: what it has used, by [`Call::report`], [`Task::call_reported`],
    /// [`Pool::map_reported`](crate::Pool::map_reported), [`Process::report`](crate::Process::report), and in
    /// [`PoolEvent::TaskEnded`](crate::PoolEvent::TaskEnded). Default: no, unless [`Builder::reports`](crate::Builder::reports)
    /// was called.
    ///
    /// ```
    /// # let pool = wasmpool::Pool::new()?;
    /// # let module = pool.load_bytes(br#"(module (memory (export "memory") 2)
    /// #     (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"#)?;
    /// let add = module.task::<(i32, i32), i32>("add")?.reported();
    /// let call = add.start((2, 3));
    /// call.wait(None);
    /// let report = call.report().expect("it has ended");
    /// assert_eq!(report.peak_memory, Some(wasmpool::ByteSize::kib(128)));
    /// assert!(report.cpu_time.is_some_and(|cpu| cpu <= report.wall));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "it returns a changed copy"]
    pub fn reported(&self) -> Self {
        self.with(|plan| plan.spec.report = true)
    }

    /// How often it is run again after its worker was lost: for tasks that may run twice. Default: 0.
    #[must_use = "it returns a changed copy"]
    pub fn retries(&self, retries: u32) -> Self {
        self.with(|plan| plan.retries = retries)
    }

    /// What is fresh for each run. Default: the pool's.
    #[must_use = "it returns a changed copy"]
    pub fn isolation(&self, isolation: Isolation) -> Self {
        self.with(|plan| {
            plan.spec.keep_instance = isolation == Isolation::Batch;
            plan.process_per_task = isolation == Isolation::Process;
        })
    }

    /// Items that are sent to a worker at once. Default: measured, so that it is about a millisecond of work.
    #[must_use = "it returns a changed copy"]
    pub fn chunk_size(&self, items: u32) -> Self {
        self.with(|plan| plan.chunk = Some(items.clamp(1, crate::dispatch::pace::MAX_BATCH)))
    }

    /// The same with these grants.
    pub(crate) fn granted(&self, grants: Arc<Granted>) -> Self {
        self.with(|plan| plan.grants = Some(grants))
    }

    /// The same with something that each task's input begins with.
    pub(crate) fn behind(&self, head: Arc<[u8]>) -> Self {
        self.with(|plan| plan.head = Some(head))
    }

    fn with(&self, change: impl FnOnce(&mut CallPlan)) -> Self {
        let mut task = self.clone();
        change(&mut task.plan);
        task
    }
}

impl<In, Out: Receive> Task<In, Out> {
    /// Runs it and waits for its outcome. The calling thread talks to the worker itself when one is idle.
    ///
    /// # Errors
    /// The outcome, when it is not a value.
    pub fn call<A: Arg<In>>(&self, arg: A) -> Outcome<Out> {
        self.hub.check_open()?;
        let segment = self.segment(&arg, Borrowing::Allowed)?;
        let stream = Stream::new(self.plan.clone(), &self.hub, false);
        lease::run(&self.hub, &stream, segment);
        call::outcome(&self.plan, stream.take(None))
    }

    /// Runs it as [`Task::call`] does, and tells what it has used.
    pub fn call_reported<A: Arg<In>>(&self, arg: A) -> Reported<Out> {
        let ready = self
            .hub
            .check_open()
            .and_then(|()| self.segment(&arg, Borrowing::Allowed));
        let segment = match ready {
            Ok(segment) => segment,
            Err(error) => return Reported::not_run(error),
        };
        let plan = self.reported().plan;
        let stream = Stream::new(plan, &self.hub, false);
        lease::run(&self.hub, &stream, segment);
        let delivery = stream.take(None);
        Reported {
            outcome: call::outcome(&self.plan, delivery),
            report: stream.take_report(0),
        }
    }

    /// Starts it. The argument is encoded before this returns.
    pub fn start<A: Arg<In>>(&self, arg: A) -> Call<Out> {
        self.start_with(arg, Borrowing::Refused)
    }

    /// See [`Task::start`]. Who allows borrowing waits for the end of the call before the borrow ends.
    pub(crate) fn start_with<A: Arg<In>>(&self, arg: A, borrowing: Borrowing) -> Call<Out> {
        let stream = self.begin(true);
        match self.segment(&arg, borrowing) {
            Ok(segment) => {
                stream.push(segment);
                stream.complete();
                self.hub.enqueue(&stream);
            }
            Err(error) => {
                stream.push_failed(0, error);
                stream.complete();
            }
        }
        Call::new(Arc::clone(&self.hub), stream)
    }

    pub(crate) fn segment<A: Arg<In>>(
        &self,
        arg: &A,
        borrowing: Borrowing,
    ) -> Result<Segment, TaskError> {
        let mut segment = Segment::new(0, self.plan.retries);
        self.encode(arg, &mut segment, borrowing)?;
        Ok(segment)
    }

    /// Appends one item to a segment, with the objects that it holds.
    pub(crate) fn encode<A: Arg<In>>(
        &self,
        arg: &A,
        segment: &mut Segment,
        borrowing: Borrowing,
    ) -> Result<(), TaskError> {
        let limit = self.plan.input;
        let codec = self.plan.codec;
        let wrong = |message: String| TaskError::Codec {
            side: Side::Host,
            message,
        };
        let mut collected = Collected::default();
        segment.push(|bytes| {
            let before = bytes.len();
            if let Some(head) = &self.plan.head {
                bytes.extend_from_slice(head);
            }
            let encoded;
            (encoded, collected) =
                grant::collect(|| crate::module::codec::encode::<In, A>(codec, arg, bytes));
            encoded.map_err(|message| wrong(collected.refused.map_or(message, str::to_owned)))?;
            if collected.borrowed && borrowing == Borrowing::Refused {
                return Err(wrong(
                    "a borrowed part of an array goes to tasks by `call`, `map` or `scope` only: \
                     they end before the borrow does"
                        .into(),
                ));
            }
            let size = (bytes.len() - before) as u64;
            if size > limit.bytes() {
                return Err(TaskError::Input {
                    limit,
                    size: ByteSize::new(size),
                });
            }
            Ok(())
        })?;
        for grant in &collected.grants {
            grant.object.give_to(&self.hub, self.plan.module.tenant());
        }
        segment.give(collected.grants);
        Ok(())
    }
}

/// Whether arguments may hold what is borrowed until the task has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Borrowing {
    /// The call returns after the task has ended.
    Allowed,
    /// It may return before.
    Refused,
}
