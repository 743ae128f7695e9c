//! A loaded module: what it offers, and typed tasks named from it.

use std::fmt;
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use wasmpool_abi::{Encoded, Receive, Type, Typed};

use super::{
    builder::Isolation,
    grants::Granted,
    limits::{LimitError, Limits},
    loading::Loader,
    size::ByteSize,
    task::Task,
    tenant::Tenant,
};
use crate::{
    dispatch::{
        hub::Hub,
        stream::{CallPlan, Initializer},
        tenant::Tenant as TenantInner,
        text::clean,
    },
    module::{
        codec::ItemCodec,
        describe::Description,
        engine::{MAX_COMPONENT_TABLES, MAX_TABLE_ELEMENTS},
        info::{CommandInput, CommandOutput, ModuleKind},
        sealed::SealedCode,
        signature::{NameError, Signature, TaskKind},
    },
    worker::{
        component::call::values_for,
        contract::{CallKind, CallSpec},
    },
};

/// Workers of one module that may end in a row before they have begun, until its tasks are given up. Somebody may be
/// killing them, so it takes many; one that says itself that it cannot counts for five.
const MAX_FAILED_STARTS: u32 = 20;

/// Private memory that a component's worker has beside its tasks': the tables of all its instances at their largest, and their
/// own data.
const COMPONENT_BASE: u64 =
    (MAX_COMPONENT_TABLES as usize * MAX_TABLE_ELEMENTS * 8 + (32 << 20)) as u64;

/// A module that was accepted and compiled. Shared by its handles, its tasks and the workers that serve it.
#[derive(Debug)]
pub(crate) struct ModuleInner {
    /// The pool's number for it.
    pub(crate) id: u64,
    /// The name of its file.
    pub(crate) name: String,
    /// Its machine code.
    pub(crate) code: Arc<SealedCode>,
    /// Its description, as workers get it.
    pub(crate) info: SealedCode,
    /// Whether it counts fuel.
    pub(crate) fuel: bool,
    /// Its description, read and checked.
    pub(crate) described: Description,
    /// Whether it was taken from the cache.
    pub(crate) cached: bool,
    /// What it was made of: text or binary.
    pub(crate) source: Arc<Vec<u8>>,
    failed_starts: AtomicU32,
    /// Whose it is.
    tenant: Arc<TenantInner>,
}

impl ModuleInner {
    /// A module that no worker serves yet, a tenant by itself.
    pub(crate) fn new(
        id: u64,
        name: String,
        (code, info): (impl Into<Arc<SealedCode>>, SealedCode),
        fuel: bool,
        described: Description,
        cached: bool,
        source: Arc<Vec<u8>>,
    ) -> Self {
        Self {
            id,
            name,
            code: code.into(),
            info,
            fuel,
            described,
            cached,
            source,
            failed_starts: AtomicU32::new(0),
            tenant: TenantInner::unnamed(),
        }
    }

    /// The same as a module of this tenant.
    pub(crate) fn of_tenant(self, tenant: &Arc<TenantInner>) -> Self {
        let tenant = Arc::clone(tenant);
        Self { tenant, ..self }
    }

    /// A module that was made of this one, and belongs to the same tenant.
    pub(crate) fn variant(
        &self,
        id: u64,
        files: (Arc<SealedCode>, SealedCode),
        described: Description,
        cached: bool,
        source: Arc<Vec<u8>>,
    ) -> Self {
        let name = self.name.clone();
        Self {
            tenant: Arc::clone(&self.tenant),
            ..Self::new(id, name, files, self.fuel, described, cached, source)
        }
    }

    /// Whether it is a component.
    pub(crate) fn is_component(&self) -> bool {
        self.described.info.kind == ModuleKind::Component
    }

    /// Private memory that a call may need in its process.
    pub(crate) fn private_memory(&self, spec: &CallSpec) -> u64 {
        let needed = spec.private_memory();
        match self.is_component() {
            false => needed,
            // Arguments and result, taken apart; the pool of tables, and what a component has for itself.
            true => needed
                .saturating_add(2 * values_for(spec.output) as u64)
                .saturating_add(COMPONENT_BASE),
        }
    }

    /// Who may share a worker with it: tasks of the same tenant. A number that no other pool's module has either.
    pub(crate) fn tenant(&self) -> u64 {
        self.tenant.number()
    }

    /// Whose it is.
    pub(crate) fn tenant_of(&self) -> &Arc<TenantInner> {
        &self.tenant
    }

