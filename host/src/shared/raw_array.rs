//! An array in shared memory: the same pages in this process and in the linear memory of every guest that was given it.

use std::{fmt, io, marker::PhantomData, sync::Arc};

use wasmpool_abi::{Element, IndexError, Integer, ObjectKind, RmwOp};

use super::{
    argument::argument,
    chunk::ChunksMut,
    element::{Elements, View},
    grant::Grant,
    object::{Object, ShareError},
    read_only::ReadOnly,
};
use crate::wire::message::Shape;

/// An array that tasks work on in place, as Python's `multiprocessing.RawArray`: nothing is copied when a task is given it, whatever its
/// size.
///
/// It is given by reference, alone or in a tuple, to tasks that take a `RawArray<T>`. In the guest it lies in linear memory, and ordinary
/// loads and stores change what everybody sees. Who works on the same elements at the same time takes a lock ([`Array`](crate::Array) has
/// one), uses the atomic operations of integers, or divides the array into chunks ([`RawArray::chunks_mut`]).
///
/// ```
/// let squares = wasmpool::RawArray::<i32>::from_iter(1..=4)?;
/// for (i, n) in squares.iter().enumerate() {
///     squares.set(i, n * n)?;
/// }
/// assert_eq!(squares.to_vec(), [1, 4, 9, 16]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Elements of 1, 2, 4 or 8 bytes are read and written whole; of others a part may be from before and the rest from after another's write.
/// There is no slice of its elements, since others may change them at any instant.
pub struct RawArray<T> {
    object: Arc<Object>,
    len: usize,
    of: PhantomData<fn() -> T>,
}

/// Bytes that several processes share, as Python's `SharedMemory`: an array of bytes by another name. [`RawArray::new`] makes it,
/// [`RawArray::read`] and [`RawArray::write`] copy from and to any place in it.
pub type SharedMemory = RawArray<u8>;

impl RawArray<u8> {
    /// So many bytes, all zero.
    ///
    /// # Errors
    /// As [`RawArray::zeroed`].
    pub fn new(len: usize) -> Result<Self, ShareError> {
        Self::zeroed(len)
    }
}

impl<T: Element> RawArray<T> {
    /// An array of `len` elements that are zero. The system provides its memory as it is touched.
    ///
    /// # Errors
    /// No descriptors or address space left.
    pub fn zeroed(len: usize) -> Result<Self, ShareError> {
        Self::of_kind(ObjectKind::RawArray, len)
    }

    /// An array with these elements.
    ///
    /// # Errors
    /// As [`RawArray::zeroed`].
    pub fn from_slice(elements: &[T]) -> Result<Self, ShareError> {
        Self::of_kind_from(ObjectKind::RawArray, elements)
    }

