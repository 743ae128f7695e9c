//! A window: memory of the guest's own allocator in which the host shows pages of an array.

use std::{alloc::Layout, cell::Cell, marker::PhantomData, ptr::NonNull, slice};

use bytemuck::Pod;
use wasmpool_abi::{Code, WINDOW_ALIGN};

/// Some elements of an array, from its first on. They are detached, and then freed, when it is dropped.
#[derive(Debug)]
pub(crate) struct Window<T> {
    at: NonNull<T>,
    /// Elements.
    len: usize,
    /// What was allocated; nothing for an array without elements.
    layout: Option<Layout>,
    /// Not to be sent to other threads, which guests do not have.
    of: PhantomData<Cell<T>>,
}

impl<T: Pod> Window<T> {
    /// Reserves memory for `len` elements and lets the host show those of the array in it.
    ///
    /// # Errors
    /// `TooLarge` when there is no memory left for it; otherwise what the host says.
    pub(crate) fn open(handle: i32, len: usize) -> Result<Window<T>, Code> {
        const { assert!(align_of::<T>() <= WINDOW_ALIGN as usize) };
        let bytes = len.checked_mul(size_of::<T>()).ok_or(Code::TooLarge)?;
        if bytes == 0 {
            return Ok(Window {
                at: NonNull::dangling(),
                len,
                layout: None,
                of: PhantomData,
            });
        }
        let align = WINDOW_ALIGN as usize;
        let layout = bytes
            .checked_next_multiple_of(align)
            .and_then(|rounded| Layout::from_size_align(rounded, align).ok())
            .ok_or(Code::TooLarge)?;
        // SAFETY: the layout is not empty.
        let at = unsafe { std::alloc::alloc(layout) };
        let at = NonNull::new(at).ok_or(Code::TooLarge)?;
        // SAFETY: the allocation is `layout` large, which is `bytes` rounded up, and belongs to the window made below.
        let attached = super::check(unsafe { super::shm_attach(handle, 0, at.as_ptr(), bytes) });
        if let Err(code) = attached {
            // SAFETY: it was allocated above with this layout, and nothing is attached to it.
            unsafe { std::alloc::dealloc(at.as_ptr(), layout) };
            return Err(code);
        }
        Ok(Window {
            at: at.cast(),
            len,
            layout: Some(layout),
            of: PhantomData,
        })
    }

    /// The elements, which others may change between two looks at them.
    pub(crate) fn cells(&self) -> &[Cell<T>] {
        // SAFETY: the window has `len` elements from its aligned beginning on, every pattern of their bytes is a value
        // (`Pod`), and they stay there until `self` is dropped. A `Cell` lies in memory as what it holds.
        unsafe { slice::from_raw_parts(self.at.as_ptr().cast::<Cell<T>>(), self.len) }
    }

    /// The elements, for one who has them to himself.
    pub(crate) fn slice(&self) -> &[T] {
        // SAFETY: as in `cells`. What others write there meanwhile, against the rules, is a value like any other: a
        // guest has one thread, and its memory is looked at by nobody else while compiled code runs.
        unsafe { slice::from_raw_parts(self.at.as_ptr(), self.len) }
    }

    /// The elements, to be changed by one who has them to himself.
    pub(crate) fn slice_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `slice`; `self` is borrowed mutably, so there is no other slice of them.
        unsafe { slice::from_raw_parts_mut(self.at.as_ptr(), self.len) }
    }
}

impl<T> Drop for Window<T> {
    fn drop(&mut self) {
        let Some(layout) = self.layout else {
            return;
        };
        let at = self.at.cast::<u8>().as_ptr();
        // SAFETY: what `cells` and its kin have lent borrowed from `self`. First detached and then freed: the allocator
        // writes its lists into what is free. When the object was given up the host has detached it already.
        unsafe {
            super::shm_detach(at);
            std::alloc::dealloc(at, layout);
        }
    }
}