    /// What can be called.
    pub(crate) fn signatures(&self) -> &[Signature] {
        &self.described.signatures
    }

    /// The name of a task by its index.
    pub(crate) fn task_name(&self, task: u32) -> &str {
        self.signatures()
            .get(task as usize)
            .map_or("", |signature| &signature.name)
    }

    /// A task by its index, as messages name it.
    pub(crate) fn told_task(&self, task: u32) -> String {
        format!("`{}` in {}", self.task_name(task), clean(&self.name))
    }

    /// How a task is called, by its index.
    pub(crate) fn task_kind(&self, task: u32) -> Option<TaskKind> {
        let signature = self.signatures().get(task as usize)?;
        Some(signature.kind)
    }

    /// A worker of it stands.
    pub(crate) fn worker_ready(&self) {
        self.failed_starts.store(0, Relaxed);
    }

    /// A worker of it ended before it stood; `unable` is whether it said so itself.
    pub(crate) fn worker_failed(&self, unable: bool) {
        self.failed_starts
            .fetch_add(if unable { MAX_FAILED_STARTS / 4 } else { 1 }, Relaxed);
    }

    /// Whether starting another one is of no use.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.failed_starts.load(Relaxed) >= MAX_FAILED_STARTS
    }
}

/// A loaded module. Cheap to clone.
#[derive(Clone)]
pub struct Module {
    hub: Arc<Hub>,
    loader: Arc<Loader>,
    inner: Arc<ModuleInner>,
    initializer: Option<Arc<Initializer>>,
    limits: Arc<Limits>,
    grants: Option<Arc<Granted>>,
}

