//! A tenant as its user holds it: whose modules share nothing with anybody else's, and what all of them together may use.

use std::{
    fmt,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    limits::{Limits, ZeroLimit},
    loading::{self, LoadError, Loader},
    module::Module,
    size::ByteSize,
};
use crate::dispatch::{hub::Hub, tenant::Tenant as Inner};

/// What all workers of one tenant together may use, and its share of the pool when others want it too.
///
/// The workers of its [`Process`](crate::Process)es and [`Session`](crate::Session)s are counted among them. Compiling is
/// not: it has limits of its own.
///
/// ```
/// use wasmpool::{ByteSize, TenantLimits};
///
/// let mut limits = TenantLimits::default();
/// limits.max_workers = Some(3);
/// limits.max_memory = Some(ByteSize::gib(1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TenantLimits {
    /// Its share of worker time beside other tenants that want some at the same time: one of weight 2 has twice as much as
    /// one of weight 1. What others do not want is for everybody. Default: 1.
    pub weight: u32,
    /// Worker processes at once: those that work, those that rest, and those that were ended until the system says that
    /// they are gone. `None`: no limit but the pool's. Default: `None`.
    pub max_workers: Option<usize>,
    /// The sum of the memory limits ([`Limits::memory`](crate::Limits::memory)) of its worker processes. A task whose own
    /// limit is larger is never run. `None`: not limited. Default: `None`.
    pub max_memory: Option<ByteSize>,
    /// Worker time within a window. `None`: not limited. Default: `None`.
    pub worker_time: Option<TimeBudget>,
    /// Workers that rest and wait for its next task. `None`: as many as the pool has. Default: `None`.
    pub max_idle_workers: Option<usize>,
    /// Workers lost in a row, without an answer to any task between them, until its next ones come from a zygote of its own;
    /// three more, and each further loss is followed by a pause that doubles, see
    /// [`PoolEvent::TenantPaused`](crate::PoolEvent::TenantPaused). A worker that the host has ended, for whatever its task did, is
    /// none. `None`: nothing follows, however many are lost. Default: 5.
    pub max_losses: Option<u32>,
}

/// So much worker time for each window of a length.
///
/// What was used comes back evenly, all of `time` within `per`: a tenant that was quiet may use all of `time` at once, and in
/// the long run it has `time` for each `per`.
///
/// Worker time runs from the moment when a worker is taken for a task until it is given back. A worker has one thread, so a
/// tenant never has more processor time than that, and less when its tasks wait. When a budget is used up, nothing new of
/// the tenant is begun until as much has come back as was used too much; what runs, runs on. Processes and sessions are
/// not counted: they run for as long as they like, within [`TenantLimits::max_workers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeBudget {
    /// How much.
    pub time: Duration,
    /// The length of the window.
    pub per: Duration,
}

impl Default for TenantLimits {
    fn default() -> Self {
        Self {
            weight: 1,
            max_workers: None,
            max_memory: None,
            worker_time: None,
            max_idle_workers: None,
            max_losses: Some(5),
        }
    }
}

impl TenantLimits {
    /// Refuses limits of zero: with them no task could ever run.
    pub(crate) fn check(&self) -> Result<(), ZeroLimit> {
        let zero = ZeroLimit::check;
        zero(self.weight == 0, "tenant's weight")?;
        zero(self.max_workers == Some(0), "tenant's number of workers")?;
        zero(
            self.max_memory.is_some_and(|it| it.bytes() == 0),
            "tenant's memory",
        )?;
        zero(self.max_losses == Some(0), "tenant's number of losses")?;
        let budget = self.worker_time;
        zero(
            budget.is_some_and(|it| it.time.is_zero()),
            "tenant's worker time",
        )?;
        zero(
            budget.is_some_and(|it| it.per.is_zero()),
            "window of worker time",
        )
    }
}

/// What a tenant has at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TenantUsage {
    /// Worker processes that have not ended: those that work, those that rest, those of its processes and sessions.
    pub workers: usize,
    /// Those that run tasks of the pool.
    pub busy: usize,
    /// Those that rest.
    pub idle: usize,
    /// The sum of the memory limits of all of them.
    pub memory: ByteSize,
    /// All worker time that it has had.
    pub worker_time: Duration,
    /// Workers that were lost since a task of it was last answered.
    pub losses: u32,
    /// No worker is started for it before this moment, since so many were lost.
    pub paused_until: Option<Instant>,
    /// Whether its next worker comes from a zygote of its own, since so many were lost.
    pub own_zygote: bool,
}

