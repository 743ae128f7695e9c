//! How a pool is built.

use std::{num::NonZero, path::PathBuf, sync::Arc, sync::mpsc, time::Duration};

use super::{
    event::Event,
    handle::Pool,
    limits::{Limits, ZeroLimit},
    loading::Loader,
    size::ByteSize,
};
use crate::{
    dispatch::{dispatcher, hub::Hub},
    module::cache_dir::CacheError,
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

/// What is told of events.
pub(crate) type Observer = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// A pool's settings, resolved.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) workers: usize,
    pub(crate) start_method: StartMethod,
    pub(crate) isolation: Isolation,
    pub(crate) limits: Limits,
    pub(crate) max_tasks_per_worker: Option<u32>,
    pub(crate) cache: CacheChoice,
    pub(crate) worker_exe: Option<PathBuf>,
    pub(crate) observer: Option<Observer>,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("workers", &self.workers)
            .field("start_method", &self.start_method)
            .field("isolation", &self.isolation)
            .field("limits", &self.limits)
            .field("max_tasks_per_worker", &self.max_tasks_per_worker)
            .field("cache", &self.cache)
            .field("worker_exe", &self.worker_exe)
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
    max_tasks_per_worker: Option<u32>,
    cache: CacheChoice,
    worker_exe: Option<PathBuf>,
    observer: Option<Hidden<Observer>>,
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
    /// A limit lets nothing through.
    #[error(transparent)]
    Limit(#[from] ZeroLimit),
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

    /// After so many tasks a worker is replaced by a fresh one. Default: never.
    pub fn max_tasks_per_worker(mut self, tasks: u32) -> Self {
        self.max_tasks_per_worker = Some(tasks);
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
    pub fn on_event(mut self, observer: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Some(Hidden(Arc::new(observer)));
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
        let loader = Loader::new(&self.cache)?;
        let hub = Hub::new(Config {
            workers,
            start_method: self.start_method,
            isolation: self.isolation,
            limits: self.limits,
            max_tasks_per_worker: self.max_tasks_per_worker,
            cache: self.cache,
            worker_exe: self.worker_exe,
            observer: self.observer.map(|Hidden(observer)| observer),
        })?;
        // What no worker could be given is told now and not when the first one starts.
        Arena::create(hub.slot_size())?;
        let (started, start) = mpsc::channel();
        // It starts the launcher, which dies with the thread that started it: so it lives as long as the pool.
        let thread = std::thread::Builder::new().name("wasmpool".into()).spawn({
            let hub = Arc::clone(&hub);
            move || dispatcher::run(hub, &started)
        })?;
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
