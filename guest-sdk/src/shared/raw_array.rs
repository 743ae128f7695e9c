//! An array of the host's in this guest's memory.

use std::{
    cell::{Cell, OnceCell},
    fmt,
};

use wasmpool_abi::{Code, Element, IndexError, Integer, RmwOp};

use super::{Handle, argument::argument};
use crate::sys;

/// An array that the host, this task and others share, without a lock: each sees at once what another writes.
///
/// With the first look at its elements the array's own pages appear in this guest's memory, and plain loads and stores work on them; nothing
/// is copied. The room for it counts against the task's memory limit. Reading and writing in bulk ([`RawArray::read`] and its kin) and the
/// atomic operations do without that room.
///
/// ```no_run
/// #[wasmpool_guest::task]
/// fn square(numbers: wasmpool_guest::RawArray<i64>) {
///     for number in numbers.cells() {
///         number.set(number.get() * number.get());
///     }
/// }
/// ```
///
/// A guest's own atomic types are plain loads and stores, which lose updates that others make: use [`RawArray::fetch_add`] and its kin.
pub struct RawArray<T> {
    /// Before the handle: detached, and then given up.
    window: OnceCell<Result<sys::Window<T>, Code>>,
    handle: Handle,
    len: usize,
}

impl<T: Element> RawArray<T> {
    pub(super) fn new(handle: Handle) -> Result<RawArray<T>, Code> {
        let bytes = sys::shm_len(handle.number());
        let bytes = u64::try_from(bytes).map_err(|_| {
            i32::try_from(bytes)
                .ok()
                .and_then(Code::from_i32)
                .unwrap_or(Code::Failed)
        })?;
        let len = usize::try_from(bytes / T::BYTES as u64).map_err(|_| Code::TooLarge)?;
        Ok(RawArray {
            window: OnceCell::new(),
            handle,
            len,
        })
    }

    fn window(&self) -> Result<&sys::Window<T>, Code> {
        self.window
            .get_or_init(|| sys::Window::open(self.handle.number(), self.len))
            .as_ref()
            .map_err(|code| *code)
    }

    /// The elements, for one who has them to himself.
    pub(super) fn slice(&self) -> &[T] {
        self.must(self.window()).slice()
    }

    /// The elements, to be changed by one who has them to himself.
    pub(super) fn slice_mut(&mut self) -> &mut [T] {
        self.must(self.window().map(|_| ()));
        match self.window.get_mut() {
            Some(Ok(window)) => window.slice_mut(),
            _ => &mut [],
        }
    }

    fn must<R>(&self, window: Result<R, Code>) -> R {
        match window {
            Ok(window) => window,
            Err(code) => panic!(
                "an array of {} elements of {} bytes cannot be attached: {code}",
                self.len,
                T::BYTES
            ),
        }
    }

    fn offset(index: usize) -> i64 {
        // An array is not larger than an address space.
        i64::try_from(index as u64 * T::BYTES as u64).unwrap_or(i64::MAX)
    }

    /// Whether there are `count` elements from `index` on.
    fn check(&self, index: usize, count: usize) -> Result<(), IndexError> {
        match index.checked_add(count) {
            Some(end) if end <= self.len => Ok(()),
            _ => Err(IndexError {
                index: index.max(self.len),
                len: self.len,
            }),
        }
    }

    /// The number of its handle, for the imports.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Makes room for the array in this guest's memory now, and not at the first look at an element.
    ///
    /// # Errors
    /// `TooLarge` when there is no memory left for it: [`RawArray::read`] and [`RawArray::write`] do without.
    pub fn attach(&self) -> Result<(), Code> {
        self.window().map(|_| ())
    }

    /// Gives back the room that the array takes in this guest's memory. The next look at an element makes it again.
    pub fn detach(&mut self) {
        self.window.take();
    }

    /// The elements, in place. Others may change them between two looks.
    ///
    /// # Panics
    /// When there is no memory left to attach it: see [`RawArray::attach`].
    pub fn cells(&self) -> &[Cell<T>] {
        self.must(self.window()).cells()
    }

    /// One element; `None` when there is none of that index.
    ///
    /// # Panics
    /// As [`RawArray::cells`].
    pub fn get(&self, index: usize) -> Option<T> {
        self.check(index, 1).ok()?;
        self.cells().get(index).map(Cell::get)
    }

    /// Changes one element.
    ///
    /// # Errors
    /// There is none of that index.
    ///
    /// # Panics
    /// As [`RawArray::cells`].
    pub fn set(&self, index: usize, element: T) -> Result<(), IndexError> {
        self.check(index, 1)?;
        self.cells()[index].set(element);
        Ok(())
    }

    /// The elements one after the other, each read when the iterator comes to it.
    ///
    /// # Panics
    /// As [`RawArray::cells`].
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = T> + ExactSizeIterator {
        self.cells().iter().map(Cell::get)
    }

    /// Copies the elements from `start` on, as many as `into` has room for.
    ///
    /// # Errors
    /// The array ends before.
    pub fn read(&self, start: usize, into: &mut [T]) -> Result<(), IndexError> {
        self.check(start, into.len())?;
        if let Some(Ok(window)) = self.window.get() {
            for (element, cell) in into.iter_mut().zip(&window.cells()[start..]) {
                *element = cell.get();
            }
            return Ok(());
        }
        let read = sys::shm_read(self.handle.number(), Self::offset(start), into);
        self.must(sys::check(read));
        Ok(())
    }

    /// Copies all of `from` over the elements from `start` on.
    ///
    /// # Errors
    /// The array ends before.
    ///
    /// # Panics
    /// When the task was given the array to read only, and has not attached it.
    pub fn write(&self, start: usize, from: &[T]) -> Result<(), IndexError> {
        self.check(start, from.len())?;
        if let Some(Ok(window)) = self.window.get() {
            for (element, cell) in from.iter().zip(&window.cells()[start..]) {
                cell.set(*element);
            }
            return Ok(());
        }
        let bytes = bytemuck::cast_slice(from);
        let written = sys::shm_write(self.handle.number(), Self::offset(start), bytes);
        if let Err(code) = sys::check(written) {
            panic!("an array cannot be written to: {code}");
        }
        Ok(())
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
    ///
    /// # Panics
    /// As [`RawArray::write`].
    pub fn copy_from_slice(&self, from: &[T]) -> Result<(), IndexError> {
        self.write(0, from)
    }

    /// A copy of all elements.
    pub fn to_vec(&self) -> Vec<T> {
        let mut all = vec![T::zeroed(); self.len];
        // It is as long as the array.
        let _ = self.read(0, &mut all);
        all
    }

    /// Makes all elements the same.
    ///
    /// # Panics
    /// As [`RawArray::cells`].
    pub fn fill(&self, element: T) {
        for cell in self.cells() {
            cell.set(element);
        }
    }
}

macro_rules! atomic {
    ($(#[doc = $doc:literal] $name:ident $op:ident;)+) => {
        impl<T: Integer> RawArray<T> {$(
            #[doc = $doc]
            ///
            /// Atomic, also beside the same operations of the host and of other guests; returns what was there before. It traps in
            /// a task that was given the array to read only.
            ///
            /// # Errors
            /// There is no element of that index.
            pub fn $name(&self, index: usize, value: T) -> Result<T, IndexError> {
                self.check(index, 1)?;
                let operation = T::operation(RmwOp::$op);
                let handle = self.handle.number();
                let before = sys::shm_rmw(handle, operation, Self::offset(index), value.widen());
                Ok(T::narrow(before))
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

argument!(RawArray<T: Element>, RawArray, &T::SCHEMA, |handle| RawArray::new(handle));
