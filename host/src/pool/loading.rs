//! Loading modules: from a file or bytes, by way of the cache, compiled in a process of its own.

use std::{
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::{
    builder::CacheChoice,
    held::Held,
    limits::{LimitError, Limits},
    module::{Module, ModuleInner},
    outcome::{Exit, TaskError},
    size::ByteSize,
};
use crate::{
    dispatch::{
        hub::Hub,
        start::{NotStarted, no_process},
        tenant::Tenant,
        text::clean,
    },
    module::{
        bounds::{self, MAX_INFO},
        cache::Cache,
        cache_dir::CacheError,
        cache_key::{EngineHash, Key},
        describe,
        engine::{EngineOptions, engine},
        info::{ModuleInfo, ModuleKind},
        refusal::{self, Refusal},
        sealed::SealedCode,
    },
    supervisor::child::{Child, END_PATIENCE},
    wire::{
        message::{CompileMode, CompileReply, CompileSpec, Request, WIRE_VERSION},
        socket,
    },
};

/// No compile time is longer, whatever the limit says: a socket cannot wait for ever by name.
const LONGEST_COMPILE: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest reply of a compiler: a refusal with its words.
pub(crate) const MAX_REPLY: usize = 64 << 10;

/// Why a module was not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file could not be read.
    #[error("failed to read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The module is larger than the limit.
    #[error("a module of {size}, and {limit} are allowed (Limits::module_size)")]
    TooLarge {
        /// Its size.
        size: ByteSize,
        /// The limit.
        limit: ByteSize,
    },
    /// One of the limits that it was to be loaded with lets nothing through, or cannot be.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The module is not accepted.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What its compiler said of it does not hold together.
    #[error("the module's description is not accepted: {0}")]
    Described(String),
    /// Compiling took too long.
    #[error("compiling took longer than {limit:?} (Limits::compile_time)")]
    CompileTime {
        /// The limit.
        limit: Duration,
    },
    /// Compiling took too much memory, or crashed for want of it.
    #[error("compiling took more than {limit} of memory (Limits::compile_memory)")]
    CompileMemory {
        /// The limit.
        limit: ByteSize,
    },
    /// The compiler process ended without an answer.
    #[error("the compiler was lost: {reason}")]
    CompilerLost {
        /// What is known of it.
        reason: String,
    },
    /// The pool could not do its job.
    #[error(transparent)]
    Host(#[from] TaskError),
    /// The host is out of descriptors, memory or processes.
    #[error("failed to start the compiler: {0}")]
    Io(#[from] io::Error),
}

/// Reads a module's file, not more of it than is allowed.
pub(super) fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, LoadError> {
    use std::io::Read;
    let error = |source| LoadError::Read {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(error)?;
    let limit = limits.module_size;
    // What the system tells of its size spares growing step by step; what is read decides.
    let told = file.metadata().map_or(0, |metadata| metadata.len());
    let room = usize::try_from(told.min(limit.bytes())).unwrap_or(0);
    let mut source = Vec::with_capacity(room.saturating_add(1));
    file.take(limit.bytes().saturating_add(1))
        .read_to_end(&mut source)
        .map_err(error)?;
    if source.len() as u64 > limit.bytes() {
        // A device or a pipe has no size.
        let told = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let size = told.max(source.len() as u64);
        return Err(LoadError::TooLarge {
            size: ByteSize::new(size),
            limit,
        });
    }
    Ok(source)
}

/// Reads a module's file, and says what the module is called.
pub(super) fn read_named(path: &Path, limits: &Limits) -> Result<(String, Vec<u8>), LoadError> {
    let source = read(path, limits)?;
    let name = path.file_name().map_or_else(
        || "module".into(),
        |name| name.to_string_lossy().into_owned(),
    );
    Ok((name, source))
}

/// Loads the modules of one pool.
#[derive(Debug)]
pub(crate) struct Loader {
    cache: Option<Cache>,
    next: AtomicU64,
    compiling: Turns,
    held: Held,
}

impl Loader {
    /// Opens the cache.
    ///
    /// # Errors
    /// A directory that was asked for by name could be written by others.
    pub(crate) fn new(choice: &CacheChoice) -> Result<Self, CacheError> {
        let opened = match choice {
            CacheChoice::Default => Some(Cache::open_default()),
            CacheChoice::At(directory) => match Cache::open(directory) {
                Err(error @ CacheError::Untrusted { .. }) => return Err(error),
                opened => Some(opened),
            },
            CacheChoice::Off => None,
        };
        // A cache makes the next start quick and nothing else: without it everything works.
        let cache = opened.and_then(|opened| {
            opened
                .inspect_err(
                    |error| tracing::warn!(%error, "compiled modules are not kept on disk"),
                )
                .ok()
        });
        Ok(Self {
            cache,
            next: AtomicU64::new(1),
            compiling: Turns::default(),
            held: Held::default(),
        })
    }

    /// Hashes the engine, which the first load would otherwise wait for: the cache's keys begin with that.
    pub(crate) fn ahead(&self, hub: &Hub) {
        // What has failed is tried again, and told, by a load.
        if self.cache.is_some() {
            let _ = engine_hash(options_of(hub));
        }
    }

    /// Accepts and compiles a module, or takes it from the cache.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub(crate) fn load(
        self: &Arc<Self>,
        hub: &Arc<Hub>,
        tenant: &Arc<Tenant>,
        name: String,
        source: Vec<u8>,
        limits: &Arc<Limits>,
    ) -> Result<Module, LoadError> {
        hub.check_open()?;
        if source.len() as u64 > limits.module_size.bytes() {
            let size = ByteSize::new(source.len() as u64);
            return Err(LoadError::TooLarge {
                size,
                limit: limits.module_size,
            });
        }
        // There is nothing to hand over to a compiler.
        if source.is_empty() {
            return Err(LoadError::Refused(Refusal::NotWasm {
                message: "it is empty".to_owned(),
            }));
        }
        let options = options_of(hub);
        let source = Arc::new(source);
        let (info, code, cached) = self.compiled(hub, limits, options, &source, Form::Plain)?;
        let described =
            describe::describe(info).map_err(|error| LoadError::Described(error.to_string()))?;
        let info = &described.info;
        // The compiler knows what a worker can have at all; this is asked of the cache's modules too.
        // A component has bounds of its own for all of its modules together.
        if info.kind != ModuleKind::Component {
            bounds::check(
                "memories",
                info.memories.len() as u64,
                limits.memories.into(),
            )?;
            bounds::check("tables", info.tables.len() as u64, limits.tables.into())?;
        }
        hub.config.functions.check(&described.functions)?;
        let source = self.held.source_of(&code, source);
        let files = (code, sealed_info(info)?);
        let inner = ModuleInner::new(
            self.next_id(),
            name,
            files,
            options.fuel,
            described,
            cached,
            source,
        )
        .of_tenant(tenant);
        Ok(Module::new(
            Arc::clone(hub),
            Arc::clone(self),
            Arc::new(inner),
            Arc::clone(limits),
        ))
    }

    /// A copy of a module of which a snapshot can be taken: the same in everything but its code.
    ///
    /// # Errors
    /// As [`Loader::load`], and [`Refusal::Snapshot`] for what no snapshot shows.
    pub(crate) fn instrumented(
        &self,
        hub: &Hub,
        limits: &Limits,
        module: &ModuleInner,
    ) -> Result<ModuleInner, LoadError> {
        let options = options(hub, module);
        let source = &module.source;
        let (_, code, cached) = self.compiled(hub, limits, options, source, Form::Instrumented)?;
        let info = sealed_info(&module.described.info)?;
        Ok(module.variant(
            self.next_id(),
            (code, info),
            module.described.clone(),
            cached,
            Arc::clone(source),
        ))
    }

    /// The module whose fresh instances are in the state that `state` says, of whose bytes nothing is believed.
    ///
    /// # Errors
    /// As [`Loader::instrumented`].
    pub(crate) fn restored(
        &self,
        hub: &Hub,
        limits: &Limits,
        module: &ModuleInner,
        state: &[u8],
        memory: u64,
    ) -> Result<ModuleInner, LoadError> {
        let options = options(hub, module);
        let state = SealedCode::from_bytes(state)?;
        let mode = CompileMode::Restored {
            state_len: state.len() as u64,
            memory,
        };
        let compiled = self.compiling.take(hub.config.workers, || {
            compile(hub, limits, options, &module.source, mode, Some(&state))
        })?;
        let described = describe::describe(compiled.info)
            .map_err(|error| LoadError::Described(error.to_string()))?;
        let Some(wasm) = compiled.wasm else {
            return Err(LoadError::Described(
                "it came without its binary".to_owned(),
            ));
        };
        // Tasks are named by their place.
        if described.info.tasks != module.described.info.tasks {
            return Err(LoadError::Described("it has other tasks".to_owned()));
        }
        let files = (Arc::new(compiled.code), sealed_info(&described.info)?);
        Ok(module.variant(self.next_id(), files, described, false, Arc::new(wasm)))
    }

    fn next_id(&self) -> u64 {
        self.next.fetch_add(1, Relaxed)
    }

    /// Code and description, from a module of this pool or from the cache when they are there, and whether they were.
    fn compiled(
        &self,
        hub: &Hub,
        limits: &Limits,
        options: EngineOptions,
        source: &[u8],
        form: Form,
    ) -> Result<(ModuleInfo, Arc<SealedCode>, bool), LoadError> {
        let key = match &self.cache {
            Some(_) => {
                let declared = hub.config.functions.declared();
                let plain = Key::new(engine_hash(options)?, options, declared, source);
                Some(match form {
                    Form::Plain => plain,
                    Form::Instrumented => plain.instrumented(),
                })
            }
            None => None,
        };
        if let Some((info, code)) = key.as_ref().and_then(|key| self.held.get(key)) {
            return Ok((info, code, true));
        }
        let cache = self.cache.as_ref().zip(key.as_ref());
        if let Some((key, entry)) = cache.and_then(|(cache, key)| Some((key, cache.get(key)?))) {
            let code = self.held.put(key, &entry.info, entry.code);
            return Ok((entry.info, code, true));
        }
        let mode = match form {
            Form::Plain => CompileMode::Plain,
            Form::Instrumented => CompileMode::Instrumented,
        };
        let Compiled { info, code, .. } = self.compiling.take(hub.config.workers, || {
            compile(hub, limits, options, source, mode, None)
        })?;
        let code = match cache {
            Some((cache, key)) => {
                cache.put(key, &info, &code);
                self.held.put(key, &info, code)
            }
            None => Arc::new(code),
        };
        Ok((info, code, false))
    }

    /// The cache, when there is one.
    pub(crate) fn cache(&self) -> Option<&Cache> {
        self.cache.as_ref()
    }
}

/// What of a module is in the cache.
#[derive(Clone, Copy)]
enum Form {
    Plain,
    Instrumented,
}

/// What a compiler process made.
struct Compiled {
    info: ModuleInfo,
    code: SealedCode,
    /// The binary, when it was rewritten.
    wasm: Option<Vec<u8>>,
}

/// The description as workers get it.
fn sealed_info(info: &ModuleInfo) -> io::Result<SealedCode> {
    SealedCode::from_bytes(&postcard::to_allocvec(info).map_err(io::Error::other)?)
}

/// Lets a bounded number of threads do something at once.
#[derive(Debug, Default)]
struct Turns {
    busy: Mutex<usize>,
    free: Condvar,
}

impl Turns {
    /// Does `what` as soon as fewer than `most` others are at it.
    fn take<T>(&self, most: usize, what: impl FnOnce() -> T) -> T {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        while *busy >= most {
            busy = self.free.wait(busy).unwrap_or_else(PoisonError::into_inner);
        }
        *busy += 1;
        drop(busy);
        let done = what();
        *self.busy.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.free.notify_one();
        done
    }
}

/// The engine that the pool's modules are compiled for.
fn options_of(hub: &Hub) -> EngineOptions {
    EngineOptions {
        fuel: hub.config.limits.fuel.is_some(),
        stack: hub.stack(),
    }
}

/// The engine that a module was compiled for.
fn options(hub: &Hub, module: &ModuleInner) -> EngineOptions {
    EngineOptions {
        fuel: module.fuel,
        stack: hub.stack(),
    }
}

/// What the engine compiles for, found out once in this process.
fn engine_hash(options: EngineOptions) -> Result<EngineHash, LoadError> {
    static HASHES: [OnceLock<EngineHash>; 2] = [OnceLock::new(), OnceLock::new()];
    let known = &HASHES[usize::from(options.fuel)];
    if let Some(hash) = known.get() {
        return Ok(*hash);
    }
    // The stack is no part of the code.
    let options = EngineOptions {
        fuel: options.fuel,
        ..EngineOptions::default()
    };
    let engine = engine(options).map_err(|error| io::Error::other(format!("{error:#}")))?;
    Ok(*known.get_or_init(|| EngineHash::of(&engine)))
}

/// A compiler, which has nothing to do once it has answered, whatever it thinks.
struct KilledOnDrop(Arc<Child>);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        self.0.kill();
    }
}