/// Its name and no more: the code and the description of a module are long.
impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl Module {
    pub(crate) fn new(
        hub: Arc<Hub>,
        loader: Arc<Loader>,
        inner: Arc<ModuleInner>,
        limits: Arc<Limits>,
    ) -> Self {
        Self {
            hub,
            loader,
            inner,
            initializer: None,
            limits,
            grants: None,
        }
    }

    /// The same with another inside, which needs no initializer any more.
    pub(crate) fn replaced(&self, inner: ModuleInner) -> Self {
        Self {
            inner: Arc::new(inner),
            initializer: None,
            ..self.clone()
        }
    }

    /// The same with these grants.
    pub(crate) fn granted(&self, grants: Arc<Granted>) -> Self {
        Self {
            grants: Some(grants),
            ..self.clone()
        }
    }

    /// What its tasks may have beside their arguments.
    pub(crate) fn grants(&self) -> Option<&Arc<Granted>> {
        self.grants.as_ref()
    }

    /// The same with this initializer.
    pub(crate) fn initialized_by(&self, initializer: Initializer) -> Self {
        Self {
            initializer: Some(Arc::new(initializer)),
            ..self.clone()
        }
    }

    /// The same module with other limits for its tasks, in place of those that it had. What has been named from it keeps
    /// what it had.
    ///
    /// ```
    /// use wasmpool::ByteSize;
    ///
    /// let pool = wasmpool::Pool::new()?;
    /// let module = pool.load_bytes(br#"(module (memory (export "memory") 3) (func (export "f")))"#)?;
    /// let mut limits = module.limits().clone();
    /// limits.memory = ByteSize::kib(128);
    /// let small = module.with_limits(limits)?;
    /// assert_eq!(small.task::<(), ()>("f")?.call(()).unwrap_err().kind(), "memory");
    /// module.task::<(), ()>("f")?.call(())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// One that lets nothing through, or that only a pool can have: see [`Limits`].
    pub fn with_limits(&self, limits: Limits) -> Result<Self, LimitError> {
        limits.check_within(&self.hub.config.limits)?;
        Ok(Self {
            limits: Arc::new(limits),
            ..self.clone()
        })
    }

    /// The limits that its tasks have when nothing else is said.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn loader(&self) -> &Loader {
        &self.loader
    }

    /// What runs first in each fresh instance.
    pub(crate) fn initializer(&self) -> Option<&Arc<Initializer>> {
        self.initializer.as_ref()
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    pub(crate) fn inner(&self) -> &Arc<ModuleInner> {
        &self.inner
    }

    /// The task `name`, with its types checked against what the module declares.
    ///
    /// `In` is the type of its argument, a tuple of several, or `()` of none. Tasks of raw bytes are
    /// `Task<Vec<u8>, Vec<u8>>`, exports of plain numbers take and return numbers or tuples of them.
    ///
    /// # Errors
    /// There is no such task (the message names those that there are, nearest first), or it has other types (the
    /// message names both).
    pub fn task<In: Typed, Out: Receive>(&self, name: &str) -> Result<Task<In, Out>, NameError> {
        let (index, signature) = self.inner.described.task(name)?;
        signature.check(&Type::of::<In>(), &Type::of::<Out>())?;
        Ok(self.task_at(index, signature.codec.into()))
    }

    /// The module's WASI command, `_start`.
    ///
    /// # Errors
    /// The module is none.
    pub fn command(&self) -> Result<Task<CommandInput, CommandOutput>, NameError> {
        self.task("_start")
    }

    /// The task `name` with arguments and result as encoded bytes, for programs that learn the types at run time:
    /// see [`Module::tasks`] and [`json`](crate::json).
    ///
    /// # Errors
    /// There is no such task.
    pub fn dynamic(&self, name: &str) -> Result<Task<Encoded, Encoded>, NameError> {
        let (index, _) = self.inner.described.task(name)?;
        Ok(self.task_at(index, ItemCodec::Verbatim))
    }

    pub(crate) fn task_at<In, Out>(&self, task: u32, codec: ItemCodec) -> Task<In, Out> {
        let isolation = self.hub.config.isolation;
        let plan = CallPlan {
            module: Arc::clone(&self.inner),
            spec: self.spec(task),
            timeout: self.limits.timeout,
            // What was set for the module was not set for the pool alone.
            own_timeout: self.limits.timeout != self.hub.config.limits.timeout,
            input: self.limits.input,
            process_per_task: isolation == Isolation::Process,
            chunk: None,
            retries: 0,
            initializer: self.initializer.clone(),
            grants: self.grants.clone(),
            codec,
            head: None,
        };
        Task::new(Arc::clone(&self.hub), plan)
    }

    /// What a call of a task says when nothing was set for it.
    pub(crate) fn spec(&self, task: u32) -> CallSpec {
        let mut spec = CallSpec {
            task,
            memory: 0,
            cpu: None,
            fuel: None,
            output: 0,
            partial: 0,
            logs: 0,
            stderr: 0,
            keep_instance: self.hub.config.isolation == Isolation::Batch,
            report: self.hub.config.reports,
            kind: CallKind::Task,
        };
        self.limits.apply_to(&mut spec);
        spec
    }

    /// What can be called.
    pub fn tasks(&self) -> &[Signature] {
        self.inner.signatures()
    }

    /// The name of its file, or `module`.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The number of its tenant: [`Tenant::number`]. Each [`Pool::load`](crate::Pool::load) makes a tenant of its own.
    pub fn tenant(&self) -> u64 {
        self.inner.tenant()
    }

    /// Its tenant: for limits of a module that is a tenant by itself.
    pub fn owner(&self) -> Tenant {
        let (hub, loader) = (Arc::clone(&self.hub), Arc::clone(&self.loader));
        Tenant::new(
            hub,
            loader,
            Arc::clone(&self.limits),
            Arc::clone(self.inner.tenant_of()),
        )
    }

    /// What it imports: module, name, type.
    pub fn imports(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.inner
            .described
            .info
            .imports
            .iter()
            .map(|(module, name, ty)| (module.as_str(), name.as_str(), ty.as_str()))
    }

    /// Its memories: the size at the start, and the largest when it says one.
    pub fn memories(&self) -> impl Iterator<Item = (ByteSize, Option<ByteSize>)> {
        self.inner
            .described
            .info
            .memories
            .iter()
            .map(|&(least, most)| (ByteSize::new(least), most.map(ByteSize::new)))
    }

    /// The size of its WebAssembly.
    pub fn size(&self) -> ByteSize {
        ByteSize::new(self.inner.described.info.wasm_size)
    }

    /// What it was made of, as it was given: text or binary. Of one that was [initialized](Module::initialized) the binary
    /// that starts from there.
    pub fn source(&self) -> &[u8] {
        &self.inner.source
    }

    /// The size of its machine code.
    pub fn code_size(&self) -> ByteSize {
        ByteSize::new(self.inner.code.len() as u64)
    }

    /// Whether it was taken from the cache, or from what this pool has already, and not compiled.
    pub fn cached(&self) -> bool {
        self.inner.cached
    }
}
