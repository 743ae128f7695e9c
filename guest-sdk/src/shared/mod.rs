//! What a task shares with its host and with other tasks: arrays, values, locks, queues, pipes, a manager's objects.
//!
//! All of them come as arguments, alone or inside of any type that derives [`Typed`](crate::Typed), and are the task's until it ends.

pub(crate) mod argument;
mod array;
mod barrier;
mod chunk;
mod condition;
mod dict;
mod event;
mod handle;
mod list;
mod lock;
mod managed;
mod message;
mod namespace;
mod pipe;
mod queue;
mod raw_array;
mod read_only;
mod rlock;
mod semaphore;
mod timeout;
mod value;

pub use array::{Array, ArrayGuard};
pub use barrier::{Barrier, BarrierError};
pub use chunk::ChunkMut;
pub use condition::{Condition, ConditionGuard, WaitError};
pub use dict::Dict;
pub use event::Event;
pub use handle::Handle;
pub use list::List;
pub use lock::{AcquireError, Lock, LockGuard};
pub use message::{GetError, PutError};
pub use namespace::Namespace;
pub use pipe::{Connection, Receiver, Sender};
pub use queue::{JoinError, JoinableQueue, Queue, SimpleQueue};
pub use raw_array::RawArray;
pub use read_only::ReadOnly;
pub use rlock::RLock;
pub use semaphore::{BoundedSemaphore, Permit, ReleaseError, Semaphore};
pub use value::{RawValue, Value, ValueGuard};
pub use wasmpool_abi::IndexError;
