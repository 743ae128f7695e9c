//! An array for tasks that must not change it.

use std::sync::Arc;

use wasmpool_abi::Element;

use super::{
    argument::borrowed_argument, element::Elements, grant::Grant, object::Object,
    raw_array::RawArray,
};
use crate::wire::message::Access;

/// An array for tasks that must not change it: see [`RawArray::read_only`].
///
/// It is given to tasks that take a `ReadOnly<'static, T>` or a `RawArray<T>`. What such a task writes is written to a copy of its own and
/// is gone when it ends.
///
/// The worker process gets a file that cannot be written to, so that even one that has broken out of WebAssembly changes nothing, as long
/// as it has no /proc in sight to open it anew: that is so with `StartMethod::ForkServer` where the empty root stands. Elsewhere, and on a
/// system whose host has no /proc to open such a file through, it is WebAssembly alone that keeps the task from it.
#[derive(Debug)]
pub struct ReadOnly<'a, T> {
    array: &'a RawArray<T>,
    object: Arc<Object>,
}

impl<T> Clone for ReadOnly<'_, T> {
    fn clone(&self) -> Self {
        Self {
            array: self.array,
            object: Arc::clone(&self.object),
        }
    }
}

impl<'a, T: Element> ReadOnly<'a, T> {
    pub(super) fn new(array: &'a RawArray<T>) -> Self {
        let object = array.object();
        let object = object.read_only().unwrap_or_else(|| Arc::clone(object));
        Self { array, object }
    }

    fn grant(&self) -> Grant {
        Grant::borrowed(&self.object, Access::ReadOnly)
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.array.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.array.is_empty()
    }

    /// One element; `None` when there is none of that index.
    pub fn get(&self, index: usize) -> Option<T> {
        self.array.get(index)
    }

    /// The elements one after the other.
    pub fn iter(&self) -> Elements<'a, T> {
        self.array.iter()
    }
}

// A task that only reads does not care whether it was given everything.
borrowed_argument!(ReadOnly, RawArray);
