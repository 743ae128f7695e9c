//! Initializers: a task whose effects every fresh instance begins with, run once and kept as a snapshot, or run anew in
//! each.

use std::sync::Arc;

use wasmpool_abi::{Arg, Encoded, Type, Typed};

use super::{
    loading::LoadError,
    module::Module,
    outcome::{Capped, TaskError},
    size::ByteSize,
    task::{Borrowing, Task},
};
use crate::{
    NameError,
    dispatch::{
        lease,
        segment::Segment,
        stream::{Delivery, Initializer, Stream},
    },
    module::{signature::TaskKind, snapshot},
    worker::contract::CallKind,
};

/// Bytes of an initializer's encoded argument when it goes along with every batch: half of a message, so that the rest
/// of the batch has room. What is larger belongs into a snapshot.
pub(crate) const MAX_ARGUMENT: u64 = 32 << 10;

/// Why a module was not given an initializer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// There is no such task, or it takes other arguments.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A WASI command runs once in each instance; nothing can run before or after it.
    #[error("a WASI command can neither be nor have an initializer")]
    Command,
    /// The argument holds an object, such as a queue: an initializer has none.
    #[error("the argument holds an object, and an initializer is given none")]
    Object,
    /// The argument could not be encoded.
    #[error("the argument is not accepted: {0}")]
    Argument(TaskError),
    /// The argument is too large to be sent with every batch.
    #[error("an argument of {size}, where {limit} are allowed")]
    ArgumentSize {
        /// Its size.
        size: ByteSize,
        /// The limit.
        limit: ByteSize,
    },
    /// The task did not end well.
    #[error("the initializer failed: {0}")]
    Task(TaskError),
    /// What the task left in memory is more than a module may have.
    #[error("the initializer left more than {limit} in memory (Limits::module_size)")]
    StateSize {
        /// The limit.
        limit: ByteSize,
    },
    /// The module cannot be initialized ahead (it changes a table, say: the message names it), or could not be compiled.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl Module {
    /// The module as `task` leaves it: the task runs once, now, in a worker, and every fresh instance of the module that
    /// this returns starts from the memory and the globals that it left. What the task returns is dropped. It is Python's
    /// `initializer`, run once instead of once a process.
    ///
    /// It runs within the module's limits, after `_initialize`, which is not run again, nor is a start function. What it
    /// leaves in memory becomes part of the module, within `Limits::module_size`. Random numbers that it draws are the
    /// same in every instance: also the keys of a hash map that it makes. Objects cannot be given to it, and `arg` has the
    /// argument's own type: a `String` and not a `&str`.
    ///
    /// The result's tasks are those of this module, for which nothing changes. Both compilations (of a copy that can be
    /// looked into, and of the result) take as long as loading does; the first is cached.
    ///
    /// ```
    /// let pool = wasmpool::Pool::new()?;
    /// let module = pool.load_bytes(br#"(module (global $n (mut i32) (i32.const 0))
    ///     (func (export "set") (param i32) (global.set $n (local.get 0)))
    ///     (func (export "get") (result i32) (global.get $n)))"#)?;
    /// let ready = module.initialized("set", 42)?;
    /// assert_eq!(ready.task::<(), i32>("get")?.call(())?, 42);
    /// assert_eq!(module.task::<(), i32>("get")?.call(())?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// See [`InitError`]. A module whose code changes tables (`table.set` and its kin), drops segments or has mutable
    /// globals of references is refused by the name of what it does, whether the task does it or not.
    pub fn initialized<A: Typed + Arg<A>>(&self, task: &str, arg: A) -> Result<Self, InitError> {
        let (task, segment) = self.prepare::<A>(task, &arg)?;
        self.left_by(&task, segment)
    }

    /// The same with the argument encoded already, for programs that learn its type at run time.
    ///
    /// # Errors
    /// As [`Module::initialized`]; an argument of another type fails the task.
    pub fn initialized_dynamic(&self, task: &str, arg: Encoded) -> Result<Self, InitError> {
        let (_, signature) = self.inner().described.task(task)?;
        if signature.kind == TaskKind::Command {
            return Err(InitError::Command);
        }
        let task = self.dynamic(task)?;
        let segment = task
            .segment(&arg, Borrowing::Refused)
            .map_err(InitError::Argument)?;
        self.left_by(&task, segment)
    }

    /// The module as a task leaves it that runs once, now.
    fn left_by<A>(&self, task: &Task<A, Encoded>, segment: Segment) -> Result<Self, InitError> {
        let hub = self.hub();
        hub.check_open().map_err(InitError::Task)?;
        let limits = self.limits();
        let limit = limits.module_size;
        let instrumented = self.loader().instrumented(hub, limits, self.inner())?;
        let mut plan = task.plan().clone();
        plan.module = Arc::new(instrumented);
        plan.spec.kind = CallKind::Snapshot;
        plan.spec.keep_instance = false;
        // All memory may be more than can become part of a module.
        let most = limits.memory.bytes().min(limit.bytes());
        plan.spec.output = snapshot::largest(most);
        // Nothing else ever runs in its worker.
        plan.process_per_task = true;
        let stream = Stream::new(plan, hub, false);
        lease::run(hub, &stream, segment);
        let state = match stream.take(None) {
            Some(Delivery::Value { bytes, .. }) => bytes,
            Some(Delivery::Values { copy, ranges, .. }) => {
                let range = ranges.first().map(|it| it.start as usize..it.end as usize);
                range.map_or_else(Vec::new, |range| copy[range].to_vec())
            }
            Some(Delivery::Failed { error, .. }) => {
                return Err(match error {
                    TaskError::Output {
                        what: Capped::Result,
                        ..
                    } => InitError::StateSize { limit },
                    error => InitError::Task(error),
                });
            }
            None => return Err(InitError::Task(TaskError::Closed)),
        };
        let memory = limits.memory.bytes();
        let restored = self
            .loader()
            .restored(hub, limits, self.inner(), &state, memory)?;
        Ok(self.replaced(restored))
    }

    /// The module with an initializer that runs in each fresh instance before the task proper: Python's
    /// `Pool(initializer, initargs)`. It belongs to the task: to its limits, and when it fails, the task's outcome is
    /// that error, whose message says so. What it returns is dropped, and objects that the task is given do not exist
    /// for it yet. In a kept instance ([`Isolation::Batch`](crate::Isolation::Batch), a session) it runs once. `arg` has the
    /// argument's own type: a `String` and not a `&str`.
    ///
    /// A second initializer takes the place of the first.
    ///
    /// [`Module::initialized`] does the work once instead of in each instance, where the module allows it.
    ///
    /// # Errors
    /// See [`InitError`]. The task is not run here.
    pub fn with_initializer<A: Typed + Arg<A>>(
        &self,
        task: &str,
        arg: A,
    ) -> Result<Self, InitError> {
        let (task, segment) = self.prepare::<A>(task, &arg)?;
        let input = segment.first_item();
        let size = input.len() as u64;
        if size > MAX_ARGUMENT {
            return Err(InitError::ArgumentSize {
                size: ByteSize::new(size),
                limit: ByteSize::new(MAX_ARGUMENT),
            });
        }
        Ok(self.initialized_by(Initializer {
            task: task.plan().spec.task,
            input: input.to_vec(),
        }))
    }

    /// The task with its argument checked and encoded.
    fn prepare<A: Typed + Arg<A>>(
        &self,
        name: &str,
        arg: &A,
    ) -> Result<(Task<A, Encoded>, Segment), InitError> {
        let (index, signature) = self.inner().described.task(name)?;
        if signature.kind == TaskKind::Command {
            return Err(InitError::Command);
        }
        signature.check_input(&Type::of::<A>())?;
        let task: Task<A, Encoded> = self.task_at(index, signature.codec.into());
        let mut segment = task
            .segment(arg, Borrowing::Refused)
            .map_err(InitError::Argument)?;
        if segment.grants().any(|grants| !grants.is_empty()) {
            return Err(InitError::Object);
        }
        segment.retries = 0;
        Ok((task, segment))
    }
}