/// Why a task of a tenant was not begun, or no process of it started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TenantError {
    /// Its workers died one after the other, so that it is paused.
    #[error("{losses} workers of this tenant{} were lost in a row; it is paused for another {:?}", named(name.as_ref()), left(*until))]
    #[non_exhaustive]
    Paused {
        /// The tenant's number.
        tenant: u64,
        /// Its name, when it has one.
        name: Option<Arc<str>>,
        /// How many were lost since a task of it was last answered.
        losses: u32,
        /// When the next one is tried.
        until: Instant,
    },
    /// The task may use more memory than all workers of the tenant together.
    #[error("the task may use {wanted}, and all workers of its tenant{} together {limit}", named(name.as_ref()))]
    #[non_exhaustive]
    Memory {
        /// The tenant's number.
        tenant: u64,
        /// Its name, when it has one.
        name: Option<Arc<str>>,
        /// What the tenant's workers may have.
        limit: ByteSize,
        /// The task's own limit.
        wanted: ByteSize,
    },
    /// A process or session would be one too many, or would have too much memory beside the tenant's others. Tasks of the
    /// pool wait instead.
    #[error("the workers of this tenant{} are as many as it may have, or have as much memory", named(name.as_ref()))]
    #[non_exhaustive]
    Full {
        /// The tenant's number.
        tenant: u64,
        /// Its name, when it has one.
        name: Option<Arc<str>>,
    },
}

fn named(name: Option<&Arc<str>>) -> String {
    name.map_or_else(String::new, |name| format!(" ({name})"))
}

fn left(until: Instant) -> Duration {
    let left = until.saturating_duration_since(Instant::now());
    Duration::from_millis(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))
}

/// A tenant of a pool: modules that may share worker processes with each other, one after the other, and with nobody else;
/// one account of what they use. Cheap to clone.
///
/// A module that was loaded by [`Pool::load`](crate::Pool::load) is a tenant by itself. [`Pool::tenant`](crate::Pool::tenant)
/// gives the tenant of a name, which groups modules. A worker process serves one module in its life; so two tenants never
/// share one, and to go from one to another is a fork, or a worker that rests.
///
/// A pool forgets a name that nobody holds, that has no module and no settings, and that has had its share.
///
/// ```
/// let pool = wasmpool::Pool::new()?;
/// let alice = pool.tenant("alice").weight(2).max_workers(3);
/// let module = alice.load_bytes(br#"(module (func (export "one") (result i32) (i32.const 1)))"#)?;
/// assert_eq!(module.task::<(), i32>("one")?.call(())?, 1);
/// assert_eq!(module.tenant(), alice.number());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Tenant {
    hub: Arc<Hub>,
    loader: Arc<Loader>,
    limits: Arc<Limits>,
    inner: Arc<Inner>,
}

impl Tenant {
    /// `limits` are those of modules for which nothing else is said.
    pub(crate) fn new(
        hub: Arc<Hub>,
        loader: Arc<Loader>,
        limits: Arc<Limits>,
        inner: Arc<Inner>,
    ) -> Self {
        Self {
            hub,
            loader,
            limits,
            inner,
        }
    }

    /// Its name; `None` for the tenant of one module.
    pub fn name(&self) -> Option<&str> {
        self.inner.name().map(|name| &**name)
    }

    /// Its number, which no other tenant of this process has, and which
    /// [`Module::tenant`](crate::Module::tenant) and [`CallContext::tenant`](crate::CallContext::tenant) tell.
    pub fn number(&self) -> u64 {
        self.inner.number()
    }

    /// Loads a module of this tenant from a file. As [`Pool::load`](crate::Pool::load).
    ///
    /// # Errors
    /// As [`Pool::load`](crate::Pool::load).
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Module, LoadError> {
        self.read(path.as_ref(), &self.limits)
    }

