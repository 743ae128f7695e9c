//! How a pool is built.

use std::{
    convert::Infallible, num::NonZero, path::PathBuf, sync::Arc, sync::mpsc, time::Duration,
};

use super::{
    event::PoolEvent,
    handle::Pool,
    host_function::{self, CallContext, Function, FunctionError, Functions, Named},
    host_import::{self, NumberResult, Numbers},
    limits::{LimitError, Limits},
    loading::Loader,
    size::ByteSize,
    tenant::TenantLimits,
};
use wasmpool_abi::{Arg, Receive, Typed};

use crate::{
    dispatch::{dispatcher, hub::Hub},
    jail::wall::{Jail, Need, Policy, Wall},
    module::{cache_dir::CacheError, imports::HostImport},
    supervisor::host_end::{StartError, StartMethod},
    wire::arena::Arena,
};

/// What is fresh for each task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// A WebAssembly instance per task: for untrusted tasks.
    #[default]
    Task,
    /// A WebAssembly instance per batch of one `map` call: for many tiny tasks of one caller. After any end but a value
    /// or an ordinary error of a task, the rest of the batch gets a fresh instance.
    Batch,
    /// An operating-system process per task: for the strictest tenants.
    Process,
}

/// So many workers may rest in any pool.
pub(crate) const IDLE: usize = 16;

/// What is told of events.
pub(crate) type Observer = Arc<dyn Fn(&PoolEvent<'_>) + Send + Sync>;

/// A pool's settings, resolved.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) workers: usize,
    pub(crate) start_method: StartMethod,
    pub(crate) isolation: Isolation,
    pub(crate) limits: Limits,
    /// Each task is asked for a report.
    pub(crate) reports: bool,
    pub(crate) max_tasks_per_worker: Option<u32>,
    pub(crate) cache: CacheChoice,
    pub(crate) worker_exe: Option<PathBuf>,
    pub(crate) observer: Option<Observer>,
    pub(crate) functions: Functions,
    pub(crate) jail: Policy,
    pub(crate) tenant_limits: TenantLimits,
    pub(crate) max_idle_workers: usize,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("workers", &self.workers)
            .field("start_method", &self.start_method)
            .field("isolation", &self.isolation)
            .field("limits", &self.limits)
            .field("reports", &self.reports)
            .field("max_tasks_per_worker", &self.max_tasks_per_worker)
            .field("cache", &self.cache)
            .field("worker_exe", &self.worker_exe)
            .field("functions", &self.functions)
            .field("jail", &self.jail)
            .field("tenant_limits", &self.tenant_limits)
            .field("max_idle_workers", &self.max_idle_workers)
            .finish_non_exhaustive()
    }
}

/// Where compiled modules are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum CacheChoice {
    /// In the user's cache directory, when there is one that is private.
    #[default]
    Default,
    /// Here.
    At(PathBuf),
    /// Nowhere.
    Off,
}

/// Builds a [`Pool`]. With nothing set it is right for untrusted code.
///
/// ```
/// use std::time::Duration;
///
/// let pool = wasmpool::Pool::builder().workers(2).timeout(Duration::from_secs(5)).build()?;
/// assert_eq!(pool.workers(), 2);
/// # Ok::<(), wasmpool::BuildError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    workers: Option<usize>,
    start_method: StartMethod,
    isolation: Isolation,
    limits: Limits,
    reports: bool,
    max_tasks_per_worker: Option<u32>,
    cache: CacheChoice,
    worker_exe: Option<PathBuf>,
    observer: Option<Hidden<Observer>>,
    functions: Vec<(String, Named)>,
    imports: Vec<(HostImport, Hidden<Function>)>,
    jail: Jail,
    walls: Vec<(Wall, Need)>,
    tenant_limits: TenantLimits,
    max_idle_workers: Option<usize>,
}

#[derive(Clone)]
struct Hidden<T>(T);

impl<T> std::fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

