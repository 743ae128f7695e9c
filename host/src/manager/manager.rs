//! Makes dictionaries, lists and namespaces.

use super::{bounds::Bounds, dict::Dict, list::List, namespace::Namespace};
use crate::{
    Array, Barrier, BoundedSemaphore, ByteSize, Condition, Event, Lock, Queue, RLock, Semaphore,
    ShareError, Value,
};
use wasmpool_abi::{Arg, Element, Receive, Typed};

/// Makes objects that live in the host and that tasks share by asking it: Python's `Manager`. It starts no process, and
/// its objects outlive it.
///
/// Arrays, locks, queues and their kin need no manager: they lie in memory that workers map, and are quicker there.
///
/// ```
/// use wasmpool::{ByteSize, Manager};
///
/// let manager = Manager::new().max_items(1000).max_bytes(ByteSize::mib(1));
/// let log = manager.list::<String>();
/// log.push("begun")?;
/// assert_eq!(log.to_vec()?, ["begun"]);
/// # Ok::<(), wasmpool::ManagerError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Manager {
    bounds: Bounds,
}

impl Manager {
    /// A manager whose objects have the default bounds.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many items each of its objects may hold. Default: 1,048,576.
    #[must_use = "it returns the changed manager"]
    pub fn max_items(mut self, items: u64) -> Self {
        self.bounds.items = items;
        self
    }

    /// How many bytes each of its objects may hold: encoded keys and values, and 128 bytes for each item. Default:
    /// 256 MiB.
    #[must_use = "it returns the changed manager"]
    pub fn max_bytes(mut self, bytes: ByteSize) -> Self {
        self.bounds.bytes = bytes.bytes();
        self
    }

    /// An empty dictionary.
    pub fn dict<K: Typed, V: Typed>(&self) -> Dict<K, V> {
        Dict::new(self.bounds)
    }

    /// An empty list.
    pub fn list<T: Typed>(&self) -> List<T> {
        List::new(self.bounds)
    }

    /// An empty namespace.
    pub fn namespace(&self) -> Namespace {
        Namespace::new(self.bounds)
    }

    /// A [`Lock`], as [`Lock::new`] makes it. The bounds do not concern it, nor those that follow: their memory is their own.
    ///
    /// # Errors
    /// No descriptors, memory or address space left.
    pub fn lock(&self) -> Result<Lock, ShareError> {
        Lock::new()
    }

    /// An [`RLock`].
    ///
    /// # Errors
    /// No descriptors, memory or address space left.
    pub fn rlock(&self) -> Result<RLock, ShareError> {
        RLock::new()
    }

    /// A [`Semaphore`].
    ///
    /// # Errors
    /// No descriptors, memory or address space left. More permits than one holds.
    pub fn semaphore(&self, permits: u32) -> Result<Semaphore, ShareError> {
        Semaphore::new(permits)
    }

    /// A [`BoundedSemaphore`].
    ///
    /// # Errors
    /// No descriptors, memory or address space left. More permits than one holds.
    pub fn bounded_semaphore(&self, permits: u32) -> Result<BoundedSemaphore, ShareError> {
        BoundedSemaphore::new(permits)
    }

    /// An [`Event`].
    ///
    /// # Errors
    /// No descriptors, memory or address space left.
    pub fn event(&self) -> Result<Event, ShareError> {
        Event::new()
    }

    /// A [`Condition`].
    ///
    /// # Errors
    /// No descriptors, memory or address space left.
    pub fn condition(&self) -> Result<Condition, ShareError> {
        Condition::new()
    }

    /// A [`Barrier`].
    ///
    /// # Errors
    /// No descriptors, memory or address space left. More parties than one holds, or none.
    pub fn barrier(&self, parties: u32) -> Result<Barrier, ShareError> {
        Barrier::new(parties)
    }

    /// A [`Queue`] of so many messages.
    ///
    /// # Errors
    /// No descriptors, memory or address space left.
    pub fn queue<T: Arg<T> + Receive>(&self, items: usize) -> Result<Queue<T>, ShareError> {
        Queue::bounded(items)
    }

    /// A [`Value`].
    ///
    /// # Errors
    /// No descriptors, memory or address space left.
    pub fn value<T: Element>(&self, value: T) -> Result<Value<T>, ShareError> {
        Value::new(value)
    }

    /// An [`Array`].
    ///
    /// # Errors
    /// No descriptors, memory or address space left.
    pub fn array<T: Element>(&self, elements: &[T]) -> Result<Array<T>, ShareError> {
        Array::from_slice(elements)
    }
}
