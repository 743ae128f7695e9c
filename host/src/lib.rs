//! Python's `multiprocessing` for code that nobody has to trust: a task is a function in a WebAssembly module, and every
//! task runs in an isolated worker process.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let files: Vec<Vec<u8>> = Vec::new();
//! let pool = wasmpool::Pool::new()?;                                  // one worker per core
//! let md5 = pool.load("md5.wasm")?.task::<Vec<u8>, String>("md5")?;    // typed and checked here, not at the first call
//! for digest in pool.imap(&md5, files) {                              // lazy, ordered, bounded
//!     println!("{}", digest?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! No ceremony in `main`, none in tests: the worker is the running program itself, started again and diverted before
//! its `main`.
//!
//! - [`Pool`] and [`Builder`]: how many workers, how they start, how isolated, within what [`Limits`].
//! - [`Module`]: what was loaded; [`Task`]: a function of it, typed; [`Call`]: one that runs.
//! - [`TaskError`]: how a task ends that has no value. Everything else that fails has an error type of its own.
//! - [`PoolEvent`]: what happens, as one stream.
//! - [`json`]: arguments and results for programs that learn the types at run time.
#![deny(unsafe_code)]

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
compile_error!(
    "wasmpool builds its sandbox from Linux on x86-64 or aarch64; a weaker one elsewhere would be no sandbox"
);

// The derive writes paths that begin with the name of this crate.
extern crate self as wasmpool;

pub(crate) mod dispatch;
pub mod doctor;
pub mod exit;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
pub(crate) mod jail;
pub mod json;
mod manager;
pub(crate) mod module;
mod pool;
pub(crate) mod shared;
pub(crate) mod supervisor;
pub(crate) mod sys;
pub(crate) mod wire;
pub(crate) mod worker;

pub use jail::wall::{Jail, MissingWall, Need, Standing, Wall, WallReport};
pub use manager::{dict::Dict, list::List, manager::Manager, namespace::Namespace};
pub use module::{
    cache_dir::CacheError,
    info::{CommandInput, CommandOutput},
    pack::{PackError, pack},
    refusal::Refusal,
    signature::{NameError, Signature, TaskKind},
};
pub use pool::{
    builder::{BuildError, Builder, Isolation},
    call::Call,
    event::{LogSource, PoolEvent},
    flow::{Feeder, Next, Outcomes},
    grants::{Clock, GrantError, Grants, Random},
    handle::{Closed, Pool},
    host_function::{CallContext, FunctionError},
    host_import::{NumberResult, Numbers},
    imap::{Imap, ImapUnordered},
    initializer::InitError,
    limits::{LimitError, Limits, ZeroLimit},
    loading::LoadError,
    map::MapCall,
    module::Module,
    outcome::{Capped, Exit, Frame, Outcome, Side, TaskError, decode},
    process::{ChildInfo, Process, ProcessBuilder, ProcessExit, SpawnError},
    report::{Reported, TaskReport},
    scope::{Scope, ScopedCall},
    script::{Interpreter, Script, ScriptError, ScriptFrame, ScriptLanguage},
    session::{Session, SessionEnd, SessionError, SessionTask},
    size::{ByteSize, ByteSizeError},
    task::Task,
    tenant::{Tenant, TenantError, TenantLimits, TenantUsage, TimeBudget},
};
pub use shared::{
    array::{Array, ArrayGuard},
    barrier::{Barrier, BarrierError},
    chunk::{ChunkMut, ChunksMut},
    condition::{Condition, ConditionGuard, WaitError},
    element::Elements,
    event::Event,
    joinable_queue::{JoinableQueue, TaskDoneError},
    lock::{AcquireError, Lock, LockGuard},
    message::{GetError, MessageError, PutError},
    object::ShareError,
    pipe::{Connection, Receiver, Sender, one_way, pipe, pipe_with_capacity},
    queue::Queue,
    raw_array::{RawArray, SharedMemory},
    read_only::ReadOnly,
    rlock::{RLock, RLockGuard},
    semaphore::{BoundedSemaphore, Permit, ReleaseError, Semaphore},
    simple_queue::SimpleQueue,
    value::{RawValue, Value, ValueGuard},
    waiting::{Waitable, wait},
};
pub use supervisor::host_end::{StartError, StartMethod};
pub use wasmpool_abi::{
    Arg, Code, Codec, Element, Encoded, IndexError, Integer, ManagerError, Receive, Type,
    TypeTextError, Typed, section::SectionError,
};
pub use wasmpool_macros::TypedHost as Typed;

/// What derived code needs and people do not.
/// The scheduler in virtual time.
#[cfg(any(test, feature = "simulation"))]
#[doc(hidden)]
pub mod simulation {
    pub use crate::dispatch::simulation::{Load, Seen, simulate};
}

#[doc(hidden)]
pub mod __private {
    pub use wasmpool_abi::__private::*;
}
