//! A part of an array that this task has for itself.

use std::ops::{Deref, DerefMut};

use wasmpool_abi::{Code, Element};

use super::{argument::argument, raw_array::RawArray};

/// A part of an array that nobody else has until the task ends: a slice, in place.
///
/// ```no_run
/// #[wasmpool_guest::task]
/// fn square(mut numbers: wasmpool_guest::ChunkMut<i64>) {
///     for number in numbers.iter_mut() {
///         *number *= *number;
///     }
/// }
/// ```
///
/// Looking into it panics when there is no memory left to attach it: see [`ChunkMut::attach`].
#[derive(Debug)]
pub struct ChunkMut<T> {
    array: RawArray<T>,
}

impl<T: Element> ChunkMut<T> {
    /// Makes room for it in this guest's memory now, and not at the first look.
    ///
    /// # Errors
    /// `TooLarge` when there is no memory left for it.
    pub fn attach(&self) -> Result<(), Code> {
        self.array.attach()
    }
}

impl<T: Element> Deref for ChunkMut<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.array.slice()
    }
}

impl<T: Element> DerefMut for ChunkMut<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.array.slice_mut()
    }
}

argument!(ChunkMut<T: Element>, Chunk, &T::SCHEMA, |handle| {
    RawArray::new(handle).map(|array| ChunkMut { array })
});
