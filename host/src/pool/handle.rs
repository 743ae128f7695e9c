//! The pool as its user holds it.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use wasmpool_abi::{Arg, Receive};

use super::{
    builder::{BuildError, Builder},
    call::Call,
    imap::{Imap, ImapUnordered},
    limits::Limits,
    loading::{LoadError, Loader},
    map,
    module::Module,
    outcome::Outcome,
    process::ChildInfo,
    report::Reported,
    size::ByteSize,
    task::Task,
    tenant::Tenant,
};
use crate::{
    dispatch::{
        hub::{Hub, Named},
        tenant::Tenant as Inner,
    },
    jail::wall::{Standing, WallReport},
};

/// A pool of isolated worker processes that run WebAssembly tasks.
///
/// Dropping it terminates it: tasks that have not ended end with [`TaskError::Closed`](crate::TaskError::Closed), and
/// no process of it is left.
///
/// ```
/// let pool = wasmpool::Pool::new()?;
/// let module = pool.load_bytes(br#"(module (func (export "add") (param i32 i32) (result i32)
///     (i32.add (local.get 0) (local.get 1))))"#)?;
/// let add = module.task::<(i32, i32), i32>("add")?;
/// assert_eq!(add.call((2, 3))?, 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Pool {
    hub: Arc<Hub>,
    loader: Arc<Loader>,
    thread: Mutex<Option<JoinHandle<()>>>,
    walls: Vec<WallReport>,
    limits: Arc<Limits>,
}