/// Compiles in a process of its own, which is killed when it takes too long.
fn compile(
    hub: &Hub,
    limits: &Limits,
    options: EngineOptions,
    source: &[u8],
    mode: CompileMode,
    state: Option<&SealedCode>,
) -> Result<Compiled, LoadError> {
    let file = SealedCode::from_bytes(source)?;
    let (child, socket) = hub.start_compiler().map_err(|error| match error {
        NotStarted::Io(error) => LoadError::Io(error),
        NotStarted::Closed(error) => LoadError::Host(error),
        // A compiler is nobody's: there was no zygote for it.
        error @ (NotStarted::NotYet | NotStarted::Tenant(_)) => {
            LoadError::Io(io::Error::other(error))
        }
    })?;
    let child = KilledOnDrop(child);
    let spec = Request::Compile(CompileSpec {
        version: WIRE_VERSION,
        source_len: source.len() as u64,
        fuel: options.fuel,
        stack: options.stack,
        max_source: limits.module_size.bytes(),
        memory: limits.compile_memory.bytes(),
        mode,
        // The clock of the wall decides; this is for a host that is not there any more.
        cpu_seconds: limits.compile_time.as_secs().saturating_add(2),
        imports: hub.config.functions.declared().to_vec(),
        jail: hub.config.jail,
    });
    let patience = limits.compile_time.min(LONGEST_COMPILE);
    let deadline = Instant::now() + patience;
    let files: Vec<_> = [&file].into_iter().chain(state).map(AsFd::as_fd).collect();
    let mut buffer = vec![0; MAX_REPLY];
    let received = match socket::send_value(&socket, &spec, &files) {
        // It ended before it was told anything: as lost as one that ends later.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(None),
        Err(error) => return Err(error.into()),
        Ok(()) => match socket::wait_readable(&socket, deadline) {
            Ok(true) => match socket::receive_with_descriptors(&socket, &mut buffer) {
                // It ended and had not read what it was told.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(None),
                received => received,
            },
            Ok(false) => Err(io::ErrorKind::WouldBlock.into()),
            Err(error) => Err(error),
        },
    };
    let over_time = Instant::now() >= deadline;
    let lost = |reason: &str| LoadError::CompilerLost {
        reason: reason.to_owned(),
    };
    let (len, descriptors) = match received {
        Ok(Some(received)) => received,
        Ok(None) => {
            let exit = child.0.wait(END_PATIENCE);
            hub.check_open()?;
            if let Some(why) = child.0.refusal() {
                return Err(no_process(&why).into());
            }
            return Err(match exit {
                _ if over_time => LoadError::CompileTime {
                    limit: limits.compile_time,
                },
                Some(Exit::Signal(libc::SIGXCPU)) => LoadError::CompileTime {
                    limit: limits.compile_time,
                },
                // An allocation that fails aborts.
                Some(Exit::Signal(libc::SIGABRT)) => LoadError::CompileMemory {
                    limit: limits.compile_memory,
                },
                Some(Exit::Signal(libc::SIGSYS)) => {
                    lost("it tried a system call that its jail forbids")
                }
                Some(exit) => lost(&exit.to_string()),
                None => lost("it closed its socket"),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            return Err(LoadError::CompileTime {
                limit: limits.compile_time,
            });
        }
        Err(error) => {
            return Err(lost(&error.to_string()));
        }
    };
    match postcard::from_bytes::<CompileReply>(&buffer[..len]) {
        Ok(CompileReply::Refused(refusal)) => Err(refusal.cleaned().into()),
        Ok(CompileReply::Done) => {
            // Nothing that it sent is used before its seals are checked: it cannot be changed any more.
            let mut files = descriptors.into_iter().map(|file| {
                SealedCode::from_untrusted(file).map_err(|error| lost(&error.to_string()))
            });
            let (Some(code), Some(info)) = (files.next(), files.next()) else {
                return Err(lost("it answered without its files"));
            };
            let (code, info) = (code?, info?);
            let wasm = files.next().transpose()?;
            let described = describe::read(&contents(&info, MAX_INFO, &lost)?)
                .map_err(|error| LoadError::Described(error.to_string()))?;
            let wasm = wasm
                .map(|wasm| contents(&wasm, limits.module_size.bytes(), &lost))
                .transpose()?;
            Ok(Compiled {
                info: described.info,
                code,
                wasm,
            })
        }
        Ok(CompileReply::Unable(why)) => Err(lost(&unable(why))),
        Err(error) => Err(lost(&format!("it answered nonsense: {error}"))),
    }
}

/// What a compiler says that gave up. A module may have taken it over: not much of it, and nothing that a terminal would obey.
pub(crate) fn unable(why: String) -> String {
    format!("it gave up: {}", clean(&refusal::shorten(why)))
}

/// All of a file that a compiler sent, when it is not longer than such a file can be.
fn contents(
    file: &SealedCode,
    limit: u64,
    lost: &impl Fn(&str) -> LoadError,
) -> Result<Vec<u8>, LoadError> {
    if file.len() as u64 > limit {
        return Err(lost("it answered with a file that is too long"));
    }
    let mut bytes = Vec::with_capacity(file.len());
    file.read(|piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(bytes)
}
