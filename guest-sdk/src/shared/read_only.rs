//! An array that this task only reads.

use std::cell::Cell;

use wasmpool_abi::{Code, Element, IndexError};

use super::{argument::argument, raw_array::RawArray};

/// An array that this task only reads. Whether the host gave it to read only or not, nothing is written to it by way of this.
///
/// ```no_run
/// #[wasmpool_guest::task]
/// fn sum(numbers: wasmpool_guest::ReadOnly<f64>) -> f64 {
///     numbers.iter().sum()
/// }
/// ```
#[derive(Debug)]
pub struct ReadOnly<T> {
    array: RawArray<T>,
}

impl<T: Element> ReadOnly<T> {
    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.array.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.array.is_empty()
    }

    /// Makes room for it in this guest's memory now, and not at the first look at an element.
    ///
    /// # Errors
    /// `TooLarge` when there is no memory left for it: [`ReadOnly::read`] does without.
    pub fn attach(&self) -> Result<(), Code> {
        self.array.attach()
    }

    /// One element; `None` when there is none of that index.
    ///
    /// # Panics
    /// When there is no memory left to attach it: see [`ReadOnly::attach`].
    pub fn get(&self, index: usize) -> Option<T> {
        self.array.get(index)
    }

    /// The elements one after the other, each read when the iterator comes to it.
    ///
    /// # Panics
    /// As [`ReadOnly::get`].
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = T> + ExactSizeIterator {
        self.array.cells().iter().map(Cell::get)
    }

    /// Copies the elements from `start` on, as many as `into` has room for.
    ///
    /// # Errors
    /// The array ends before.
    pub fn read(&self, start: usize, into: &mut [T]) -> Result<(), IndexError> {
        self.array.read(start, into)
    }

    /// A copy of all elements.
    pub fn to_vec(&self) -> Vec<T> {
        self.array.to_vec()
    }
}

// The host knows one type for both: what may be written depends on what it gave.
argument!(ReadOnly<T: Element>, RawArray, &T::SCHEMA, |handle| {
    RawArray::new(handle).map(|array| ReadOnly { array })
});