impl Pool {
    /// A pool with one worker a core and the default limits.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// Settings for a pool.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn assemble(
        hub: Arc<Hub>,
        loader: Loader,
        thread: JoinHandle<()>,
        walls: Vec<WallReport>,
    ) -> Self {
        let limits = Arc::new(hub.config.limits.clone());
        Self {
            limits,
            hub,
            loader: Arc::new(loader),
            thread: Mutex::new(Some(thread)),
            walls,
        }
    }

    /// How many tasks run at once.
    pub fn workers(&self) -> usize {
        self.hub.config.workers
    }

    /// The walls around the pool's processes, by name, and whether each stands.
    pub fn walls(&self) -> impl Iterator<Item = (&str, bool)> {
        self.walls
            .iter()
            .map(|line| (line.wall.name(), line.standing == Standing::Stands))
    }

    /// The walls around the pool's processes: how much each was needed, whether it stands, and why not.
    ///
    /// It is what was found when the pool was built. Each worker builds some of them for itself, and one that misses a
    /// required wall runs no task.
    pub fn jail_report(&self) -> &[WallReport] {
        &self.walls
    }

    /// The directory of the cache of compiled modules, and how many modules and bytes are in it. `None` without a cache.
    pub fn cache_usage(&self) -> Option<(&Path, u64, ByteSize)> {
        let cache = self.loader.cache()?;
        let usage = cache.usage().ok()?;
        Some((cache.path(), usage.entries, ByteSize::new(usage.bytes)))
    }

    /// Loads a module from a file: WebAssembly or its text form. It is a tenant by itself: no other module's tasks run in
    /// its processes. For several modules of one tenant there is [`Pool::tenant`].
    ///
    /// It is compiled in a process of its own, or taken from the cache. The source stays in memory with the module, for
    /// [`Module::initialized`].
    ///
    /// # Errors
    /// The file cannot be read, the module is not accepted, or it takes too long or too much memory to compile.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Module, LoadError> {
        self.unnamed_tenant().load(path)
    }

    /// As [`Pool::load`], with limits for this module: for its size, for compiling it, and for its tasks.
    ///
    /// # Errors
    /// As [`Pool::load`], and [`LoadError::Limit`] for limits that cannot be or that only a pool can have.
    pub fn load_with(&self, path: impl AsRef<Path>, limits: Limits) -> Result<Module, LoadError> {
        self.unnamed_tenant().load_with(path, limits)
    }

    /// A tenant for one module.
    fn unnamed_tenant(&self) -> Tenant {
        self.tenant_of(Inner::unnamed())
    }

    fn tenant_of(&self, inner: Arc<Inner>) -> Tenant {
        let (hub, loader) = (Arc::clone(&self.hub), Arc::clone(&self.loader));
        Tenant::new(hub, loader, Arc::clone(&self.limits), inner)
    }

    /// Loads a module from bytes: WebAssembly or its text form.
    ///
    /// # Errors
    /// As [`Pool::load`].
    pub fn load_bytes(&self, source: impl AsRef<[u8]>) -> Result<Module, LoadError> {
        self.unnamed_tenant().load_bytes(source)
    }

    /// As [`Pool::load_bytes`], with limits for this module.
    ///
    /// # Errors
    /// As [`Pool::load_with`].
    pub fn load_bytes_with(
        &self,
        source: impl AsRef<[u8]>,
        limits: Limits,
    ) -> Result<Module, LoadError> {
        self.unnamed_tenant().load_bytes_with(source, limits)
    }

    /// The limits that modules and tasks have when nothing else is said.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The tenant of this name: modules that it loads are one tenant. It is there from now on, until it says nothing any
    /// more (see [`Tenant`]); the same name is the same tenant.
    ///
    /// ```
    /// let pool = wasmpool::Pool::new()?;
    /// let alice = pool.tenant("alice").weight(2).max_workers(3);
    /// assert_eq!(pool.tenant("alice").limits().weight, 2);
    /// assert_ne!(alice.number(), pool.tenant("bob").number());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tenant(&self, name: &str) -> Tenant {
        self.tenant_of(self.hub.tenant(name))
    }

    /// Loads a module of the tenant of this name from a file. The same as [`Tenant::load`].
    ///
    /// # Errors
    /// As [`Pool::load`].
    pub fn load_for(&self, tenant: &str, path: impl AsRef<Path>) -> Result<Module, LoadError> {
        self.tenant(tenant).load(path)
    }

    /// Loads a module of the tenant of this name from bytes. The same as [`Tenant::load_bytes`].
    ///
    /// # Errors
    /// As [`Pool::load`].
    pub fn load_bytes_for(
        &self,
        tenant: &str,
        source: impl AsRef<[u8]>,
    ) -> Result<Module, LoadError> {
        self.tenant(tenant).load_bytes(source)
    }

    /// Runs a task and waits for its outcome. The same as [`Task::call`].
    ///
    /// # Errors
    /// The task's outcome, when it is not a value.
    pub fn apply<In, Out: Receive, A: Arg<In>>(
        &self,
        task: &Task<In, Out>,
        arg: A,
    ) -> Outcome<Out> {
        task.call(arg)
    }

    /// Starts a task. The same as [`Task::start`].
    pub fn apply_async<In, Out: Receive, A: Arg<In>>(
        &self,
        task: &Task<In, Out>,
        arg: A,
    ) -> Call<Out> {
        task.start(arg)
    }

    /// Runs a task for each item; outcomes in the order of the items. One bad item costs one `Err`.
    ///
    /// Items are taken and encoded on the calling thread, only as fast as workers run them. For more than one argument
    /// the items are tuples, as with Python's `starmap`.
    ///
    /// ```
    /// # let pool = wasmpool::Pool::new()?;
    /// # let module = pool.load_bytes(br#"(module (func (export "add") (param i32 i32) (result i32)
    /// #     (i32.add (local.get 0) (local.get 1))))"#)?;
    /// let add = module.task::<(i32, i32), i32>("add")?;
    /// let sums: Vec<i32> = pool.map(&add, [(1, 2), (3, 4)]).into_iter().collect::<Result<_, _>>()?;
    /// assert_eq!(sums, [3, 7]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map<In, Out, I>(&self, task: &Task<In, Out>, items: I) -> Vec<Outcome<Out>>
    where
        Out: Receive,
        I: IntoIterator<Item: Arg<In>>,
    {
        map::map(task, items)
    }

    /// As [`Pool::map`], each outcome with what its task has used: see [`Task::reported`].
    pub fn map_reported<In, Out, I>(&self, task: &Task<In, Out>, items: I) -> Vec<Reported<Out>>
    where
        Out: Receive,
        I: IntoIterator<Item: Arg<In>>,
    {
        map::map_reported(&task.reported(), items)
    }

    /// As [`Pool::map`] over a slice, with encoding and decoding on threads of the pool: for items that are large or
    /// costly to encode.
    pub fn par_map<In, Out, A>(&self, task: &Task<In, Out>, items: &[A]) -> Vec<Outcome<Out>>
    where
        Out: Receive + Send,
        A: Arg<In> + Sync,
    {
        map::par_map(task, items)
    }

    /// As [`Pool::map`] on a thread of the pool's own, so that the items have to be `Send`.
    pub fn map_async<In, Out, I>(&self, task: &Task<In, Out>, items: I) -> map::MapCall<Out>
    where
        In: 'static,
        Out: Receive + Send + 'static,
        I: IntoIterator<Item: Arg<In>, IntoIter: Send + 'static>,
    {
        map::map_async(task, items)
    }

    /// Runs a task for each item as the outcomes are asked for, in the order of the items.
    ///
    /// Lazy: items are taken inside `next`, no more than a bounded number (and number of bytes) ahead, so that an
    /// endless iterator works. Dropping it cancels what is left.
    pub fn imap<In, Out, I>(&self, task: &Task<In, Out>, items: I) -> Imap<In, Out, I::IntoIter>
    where
        Out: Receive,
        I: IntoIterator<Item: Arg<In>>,
    {
        Imap::new(task, items.into_iter())
    }

    /// As [`Pool::imap`], in the order in which the tasks end; each outcome comes with the index of its item.
    pub fn imap_unordered<In, Out, I>(
        &self,
        task: &Task<In, Out>,
        items: I,
    ) -> ImapUnordered<In, Out, I::IntoIter>
    where
        Out: Receive,
        I: IntoIterator<Item: Arg<In>>,
    {
        ImapUnordered::new(task, items.into_iter())
    }

    /// The living [`Process`](crate::Process)es, oldest first. The pool's own workers are not among them, nor are those of
    /// sessions.
    pub fn active_children(&self) -> Vec<ChildInfo> {
        let state = self.hub.lock();
        let alive = |named: &&Named| named.child.exit().is_none();
        let info = |named: &Named| ChildInfo {
            name: named.name.to_string(),
            pid: named.child.pid(),
            is_daemon: named.daemon,
        };
        state.children.values().filter(alive).map(info).collect()
    }

    /// Takes no new calls; those that run go on, and a `map` that runs is still fed. Only what this returns can be
    /// joined.
    ///
    /// ```compile_fail
    /// let pool = wasmpool::Pool::new().unwrap();
    /// pool.join(); // not before `close`
    /// ```
    #[must_use = "dropping it terminates the pool; call `join` to wait for what runs"]
    pub fn close(self) -> Closed {
        self.hub.close();
        Closed { pool: self }
    }

    /// Ends everything at once: what runs is killed, and its outcome is [`TaskError::Closed`](crate::TaskError::Closed).
    pub fn terminate(self) {
        drop(self);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // In a fork of the process that built it, everything of the pool belongs to the parent.
        if !self.hub.is_own_process() {
            return;
        }
        self.hub.shut_down();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// A pool that takes no more calls.
#[derive(Debug)]
pub struct Closed {
    pool: Pool,
}

impl Closed {
    /// Waits until every call has ended, and every [`Process`](crate::Process) that is no daemon, then ends the pool's
    /// processes. An `imap` that has not been read to its end and
    /// is still alive is a call that has not ended.
    pub fn join(self) {
        self.pool.hub.wait_quiet();
    }

    /// Ends everything at once.
    pub fn terminate(self) {}
}
