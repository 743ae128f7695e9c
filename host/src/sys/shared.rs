//! A memory file mapped by two processes, read and written by raw copies and atomics only.
//!
//! No Rust reference to plain bytes of the mapping is ever made: the other side may write at any instant.

use std::{
    io,
    os::fd::AsFd,
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicU64},
};

use rustix::{
    fs::{MemfdFlags, SealFlags},
    mm::{MapFlags, ProtFlags},
};

/// A shared mapping of a whole memory file, unmapped on drop.
#[derive(Debug)]
pub(crate) struct SharedMap {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread, and all access goes through raw copies or atomics.
unsafe impl Send for SharedMap {}
// SAFETY: as above; two threads that copy over each other get garbage bytes, which every reader checks, not references.
unsafe impl Sync for SharedMap {}

impl SharedMap {
    /// Maps `len` bytes of `file` readable and writable.
    ///
    /// The caller makes sure that the file cannot shrink (see [`sealed_memory`]), since access past its end would be a
    /// fatal signal.
    ///
    /// # Errors
    /// What `mmap` says: no address space, or a file that may not be mapped.
    pub(crate) fn new(file: impl AsFd, len: usize) -> io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice aliases nothing; `self` owns it until drop.
        let base = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                file,
                0,
            )?
        };
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { base, len })
    }

    /// The 64-bit word at `offset`.
    ///
    /// # Panics
    /// When the word does not lie inside the mapping or is not aligned: offsets are constants of this crate.
    pub(crate) fn u64_at(&self, offset: usize) -> &AtomicU64 {
        assert!(
            offset.is_multiple_of(8) && offset + 8 <= self.len,
            "word at {offset} of {}",
            self.len
        );
        // SAFETY: aligned and inside the mapping (checked above), which `self` keeps until drop; words are only ever
        // accessed as atomics, on both sides.
        unsafe { AtomicU64::from_ptr(self.base.as_ptr().add(offset).cast()) }
    }

    /// The 32-bit word at `offset`.
    ///
    /// # Panics
    /// As [`SharedMap::u64_at`].
    pub(crate) fn u32_at(&self, offset: usize) -> &AtomicU32 {
        assert!(
            offset.is_multiple_of(4) && offset + 4 <= self.len,
            "word at {offset} of {}",
            self.len
        );
        // SAFETY: as in `u64_at`.
        unsafe { AtomicU32::from_ptr(self.base.as_ptr().add(offset).cast()) }
    }

    /// Copies bytes out of the mapping.
    ///
    /// # Panics
    /// When the range does not lie inside the mapping.
    pub(crate) fn copy_out(&self, offset: usize, dst: &mut [u8]) {
        assert!(
            offset
                .checked_add(dst.len())
                .is_some_and(|end| end <= self.len),
            "read outside the mapping"
        );
        // SAFETY: the source range lies inside the mapping (checked above), which `self` keeps until drop; `dst` is
        // private memory of this process, so they cannot overlap.
        unsafe {
            std::ptr::copy_nonoverlapping(
                self.base.as_ptr().add(offset),
                dst.as_mut_ptr(),
                dst.len(),
            )
        }
    }

    /// Appends bytes of the mapping to `dst`, without zeroing the space first.
    ///
    /// # Panics
    /// When the range does not lie inside the mapping.
    pub(crate) fn append_to(&self, offset: usize, len: usize, dst: &mut Vec<u8>) {
        assert!(
            offset.checked_add(len).is_some_and(|end| end <= self.len),
            "read outside the mapping"
        );
        dst.reserve(len);
        // SAFETY: the source range lies inside the mapping (checked above); `reserve` made room for `len` bytes after
        // the vector's length, which are all written before the length says so.
        unsafe {
            std::ptr::copy_nonoverlapping(
                self.base.as_ptr().add(offset),
                dst.as_mut_ptr().add(dst.len()),
                len,
            );
            dst.set_len(dst.len() + len);
        }
    }

    /// Copies bytes into the mapping.
    ///
    /// # Panics
    /// When the range does not lie inside the mapping.
    pub(crate) fn copy_in(&self, offset: usize, src: &[u8]) {
        assert!(
            offset
                .checked_add(src.len())
                .is_some_and(|end| end <= self.len),
            "write outside the mapping"
        );
        // SAFETY: the destination range lies inside the mapping (checked above), which `self` keeps until drop; `src`
        // is private memory of this process, so they cannot overlap.
        unsafe {
            std::ptr::copy_nonoverlapping(src.as_ptr(), self.base.as_ptr().add(offset), src.len())
        }
    }
}

impl SharedMap {
    /// Gives the pages of a range back to the system, in the file too: it reads as zeros from then on. Best effort.
    ///
    /// # Panics
    /// When the range does not lie inside the mapping.
    pub(crate) fn discard(&self, offset: usize, len: usize) {
        assert!(
            offset.checked_add(len).is_some_and(|end| end <= self.len),
            "discard outside the mapping"
        );
        // SAFETY: the range lies inside the mapping (checked above), which `self` keeps until drop; its bytes are only
        // ever copied, and a copy of zeros is as good as any other.
        let _ = unsafe {
            rustix::mm::madvise(
                self.base.as_ptr().add(offset).cast(),
                len,
                rustix::mm::Advice::LinuxRemove,
            )
        };
    }
}

impl Drop for SharedMap {
    fn drop(&mut self) {
        // SAFETY: `self` owns the mapping, and what `u64_at` and `u32_at` lend borrows from `self`.
        let _ = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.len) };
    }
}

/// A memory file of `len` zero bytes (allocated when touched) that can neither shrink nor grow any more.
///
/// # Errors
/// No descriptors left, or no memory files on this system.
pub(crate) fn sealed_memory(name: &str, len: usize) -> io::Result<std::os::fd::OwnedFd> {
    let file = rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    rustix::fs::ftruncate(&file, len as u64)?;
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn two_mappings_of_one_file_show_the_same_bytes() {
        let file = sealed_memory("test", 8192).unwrap();
        let (a, b) = (
            SharedMap::new(&file, 8192).unwrap(),
            SharedMap::new(&file, 8192).unwrap(),
        );
        a.copy_in(4090, b"hello");
        let mut seen = [0; 5];
        b.copy_out(4090, &mut seen);
        assert_eq!(&seen, b"hello");
        a.u64_at(8).store(7, Ordering::Release);
        assert_eq!(b.u64_at(8).load(Ordering::Acquire), 7);
        let mut all = b"x".to_vec();
        b.append_to(4090, 5, &mut all);
        assert_eq!(all, b"xhello");
    }

    #[test]
    #[should_panic(expected = "outside the mapping")]
    fn a_read_past_the_end_is_refused() {
        let file = sealed_memory("test", 4096).unwrap();
        SharedMap::new(&file, 4096)
            .unwrap()
            .copy_out(4095, &mut [0; 2]);
    }

    #[test]
    fn a_sealed_file_keeps_its_size() {
        let file = sealed_memory("test", 4096).unwrap();
        assert!(rustix::fs::ftruncate(&file, 0).is_err());
        assert!(rustix::fs::ftruncate(&file, 8192).is_err());
    }
}