    /// An array with the elements of an iterator.
    ///
    /// # Errors
    /// As [`RawArray::zeroed`].
    #[expect(
        clippy::should_implement_trait,
        reason = "the trait's cannot fail, and memory for an array can be lacking"
    )]
    pub fn from_iter(elements: impl IntoIterator<Item = T>) -> Result<Self, ShareError> {
        Self::from_slice(&elements.into_iter().collect::<Vec<_>>())
    }

    pub(super) fn of_kind_from(kind: ObjectKind, elements: &[T]) -> Result<Self, ShareError> {
        let array = Self::of_kind(kind, elements.len())?;
        array
            .view()
            .write(0, elements)
            .map_err(|error| ShareError::new(kind, io::Error::other(error)))?;
        Ok(array)
    }

    pub(super) fn of_kind(kind: ObjectKind, len: usize) -> Result<Self, ShareError> {
        let object = len
            .checked_mul(T::BYTES)
            .ok_or_else(|| io::ErrorKind::OutOfMemory.into())
            .and_then(|bytes| {
                let len = bytes as u64;
                Object::in_memory(kind, Shape::Array { len }, bytes)
            })
            .map_err(|source| ShareError::new(kind, source))?;
        Ok(Self {
            object,
            len,
            of: PhantomData,
        })
    }

    pub(super) fn object(&self) -> &Arc<Object> {
        &self.object
    }

    pub(super) fn view(&self) -> View<'_, T> {
        View::new(self.object.map(), 0..self.len)
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One element; `None` when there is none of that index.
    pub fn get(&self, index: usize) -> Option<T> {
        self.view().get(index)
    }

    /// Changes one element.
    ///
    /// # Errors
    /// There is none of that index.
    pub fn set(&self, index: usize, element: T) -> Result<(), IndexError> {
        self.view().set(index, element)
    }

    /// Copies the elements from `start` on, as many as `into` has room for.
    ///
    /// # Errors
    /// The array ends before.
    pub fn read(&self, start: usize, into: &mut [T]) -> Result<(), IndexError> {
        self.view().read(start, into)
    }

    /// Copies all of `from` over the elements from `start` on.
    ///
    /// # Errors
    /// The array ends before.
    pub fn write(&self, start: usize, from: &[T]) -> Result<(), IndexError> {
        self.view().write(start, from)
    }

    /// Copies the first elements, as many as `into` has room for.
    ///
    /// # Errors
    /// The array is shorter.
    pub fn copy_to_slice(&self, into: &mut [T]) -> Result<(), IndexError> {
        self.read(0, into)
    }

    /// Copies all of `from` over the first elements.
    ///
    /// # Errors
    /// The array is shorter.
    pub fn copy_from_slice(&self, from: &[T]) -> Result<(), IndexError> {
        self.write(0, from)
    }

    /// Makes all elements the same.
    pub fn fill(&self, element: T) {
        self.view().fill(element);
    }

    /// A copy of all elements.
    pub fn to_vec(&self) -> Vec<T> {
        self.view().to_vec()
    }

    /// The elements one after the other, each read when the iterator comes to it.
    pub fn iter(&self) -> Elements<'_, T> {
        self.view().iter()
    }

    /// The array for tasks that must not change it: each gets a copy of its own of the pages that it writes to, so that nothing that it
    /// does, by accident or not, is seen by anybody else.
    ///
    /// It goes to tasks by [`Task::call`](crate::Task::call), [`Pool::map`](crate::Pool::map) and [`Pool::scope`](crate::Pool::scope).
    ///
    /// ```
    /// let array = wasmpool::RawArray::<f64>::zeroed(10)?;
    /// assert_eq!(array.read_only().get(9), Some(0.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_only(&self) -> ReadOnly<'_, T> {
        ReadOnly::new(self)
    }

    /// Disjoint parts of about `elements` each, for as many tasks: none of them sees another's part, and as long as the parts are there
    /// the array cannot be used otherwise.
    ///
    /// A guest's memory is shared by pages: `elements` is rounded up so that every part begins at a multiple of 64 KiB, and the last one
    /// may be shorter. An array of less than 64 KiB is one part.
    ///
    /// They go to tasks by [`Task::call`](crate::Task::call), [`Pool::map`](crate::Pool::map) and [`Pool::scope`](crate::Pool::scope).
    /// A task that was started before with the whole array, and still runs, works on it all the same: wait for it first.
    ///
    /// ```
    /// let mut array = wasmpool::RawArray::<u32>::zeroed(50_000)?;
    /// let parts: Vec<_> = array.chunks_mut(20_000).map(|part| (part.start(), part.len())).collect();
    /// assert_eq!(parts, [(0, 32_768), (32_768, 17_232)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// ```compile_fail,E0502
    /// let mut array = wasmpool::RawArray::<u32>::zeroed(50_000).unwrap();
    /// let parts = array.chunks_mut(20_000);
    /// array.get(0); // not while the parts are out
    /// drop(parts);
    /// ```
    ///
    /// # Panics
    /// When `elements` is zero.
    pub fn chunks_mut(&mut self, elements: usize) -> ChunksMut<'_, T> {
        ChunksMut::new(self, elements)
    }

    /// The same as [`RawArray::chunks_mut`], by the name that says what the parts are for: tasks that work on them at the same time.
    ///
    /// # Panics
    /// When `elements` is zero.
    pub fn par_chunks_mut(&mut self, elements: usize) -> ChunksMut<'_, T> {
        self.chunks_mut(elements)
    }
}

macro_rules! atomic {
    ($(#[doc = $doc:literal] $name:ident $op:ident;)+) => {
        impl<T: Integer> RawArray<T> {$(
            #[doc = $doc]
            ///
            /// Atomic, also beside the same operations of guests; returns what was there before.
            ///
            /// # Errors
            /// There is no element of that index.
            pub fn $name(&self, index: usize, value: T) -> Result<T, IndexError> {
                self.view().rmw(index, RmwOp::$op, value)
            }
        )+}
    };
}

atomic! {
    #[doc = "Adds to an element, wrapping around."] fetch_add Add;
    #[doc = "Subtracts from an element, wrapping around."] fetch_sub Sub;
    #[doc = "Bitwise and with an element."] fetch_and And;
    #[doc = "Bitwise or with an element."] fetch_or Or;
    #[doc = "Bitwise exclusive or with an element."] fetch_xor Xor;
    #[doc = "Makes an element the smaller of itself and `value`."] fetch_min Min;
    #[doc = "Makes an element the larger of itself and `value`."] fetch_max Max;
    #[doc = "Puts `value` in the place of an element."] swap Exchange;
}

impl<T> fmt::Debug for RawArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawArray")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl<'a, T: Element> IntoIterator for &'a RawArray<T> {
    type Item = T;
    type IntoIter = Elements<'a, T>;

    fn into_iter(self) -> Elements<'a, T> {
        self.iter()
    }
}

argument!(RawArray<T: Element>, RawArray, &T::SCHEMA, |array| Grant::whole(&array.object));
