//! A session: one instance in a process of its own that keeps its state from call to call. The calling thread drives the
//! worker itself, as a leased one.

use std::{
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread::{self, ThreadId},
};

use wasmpool_abi::{Arg, Receive, Typed};

use super::{
    call,
    module::Module,
    outcome::{Exit, TaskError},
    process::SpawnError,
    task::{Borrowing, Task},
};
use crate::{
    NameError,
    dispatch::{lease, link::Link, stream::Stream},
    module::info::ModuleKind,
    supervisor::child::Child,
    worker::contract::CallKind,
};

/// An instance of a module that keeps its state between calls, in a process of its own: for plugins.
///
/// Calls run one after the other, in the order in which they are made, each within its own limits. An error that a task
/// returns leaves the session as it is; whatever else ends a task (a trap, a panic, a limit, a lost process) is that
/// call's outcome and ends the session, and later calls fail with [`SessionError::Ended`]. Objects are granted for one
/// call: a handle that the guest keeps is stale in the next.
///
/// It is not counted among the pool's workers. Dropping it ends its process, and so does the end of its pool.
///
/// ```
/// let pool = wasmpool::Pool::new()?;
/// let module = pool.load_bytes(br#"(module (global $n (mut i32) (i32.const 0))
///     (func (export "next") (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))"#)?;
/// let session = module.session()?;
/// let next = session.task::<(), i32>("next")?;
/// assert_eq!((next.call(())?, next.call(())?), (1, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Session {
    module: Module,
    child: Arc<Child>,
    /// Driven by whoever's turn it is.
    link: Mutex<Option<Box<Link>>>,
    turns: Turns,
    end: OnceLock<SessionEnd>,
}

/// Why a session takes no more calls.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionEnd {
    /// A call ended like this, and its instance with it.
    #[error("a call ended its instance: {0}")]
    Outcome(TaskError),
    /// [`Session::terminate`] was called.
    #[error("it was terminated")]
    Terminated,
    /// Its process ended between two calls.
    #[error("its process was lost{}", how(exit.as_ref()))]
    #[non_exhaustive]
    Lost {
        /// How, when it is known.
        exit: Option<Exit>,
    },
    /// Its pool is closed.
    #[error("the pool is closed")]
    Closed,
}

fn how(exit: Option<&Exit>) -> String {
    exit.map_or_else(String::new, |exit| format!(": {exit}"))
}

/// Why a call of a session has no value.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The outcome of the call.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The session had ended before, so the task was not run.
    #[error("the session has ended: {0}")]
    Ended(SessionEnd),
    /// The task belongs to another module than the session, so it was not run.
    #[error("the task `{task}` belongs to another module than the session")]
    #[non_exhaustive]
    OtherModule {
        /// The task.
        task: String,
    },
    /// The task may use more memory than the session's process was started for, so it was not run.
    #[error(
        "the task `{task}` may use more memory than the tasks that the session was started for"
    )]
    #[non_exhaustive]
    Memory {
        /// The task.
        task: String,
    },
    /// The task was granted other directories than the session, whose process has them from its start, so it was not run.
    #[error("the task `{task}` was granted other directories than the session")]
    #[non_exhaustive]
    Directories {
        /// The task.
        task: String,
    },
    /// A function of the embedding program, called by this session's guest on this thread, has called the session: it
    /// would wait for itself for ever.
    #[error("the session waits for the function that makes this call")]
    Waiting,
}

impl Module {
    /// Starts a session: a process of its own with one instance that keeps its state between calls.
    ///
    /// # Errors
    /// The pool is closed, the system gives no process, or the module is a WASI command.
    pub fn session(&self) -> Result<Session, SpawnError> {
        let hub = self.hub();
        hub.check_open().map_err(SpawnError::Pool)?;
        if self.inner().described.info.kind == ModuleKind::Command {
            return Err(SpawnError::Command);
        }
        let directories = self.grants().and_then(|it| it.directories.as_ref());
        let link = hub.start_dedicated(self.inner(), &self.spec(0), directories)?;
        Ok(Session {
            module: self.clone(),
            child: Arc::clone(&link.child),
            link: Mutex::new(Some(Box::new(link))),
            turns: Turns::default(),
            end: OnceLock::new(),
        })
    }
}

