//! A part of an array that one task has for itself.

use std::{fmt, iter::FusedIterator, marker::PhantomData, ops::Range, sync::Arc};

use wasmpool_abi::{Element, IndexError, WINDOW_ALIGN};

use super::{
    argument::borrowed_argument,
    element::{Elements, View},
    grant::Grant,
    object::Object,
    raw_array::RawArray,
};
use crate::wire::message::Access;

/// A part of an array that nobody else has as long as it lives: see [`RawArray::chunks_mut`].
///
/// It is given to tasks that take a `ChunkMut<'static, T>`, which in the guest is a `&mut [T]`, or a `RawArray<T>`. The task sees these
/// elements only. It borrows the array, so that it goes to tasks that have ended before the borrow does:
///
/// ```compile_fail,E0597
/// let escaped;
/// {
///     let mut array = wasmpool::RawArray::<u32>::zeroed(100).unwrap();
///     escaped = array.chunks_mut(100).next();
/// }
/// drop(escaped); // the array is gone
/// ```
pub struct ChunkMut<'a, T> {
    object: &'a Arc<Object>,
    elements: Range<usize>,
    /// Nobody else has these elements.
    of: PhantomData<&'a mut T>,
}

impl<T: Element> ChunkMut<'_, T> {
    fn view(&self) -> View<'_, T> {
        View::new(self.object.map(), self.elements.clone())
    }

    /// The index in the array of the first element.
    pub fn start(&self) -> usize {
        self.elements.start
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether it has none: never so for the parts of an array that has some.
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// One element, by its index in this part; `None` when there is none.
    pub fn get(&self, index: usize) -> Option<T> {
        self.view().get(index)
    }

    /// Changes one element, by its index in this part.
    ///
    /// # Errors
    /// There is none of that index.
    pub fn set(&mut self, index: usize, element: T) -> Result<(), IndexError> {
        self.view().set(index, element)
    }

    /// The elements one after the other.
    pub fn iter(&self) -> Elements<'_, T> {
        self.view().iter()
    }

    /// A copy of the elements.
    pub fn to_vec(&self) -> Vec<T> {
        self.view().to_vec()
    }

    fn grant(&self) -> Grant {
        let part = Access::Range {
            offset: (self.elements.start * T::BYTES) as u64,
            len: (self.elements.len() * T::BYTES) as u64,
        };
        Grant::borrowed(self.object, part)
    }
}

impl<T> fmt::Debug for ChunkMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkMut")
            .field("elements", &self.elements)
            .finish_non_exhaustive()
    }
}

borrowed_argument!(ChunkMut, Chunk);

/// The parts of an array, from [`RawArray::chunks_mut`].
pub struct ChunksMut<'a, T> {
    object: &'a Arc<Object>,
    left: Range<usize>,
    /// Elements of each but the last.
    each: usize,
    of: PhantomData<&'a mut T>,
}

impl<'a, T: Element> ChunksMut<'a, T> {
    /// See [`RawArray::chunks_mut`].
    pub(super) fn new(array: &'a mut RawArray<T>, elements: usize) -> Self {
        assert!(elements > 0, "parts of no elements");
        let array = &*array;
        Self {
            object: array.object(),
            left: 0..array.len(),
            // One that is too large to be rounded is larger than any array.
            each: elements
                .checked_next_multiple_of(step(T::BYTES))
                .unwrap_or(usize::MAX),
            of: PhantomData,
        }
    }
}

/// The fewest elements of so many bytes that fill whole windows.
const fn step(bytes: usize) -> usize {
    // 64 KiB is a power of two, so what they have in common is one too.
    let shift = bytes.trailing_zeros();
    let window = WINDOW_ALIGN.trailing_zeros();
    if shift >= window {
        1
    } else {
        1 << (window - shift)
    }
}

impl<'a, T: Element> Iterator for ChunksMut<'a, T> {
    type Item = ChunkMut<'a, T>;

    fn next(&mut self) -> Option<ChunkMut<'a, T>> {
        if self.left.is_empty() {
            return None;
        }
        let end = self.left.start.saturating_add(self.each).min(self.left.end);
        let elements = self.left.start..end;
        self.left.start = end;
        Some(ChunkMut {
            object: self.object,
            elements,
            of: PhantomData,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.left.len().div_ceil(self.each);
        (left, Some(left))
    }
}

impl<T: Element> ExactSizeIterator for ChunksMut<'_, T> {}
impl<T: Element> FusedIterator for ChunksMut<'_, T> {}

impl<T> fmt::Debug for ChunksMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunksMut")
            .field("left", &self.left)
            .field("each", &self.each)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_begin_at_windows_and_cover_the_array() {
        for (bytes, elements) in [
            (1, 65536),
            (8, 8192),
            (12, 16384),
            (10, 32768),
            (65536, 1),
            (3 << 17, 1),
        ] {
            assert_eq!(step(bytes), elements, "{bytes}");
        }
        let mut array = RawArray::<[u8; 12]>::zeroed(40_000).unwrap();
        let chunks = array.par_chunks_mut(16_385);
        assert_eq!(chunks.len(), 2);
        let ends: Vec<_> = chunks.map(|chunk| (chunk.start(), chunk.len())).collect();
        assert_eq!(ends, [(0, 32_768), (32_768, 7_232)]);
        assert_eq!(array.chunks_mut(usize::MAX).count(), 1);
        assert_eq!(RawArray::<u8>::zeroed(0).unwrap().chunks_mut(1).count(), 0);
    }

    #[test]
    fn a_chunk_sees_its_own_elements() {
        let mut array = RawArray::<u16>::from_iter((0..=u16::MAX).chain(0..4_464)).unwrap();
        let mut chunks: Vec<_> = array.chunks_mut(1).collect();
        assert_eq!(chunks.len(), 3);
        let mut second = chunks.remove(1);
        assert_eq!((second.get(0), second.get(32_768)), (Some(32_768), None));
        second.set(1, 7).unwrap();
        assert_eq!(
            second.set(32_768, 7),
            Err(IndexError {
                index: 32_768,
                len: 32_768
            })
        );
        assert_eq!(array.get(32_769), Some(7));
    }
}
