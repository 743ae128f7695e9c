//! Write tasks for wasmpool in Rust.
//!
//! ```
//! #[wasmpool_guest::task]
//! fn count_words(text: &str) -> usize {
//!     text.split_whitespace().count()
//! }
//!
//! assert_eq!(count_words("still an ordinary function"), 4);
//! ```
//!
//! Build it as a `cdylib` for `wasm32-wasip1`; no flags are needed. What the host gets to know of a task are its name and types, which
//! [`task`] writes into the module.
//!
//! - Types of your own that are arguments or results derive [`Typed`] beside serde's `Serialize` and `Deserialize`.
//! - While it runs, a task can tell how far it is ([`progress`]), deliver parts of its result ([`emit`]), and log ([`info!`] and its kin).
//! - [`raw`] is for tasks that read and write bytes themselves.
//! - [`script`] is what an interpreter is to the host.
//! - A task in a dependency is only part of the module when the dependency is: `use its_crate as _;`.
//!
//! The crate also compiles natively, so that a guest's logic has ordinary unit tests; [`testing`] shows what such a test logged and emitted.
#![deny(unsafe_code)]

// The derive writes paths that begin with the name of this crate.
extern crate self as wasmpool_guest;

pub mod __private;
mod host_call;
mod input;
#[cfg(feature = "json")]
mod json;
mod log;
mod output;
pub mod raw;
#[cfg(doctest)]
mod refusals;
mod report;
mod result;
pub mod script;
pub mod shared;
#[expect(
    unsafe_code,
    reason = "the one module that calls imports and looks at memory as bytes"
)]
mod sys;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

pub use host_call::{HostCallError, host_call};
pub use report::{emit, progress};
pub use serde;
pub use shared::{
    AcquireError, Array, ArrayGuard, Barrier, BarrierError, BoundedSemaphore, ChunkMut, Condition,
    ConditionGuard, Connection, Dict, Event, GetError, IndexError, JoinError, JoinableQueue, List,
    Lock, LockGuard, Namespace, Permit, PutError, Queue, RLock, RawArray, RawValue, ReadOnly,
    Receiver, ReleaseError, Semaphore, Sender, SimpleQueue, Value, ValueGuard, WaitError,
};
pub use wasmpool_abi::{
    Arg, Code, Codec, Element, Encoded, FailKind, Integer, Level, ManagerError, Receive, Schema,
    Type, Typed,
};
pub use wasmpool_macros::{Typed, task};
