//! Pages of a file over a part of a guest's memory, and ordinary pages in their place again.

use std::{collections::TryReserveError, io, os::fd::BorrowedFd};

use rustix::mm::{MapFlags, ProtFlags};
use wasmtime::{AsContextMut, Memory};

use super::large;

/// Bytes at the beginning of a guest's memory that are got in small pages: small guests touch little of them, and what they
/// have touched is cleared for the next.
pub(crate) const SMALL_PAGES: usize = 4 << 20;

/// What becomes of what a guest writes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes {
    /// Everybody who maps the file sees it.
    Shared,
    /// It stays in this mapping.
    Private,
}

/// Lays `len` bytes of `file` from `offset` on over the guest's memory from `at` on.
///
/// They are readable and writable in any case: what the compiled code's loads and stores would trap at, the runtime's own
/// copies and fills would die of. The caller makes sure that the file cannot shrink.
///
/// # Errors
/// The range does not lie inside the memory or at its pages, or the system does not allow it.
pub(crate) fn lay(
    memory: Memory,
    store: impl AsContextMut,
    (at, len): (usize, usize),
    (file, offset): (BorrowedFd<'_>, u64),
    writes: Writes,
) -> io::Result<()> {
    let sharing = match writes {
        Writes::Shared => MapFlags::SHARED,
        Writes::Private => MapFlags::PRIVATE | MapFlags::NORESERVE,
    };
    replace(memory, store, at, len, |pages| {
        // SAFETY: the range is memory of the guest's own, which stays mapped as long as the store that `replace` borrows, and
        // to which nothing else refers now. The pages that come are as readable and writable as those that go.
        unsafe {
            rustix::mm::mmap(
                pages,
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                sharing | MapFlags::FIXED,
                file,
                offset,
            )
        }
    })
}

/// Puts ordinary zeroed memory over the guest's memory from `at` on, whatever is there.
///
/// # Errors
/// As [`lay`].
pub(crate) fn clear(
    memory: Memory,
    store: impl AsContextMut,
    (at, len): (usize, usize),
) -> io::Result<()> {
    replace(memory, store, at, len, |pages| {
        // The flags are those of the runtime's own reservation, so that the kernel makes one mapping of them again.
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED;
        // SAFETY: as in `lay`.
        let cleared = unsafe {
            rustix::mm::mmap_anonymous(pages, len, ProtFlags::READ | ProtFlags::WRITE, flags)
        };
        // As the memory around it is: see `SMALL_PAGES`.
        let small = SMALL_PAGES.saturating_sub(at);
        if cleared.is_ok() && small < len {
            large::advise(pages.addr() + small, len - small);
        }
        cleared
    })
}

/// A copy of bytes that other processes may be changing, made once: whatever is done with it, they are not read again.
///
/// # Errors
/// There is no memory for it.
pub(crate) fn private_copy(bytes: &[u8]) -> Result<Vec<u8>, TryReserveError> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len())?;
    // The compiler is not to know that both hold the same.
    let from = std::hint::black_box(bytes.as_ptr());
    // SAFETY: `bytes` is borrowed and that long; the vector has room for as many and is nobody else's. They are all
    // written before the length says so.
    unsafe {
        std::ptr::copy_nonoverlapping(from, copy.as_mut_ptr(), bytes.len());
        copy.set_len(bytes.len());
    }
    Ok(copy)
}

fn replace(
    memory: Memory,
    mut store: impl AsContextMut,
    at: usize,
    len: usize,
    map: impl FnOnce(*mut std::ffi::c_void) -> rustix::io::Result<*mut std::ffi::c_void>,
) -> io::Result<()> {
    let page = rustix::param::page_size();
    let end = at.checked_add(len).ok_or(io::ErrorKind::InvalidInput)?;
    // The store is borrowed for this, so nothing else refers to the guest's memory while its pages are exchanged; the
    // range lies inside of what is accessible of it (checked by `get_mut`), which stays where it is as long as the
    // store lives, since memories are configured not to move.
    let pages = memory
        .data_mut(&mut store)
        .get_mut(at..end)
        .ok_or(io::ErrorKind::InvalidInput)?
        .as_mut_ptr();
    if len == 0 || !len.is_multiple_of(page) || !pages.addr().is_multiple_of(page) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    map(pages.cast())?;
    Ok(())
}
