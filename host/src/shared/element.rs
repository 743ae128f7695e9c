//! Elements in shared memory as a host's thread reaches them: by copies and atomics, never by reference.

use std::{iter::FusedIterator, marker::PhantomData, ops::Range};

use wasmpool_abi::{Element, IndexError, Integer, RmwOp};

use super::{
    atomic::{self, Operation},
    object::CONTROL,
};
use crate::sys::shared::SharedMap;

/// Bytes that are copied at once where each element is made anew: they stay in the processor's cache.
const BLOCK: usize = 16 << 10;

/// Some of an object's elements.
#[derive(Debug)]
pub(crate) struct View<'a, T> {
    map: &'a SharedMap,
    /// The first, counted from the object's first.
    start: usize,
    len: usize,
    of: PhantomData<T>,
}

impl<T> Clone for View<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for View<'_, T> {}

impl<'a, T: Element> View<'a, T> {
    /// These elements of an object, which has them.
    pub(crate) fn new(map: &'a SharedMap, elements: Range<usize>) -> Self {
        Self {
            map,
            start: elements.start,
            len: elements.len(),
            of: PhantomData,
        }
    }

    fn at(self, index: usize) -> usize {
        CONTROL + (self.start + index) * T::BYTES
    }

    /// Whether there are `count` elements from `index` on.
    fn check(self, index: usize, count: usize) -> Result<(), IndexError> {
        match index.checked_add(count) {
            Some(end) if end <= self.len => Ok(()),
            _ => Err(IndexError {
                index: index.max(self.len),
                len: self.len,
            }),
        }
    }

    pub(crate) fn get(self, index: usize) -> Option<T> {
        self.check(index, 1).ok()?;
        let mut element = T::zeroed();
        atomic::load(
            self.map,
            self.at(index),
            bytemuck::bytes_of_mut(&mut element),
        );
        Some(element)
    }

    pub(crate) fn set(self, index: usize, element: T) -> Result<(), IndexError> {
        self.check(index, 1)?;
        atomic::store(self.map, self.at(index), bytemuck::bytes_of(&element));
        Ok(())
    }

    pub(crate) fn read(self, start: usize, into: &mut [T]) -> Result<(), IndexError> {
        self.check(start, into.len())?;
        self.map
            .copy_out(self.at(start), bytemuck::cast_slice_mut(into));
        Ok(())
    }

    pub(crate) fn write(self, start: usize, from: &[T]) -> Result<(), IndexError> {
        self.check(start, from.len())?;
        self.map.copy_in(self.at(start), bytemuck::cast_slice(from));
        Ok(())
    }

    pub(crate) fn fill(self, element: T) {
        let block = vec![element; (BLOCK / T::BYTES).clamp(1, self.len.max(1))];
        for start in (0..self.len).step_by(block.len()) {
            let count = block.len().min(self.len - start);
            self.map
                .copy_in(self.at(start), bytemuck::cast_slice(&block[..count]));
        }
    }

    pub(crate) fn to_vec(self) -> Vec<T> {
        let mut all = vec![T::zeroed(); self.len];
        self.map
            .copy_out(self.at(0), bytemuck::cast_slice_mut(&mut all));
        all
    }

    pub(crate) fn iter(self) -> Elements<'a, T> {
        Elements {
            view: self,
            left: 0..self.len,
        }
    }
}

impl<T: Integer> View<'_, T> {
    /// An atomic operation on one element; returns what was there before.
    pub(crate) fn rmw(self, index: usize, op: RmwOp, value: T) -> Result<T, IndexError> {
        self.check(index, 1)?;
        let operation = Operation::from_number(T::operation(op));
        let before = operation.map(|it| it.apply(self.map, self.at(index), value.widen()));
        Ok(T::narrow(before.unwrap_or_default()))
    }
}

/// The elements of an array, each read when it is asked for.
#[derive(Clone, Debug)]
pub struct Elements<'a, T> {
    view: View<'a, T>,
    left: Range<usize>,
}

impl<T: Element> Iterator for Elements<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.view.get(self.left.next()?)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }

    fn nth(&mut self, skipped: usize) -> Option<T> {
        self.view.get(self.left.nth(skipped)?)
    }
}

impl<T: Element> DoubleEndedIterator for Elements<'_, T> {
    fn next_back(&mut self) -> Option<T> {
        self.view.get(self.left.next_back()?)
    }
}

impl<T: Element> ExactSizeIterator for Elements<'_, T> {}
impl<T: Element> FusedIterator for Elements<'_, T> {}