/// Why no pool could be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A pool without workers runs nothing.
    #[error("a pool of zero workers runs nothing; leave the number out for one worker a core")]
    NoWorkers,
    /// A worker that may run no task is of no use.
    #[error("a worker has to be allowed at least one task")]
    NoTasks,
    /// A limit lets nothing through, or cannot be.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A host function cannot have the name that it was given.
    #[error(transparent)]
    Function(#[from] FunctionError),
    /// The directory for compiled modules is not private.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The processes of the pool do not stand.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The host is out of descriptors or threads.
    #[error("failed to set up the pool: {0}")]
    Io(#[from] std::io::Error),
}

impl Builder {
    /// How many tasks run at once. Default: one a core, as [`std::thread::available_parallelism`] counts them.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// How worker processes are started. Default: [`StartMethod::ForkServer`].
    pub fn start_method(mut self, method: StartMethod) -> Self {
        self.start_method = method;
        self
    }

    /// What is fresh for each task. Default: [`Isolation::Task`].
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.isolation = isolation;
        self
    }

    /// All limits at once. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Wall time of one task. Default: 60 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = Some(timeout);
        self
    }

    /// Processor time of one task. Default: as long as its wall time.
    pub fn cpu_time(mut self, time: Duration) -> Self {
        self.limits.cpu_time = Some(time);
        self
    }

    /// Memory of one task. Default: 256 MiB.
    pub fn memory(mut self, memory: ByteSize) -> Self {
        self.limits.memory = memory;
        self
    }

    /// Fuel of one task; modules are compiled to count it. Default: not counted.
    pub fn fuel(mut self, fuel: u64) -> Self {
        self.limits.fuel = Some(fuel);
        self
    }

    /// Size of one task's result. Default: 128 MiB.
    pub fn max_output(mut self, output: ByteSize) -> Self {
        self.limits.output = output;
        self
    }

    /// Whether each task tells what it has used, as after [`Task::reported`](crate::Task::reported). Default: no.
    pub fn reports(mut self, reports: bool) -> Self {
        self.reports = reports;
        self
    }

    /// After so many tasks a worker is replaced by a fresh one. Default: never.
    pub fn max_tasks_per_worker(mut self, tasks: u32) -> Self {
        self.max_tasks_per_worker = Some(tasks);
        self
    }

    /// What each tenant may use together, and its share of the pool, when nothing else was set for it. Default:
    /// [`TenantLimits::default`].
    pub fn tenant_limits(mut self, limits: TenantLimits) -> Self {
        self.tenant_limits = limits;
        self
    }

    /// Workers of all tenants that rest and wait for their next task; when there are more, the one that has rested longest
    /// ends. One takes some descriptors and about 2 MiB of memory, and spares its tenant a fork. Default: as many as the pool
    /// has workers, and 16 at least.
    pub fn max_idle_workers(mut self, workers: usize) -> Self {
        self.max_idle_workers = Some(workers);
        self
    }

    /// The directory for compiled modules; it is made private to the user. Default: `wasmpool` in the user's cache
    /// directory.
    pub fn cache_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache = CacheChoice::At(directory.into());
        self
    }

    /// Compiled modules are kept in memory only. Default: they are kept on disk.
    pub fn no_cache(mut self) -> Self {
        self.cache = CacheChoice::Off;
        self
    }

    /// The program that is executed for the pool's processes: one that links this version of wasmpool, such as the
    /// `wasmpool` program itself. Default: the running one.
    pub fn worker_exe(mut self, program: impl Into<PathBuf>) -> Self {
        self.worker_exe = Some(program.into());
        self
    }

    /// A function that is told what happens, on threads of the pool; it should return soon. Default: none.
    pub fn on_event(mut self, observer: impl Fn(&PoolEvent<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Some(Hidden(Arc::new(observer)));
        self
    }

    /// A function that guests call by name, with the types of its arguments and of its result. Default: none.
    ///
    /// `function` gets who calls it, and one argument or a tuple of several, as the guest's
    /// `host_call("name", &(a, b))` sends them. What it returns, the guest gets; of an error the guest gets the text. A
    /// panic in it is an error of that call.
    ///
    /// It runs on threads of the pool, as many at once as there are workers; when the task was started by
    /// [`Task::call`](crate::Task::call) or [`Pool::apply`] and a worker was idle, on the calling thread. The task's time
    /// goes on meanwhile: when it is over the task is stopped, and what the function returns later is dropped. (A thread
    /// that is itself in the function learns of that when the function returns, which is never cut short.) A function that
    /// waits for another task of the same pool gets a worker for it on the calling thread; on the pool's threads, when the
    /// tasks of all workers wait for such functions, it waits until their time is over.
    ///
    /// Every module that the pool loads can call it, with any arguments of the right types.
    ///
    /// ```
    /// let pool = wasmpool::Pool::builder()
    ///     .host_function("greet", |ctx, name: String| Ok::<_, std::convert::Infallible>(format!("{} greets {name}", ctx.task())))
    ///     .build()?;
    /// # Ok::<(), wasmpool::BuildError>(())
    /// ```
    pub fn host_function<A, R, E>(
        mut self,
        name: impl Into<String>,
        function: impl Fn(&CallContext, A) -> Result<R, E> + Send + Sync + 'static,
    ) -> Self
    where
        A: Receive,
        R: Typed + Arg<R>,
        E: std::fmt::Display,
    {
        let function = Named::new::<A, R>(host_function::typed(function));
        self.functions.push((name.into(), function));
        self
    }

    /// A function that modules import with plain numbers: for modules that bring imports of their own, such as
    /// `env.foo(i32) -> i32`. Default: none.
    ///
    /// `function` takes one number or a tuple of several, and returns a number or nothing; a module that imports it with
    /// another type is refused when it is loaded. A panic in it ends the task with a trap. For the rest it is as
    /// [`Builder::host_function`].
    ///
    /// ```
    /// let pool = wasmpool::Pool::builder()
    ///     .host_import("env", "plus", |_, (a, b): (i32, i32)| a.wrapping_add(b))
    ///     .build()?;
    /// let module = pool.load_bytes(br#"(module (import "env" "plus" (func $plus (param i32 i32) (result i32)))
    ///     (func (export "five") (result i32) (call $plus (i32.const 2) (i32.const 3))))"#)?;
    /// assert_eq!(module.task::<(), i32>("five")?.call(())?, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn host_import<P: Numbers, R: NumberResult>(
        mut self,
        module: impl Into<String>,
        name: impl Into<String>,
        function: impl Fn(&CallContext, P) -> R + Send + Sync + 'static,
    ) -> Self {
        let import = HostImport {
            module: module.into(),
            name: name.into(),
            params: host_import::numbers::<P>(),
            results: host_import::numbers::<R>(),
        };
        let function =
            move |context: &CallContext, params: P| Ok::<R, Infallible>(function(context, params));
        let function = Hidden(host_function::typed(function));
        self.imports.push((import, function));
        self
    }

    /// How thick the walls around the pool's processes have to be. Default: [`Jail::Default`].
    pub fn jail(mut self, jail: Jail) -> Self {
        self.jail = jail;
        self
    }

    /// How much one wall is needed, whatever the level says. Default: as [`Builder::jail`] says.
    ///
    /// ```
    /// use wasmpool::{Need, Pool, Wall};
    ///
    /// // Rather no pool than one without it.
    /// let pool = Pool::builder().wall(Wall::Landlock, Need::Required).build();
    /// # drop(pool);
    /// ```
    pub fn wall(mut self, wall: Wall, need: Need) -> Self {
        self.walls.push((wall, need));
        self
    }

    /// Starts the pool's processes.
    ///
    /// # Errors
    /// A setting that lets nothing run, or processes that do not stand, with the reason. It never falls back silently.
    pub fn build(self) -> Result<Pool, BuildError> {
        let workers = self
            .workers
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get));
        if workers == 0 {
            return Err(BuildError::NoWorkers);
        }
        if self.max_tasks_per_worker == Some(0) {
            return Err(BuildError::NoTasks);
        }
        self.limits.check()?;
        self.tenant_limits.check().map_err(LimitError::from)?;
        let mut functions = Functions::default();
        for (name, function) in self.functions {
            functions.add(name, function)?;
        }
        for (import, Hidden(function)) in self.imports {
            functions.add_import(import, function)?;
        }
        let mut jail = Policy::of(self.jail);
        for (wall, need) in self.walls {
            jail.set(wall, need);
        }
        let loader = Loader::new(&self.cache)?;
        let hub = Hub::new(Config {
            workers,
            start_method: self.start_method,
            isolation: self.isolation,
            limits: self.limits,
            reports: self.reports,
            max_tasks_per_worker: self.max_tasks_per_worker,
            cache: self.cache,
            worker_exe: self.worker_exe,
            observer: self.observer.map(|Hidden(observer)| observer),
            functions,
            jail,
            tenant_limits: self.tenant_limits,
            max_idle_workers: self.max_idle_workers.unwrap_or(workers.max(IDLE)),
        })?;
        // What no worker could be given is told now and not when the first one starts.
        Arena::create(hub.slot_size())?;
        let (started, start) = mpsc::channel();
        // It starts the launcher, which dies with the thread that started it: so it lives as long as the pool.
        let thread = std::thread::Builder::new().name("wasmpool".into()).spawn({
            let hub = Arc::clone(&hub);
            move || dispatcher::run(hub, &started)
        })?;
        // While the launcher starts.
        loader.ahead(&hub);
        match start.recv() {
            Ok(Ok(walls)) => Ok(Pool::assemble(hub, loader, thread, walls)),
            Ok(Err(error)) => {
                let _ = thread.join();
                Err(error.into())
            }
            Err(_) => Err(BuildError::Io(std::io::Error::other(
                "the dispatcher thread panicked",
            ))),
        }
    }
}