    /// As [`Tenant::load`], with limits for this module: for its size, for compiling it, and for its tasks.
    ///
    /// # Errors
    /// As [`Tenant::load`], and [`LoadError::Limit`] for limits that cannot be or that only a pool can have.
    pub fn load_with(&self, path: impl AsRef<Path>, limits: Limits) -> Result<Module, LoadError> {
        limits.check_within(&self.limits)?;
        self.read(path.as_ref(), &Arc::new(limits))
    }

    fn read(&self, path: &Path, limits: &Arc<Limits>) -> Result<Module, LoadError> {
        let (name, source) = loading::read_named(path, limits)?;
        self.loader
            .load(&self.hub, &self.inner, name, source, limits)
    }

    /// Loads a module of this tenant from bytes. As [`Pool::load_bytes`](crate::Pool::load_bytes).
    ///
    /// # Errors
    /// As [`Pool::load`](crate::Pool::load).
    pub fn load_bytes(&self, source: impl AsRef<[u8]>) -> Result<Module, LoadError> {
        let (name, source) = ("module".into(), source.as_ref().to_vec());
        self.loader
            .load(&self.hub, &self.inner, name, source, &self.limits)
    }

    /// As [`Tenant::load_bytes`], with limits for this module.
    ///
    /// # Errors
    /// As [`Tenant::load_with`].
    pub fn load_bytes_with(
        &self,
        source: impl AsRef<[u8]>,
        limits: Limits,
    ) -> Result<Module, LoadError> {
        limits.check_within(&self.limits)?;
        let (name, source) = ("module".into(), source.as_ref().to_vec());
        self.loader
            .load(&self.hub, &self.inner, name, source, &Arc::new(limits))
    }

    /// What it may use. Default: as [`Builder::tenant_limits`](crate::Builder::tenant_limits) says.
    pub fn limits(&self) -> TenantLimits {
        self.hub.tenant_limits(&self.inner)
    }

    /// Sets what it may use, from now on: what runs, runs on, and workers that rest and are too many end.
    ///
    /// # Errors
    /// A limit of zero, with which nothing could ever run.
    pub fn set_limits(&self, limits: TenantLimits) -> Result<(), ZeroLimit> {
        limits.check()?;
        self.hub.set_tenant_limits(&self.inner, limits);
        Ok(())
    }

    /// See [`TenantLimits::weight`].
    ///
    /// # Panics
    /// Of zero, as the methods below: nothing of the tenant could ever run. [`Tenant::set_limits`] says so by an error.
    #[must_use = "it is the same tenant; `set_limits` returns nothing"]
    pub fn weight(self, weight: u32) -> Self {
        self.with(|limits| limits.weight = weight)
    }

    /// See [`TenantLimits::max_workers`].
    ///
    /// # Panics
    /// Of zero.
    #[must_use = "it is the same tenant; `set_limits` returns nothing"]
    pub fn max_workers(self, workers: usize) -> Self {
        self.with(|limits| limits.max_workers = Some(workers))
    }

    /// See [`TenantLimits::max_memory`].
    ///
    /// # Panics
    /// Of zero.
    #[must_use = "it is the same tenant; `set_limits` returns nothing"]
    pub fn max_memory(self, memory: ByteSize) -> Self {
        self.with(|limits| limits.max_memory = Some(memory))
    }

    /// See [`TenantLimits::worker_time`].
    ///
    /// # Panics
    /// Of zero.
    #[must_use = "it is the same tenant; `set_limits` returns nothing"]
    pub fn worker_time(self, time: Duration, per: Duration) -> Self {
        self.with(|limits| limits.worker_time = Some(TimeBudget { time, per }))
    }

    /// See [`TenantLimits::max_idle_workers`]. None is a fine number here: each task then has a worker of its own, or one
    /// that was just busy.
    #[must_use = "it is the same tenant; `set_limits` returns nothing"]
    pub fn max_idle_workers(self, workers: usize) -> Self {
        self.with(|limits| limits.max_idle_workers = Some(workers))
    }

    fn with(self, change: impl FnOnce(&mut TenantLimits)) -> Self {
        let mut limits = self.limits();
        change(&mut limits);
        if let Err(error) = self.set_limits(limits) {
            panic!("{error}");
        }
        self
    }

    /// What it has at this moment.
    pub fn usage(&self) -> TenantUsage {
        self.hub.tenant_usage(&self.inner)
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant")
            .field("name", &self.name())
            .field("number", &self.number())
            .finish_non_exhaustive()
    }
}