impl Session {
    /// Runs a task of the session's module in its instance and waits for its outcome. The limits are those of the task.
    ///
    /// # Errors
    /// The outcome, when it is not a value; or why the task was not run.
    pub fn call<In, Out: Receive, A: Arg<In>>(
        &self,
        task: &Task<In, Out>,
        arg: A,
    ) -> Result<Out, SessionError> {
        if !Arc::ptr_eq(&task.plan().module, self.module.inner()) {
            return Err(SessionError::OtherModule {
                task: task.name().to_owned(),
            });
        }
        let hub = self.module.hub();
        match hub.check_open() {
            // What closed it is told as the session's end, below.
            Ok(()) | Err(TaskError::Closed) => {}
            // In a fork of this process somebody may hold the turn for ever.
            Err(error) => return Err(error.into()),
        }
        let mut segment = task.segment(&arg, Borrowing::Allowed)?;
        segment.retries = 0;
        let _turn = self.turns.wait().ok_or(SessionError::Waiting)?;
        let mut slot = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(end) = self.ended() {
            return Err(SessionError::Ended(end));
        }
        let Some(link) = slot.take() else {
            // A call that panicked took it along.
            return Err(SessionError::Ended(SessionEnd::Lost { exit: None }));
        };
        if !link.has_directories_of(task.plan()) {
            *slot = Some(link);
            return Err(SessionError::Directories {
                task: task.name().to_owned(),
            });
        }
        if !link.suits(task.plan()) {
            *slot = Some(link);
            return Err(SessionError::Memory {
                task: task.name().to_owned(),
            });
        }
        let mut plan = task.plan().clone();
        plan.spec.kind = CallKind::Session;
        plan.spec.keep_instance = true;
        plan.process_per_task = false;
        // The session's, whatever the module has that the task was named from.
        plan.initializer = self.module.initializer().cloned();
        let stream = Stream::new(plan, hub, false);
        stream.push(segment);
        stream.complete();
        *slot = lease::drive(hub, link, &stream).filter(|link| !link.gone);
        let outcome = call::outcome(&stream.plan, stream.take(None));
        if slot.is_none() {
            self.note_end(outcome.as_ref().err());
        }
        match outcome {
            // Its process was killed because somebody asked for it.
            Err(TaskError::WorkerLost { .. })
                if matches!(self.end.get(), Some(SessionEnd::Terminated)) =>
            {
                Err(TaskError::Cancelled.into())
            }
            outcome => Ok(outcome?),
        }
    }

    /// The task `name`, with its types checked, to be called in this session.
    ///
    /// # Errors
    /// As [`Module::task`].
    pub fn task<In: Typed, Out: Receive>(
        &self,
        name: &str,
    ) -> Result<SessionTask<'_, In, Out>, NameError> {
        let task = self.module.task(name)?;
        Ok(SessionTask {
            session: self,
            task,
        })
    }

    /// The module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Why it takes no more calls; `None` while it is alive.
    pub fn ended(&self) -> Option<SessionEnd> {
        if let Some(end) = self.end.get() {
            return Some(end.clone());
        }
        if matches!(self.module.hub().check_open(), Err(TaskError::Closed)) {
            return Some(SessionEnd::Closed);
        }
        let exit = self.child.exit()?;
        Some(SessionEnd::Lost { exit: Some(exit) })
    }

    /// Whether it takes calls.
    pub fn is_alive(&self) -> bool {
        self.ended().is_none()
    }

    /// Its process id, as the host sees it.
    pub fn pid(&self) -> i32 {
        self.child.pid()
    }

    /// Ends it at once, from any thread: a call that runs is [`TaskError::Cancelled`].
    pub fn terminate(&self) {
        let _ = self.end.set(SessionEnd::Terminated);
        self.child.excuse();
        self.child.kill();
    }

    /// The first reason stands.
    fn note_end(&self, error: Option<&TaskError>) {
        let _ = self.end.set(match error {
            Some(TaskError::Closed) => SessionEnd::Closed,
            Some(error) => SessionEnd::Outcome(error.clone()),
            None => SessionEnd::Lost {
                exit: self.child.exit(),
            },
        });
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // In a fork of the process that built the pool, the session belongs to the parent.
        if !self.module.hub().is_own_process() {
            let slot = self.link.get_mut().unwrap_or_else(PoisonError::into_inner);
            std::mem::forget(slot.take());
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("module", &self.module.name())
            .field("pid", &self.pid())
            .field("ended", &self.ended())
            .finish_non_exhaustive()
    }
}

/// A task of a [`Session`].
#[derive(Debug)]
pub struct SessionTask<'a, In, Out> {
    session: &'a Session,
    task: Task<In, Out>,
}

impl<In, Out: Receive> SessionTask<'_, In, Out> {
    /// Runs it in the session's instance and waits for its outcome.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub fn call<A: Arg<In>>(&self, arg: A) -> Result<Out, SessionError> {
        self.session.call(&self.task, arg)
    }
}

/// Lets threads through one at a time, in the order in which they came: a mutex alone keeps no order.
#[derive(Debug, Default)]
struct Turns {
    numbers: Mutex<Numbers>,
    next: Condvar,
}

#[derive(Debug, Default)]
struct Numbers {
    /// The next to be handed out.
    free: u64,
    /// The one whose turn it is.
    now: u64,
    /// The thread whose turn it is.
    thread: Option<ThreadId>,
}

/// Somebody's turn, until it is dropped.
struct Turn<'a>(&'a Turns);

impl Turns {
    fn lock(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for this thread's turn; `None` when it has it already.
    fn wait(&self) -> Option<Turn<'_>> {
        let here = thread::current().id();
        let mut numbers = self.lock();
        if numbers.thread == Some(here) {
            return None;
        }
        let mine = numbers.free;
        numbers.free += 1;
        while numbers.now != mine {
            numbers = self
                .next
                .wait(numbers)
                .unwrap_or_else(PoisonError::into_inner);
        }
        numbers.thread = Some(here);
        Some(Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut numbers = self.0.lock();
        numbers.now += 1;
        numbers.thread = None;
        drop(numbers);
        self.0.next.notify_all();
    }
}
