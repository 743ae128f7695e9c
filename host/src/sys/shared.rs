//! A memory file mapped by two processes, read and written by raw copies and atomics only.
//!
//! No Rust reference to plain bytes of the mapping is ever made: the other side may write at any instant.

use std::{
    io,
    os::fd::AsFd,
    ptr::NonNull,
    sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64},
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
        Self::with(file, len, ProtFlags::READ | ProtFlags::WRITE)
    }

    /// The same for a file that may only be read. Whoever writes there all the same dies of it.
    ///
    /// # Errors
    /// As [`SharedMap::new`].
    pub(crate) fn read_only(file: impl AsFd, len: usize) -> io::Result<Self> {
        Self::with(file, len, ProtFlags::READ)
    }

    fn with(file: impl AsFd, len: usize, protection: ProtFlags) -> io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice aliases nothing; `self` owns it until drop.
        let base = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                len,
                protection,
                MapFlags::SHARED,
                file,
                0,
            )?
        };
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { base, len })
    }

    /// Bytes of the mapping.
    pub(crate) fn len(&self) -> usize {
        self.len
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

    /// The 16 bits at `offset`.
    ///
    /// # Panics
    /// As [`SharedMap::u64_at`].
    pub(crate) fn u16_at(&self, offset: usize) -> &AtomicU16 {
        assert!(
            offset.is_multiple_of(2) && offset + 2 <= self.len,
            "word at {offset} of {}",
            self.len
        );
        // SAFETY: as in `u64_at`.
        unsafe { AtomicU16::from_ptr(self.base.as_ptr().add(offset).cast()) }
    }

    /// The byte at `offset`.
    ///
    /// # Panics
    /// As [`SharedMap::u64_at`].
    pub(crate) fn u8_at(&self, offset: usize) -> &AtomicU8 {
        assert!(offset < self.len, "byte {offset} of {}", self.len);
        // SAFETY: as in `u64_at`.
        unsafe { AtomicU8::from_ptr(self.base.as_ptr().add(offset)) }
    }

    /// Where `len` bytes from `offset` on begin.
    ///
    /// # Panics
    /// When they do not all lie inside the mapping.
    fn range_at(&self, offset: usize, len: usize) -> *mut u8 {
        assert!(
            offset.checked_add(len).is_some_and(|end| end <= self.len),
            "{len} bytes at {offset} are outside the mapping of {}",
            self.len
        );
        // SAFETY: inside the mapping or at its end (checked above), which `self` keeps until drop.
        unsafe { self.base.as_ptr().add(offset) }
    }

    /// Copies bytes out of the mapping.
    ///
    /// # Panics
    /// When the range does not lie inside the mapping.
    pub(crate) fn copy_out(&self, offset: usize, dst: &mut [u8]) {
        let at = self.range_at(offset, dst.len());
        // SAFETY: the source range lies inside the mapping (`range_at`), which `self` keeps until drop; `dst` is
        // private memory of this process, so they cannot overlap.
        unsafe { std::ptr::copy_nonoverlapping(at, dst.as_mut_ptr(), dst.len()) }
    }

    /// Appends bytes of the mapping to `dst`, without zeroing the space first.
    ///
    /// # Panics
    /// When the range does not lie inside the mapping.
    pub(crate) fn append_to(&self, offset: usize, len: usize, dst: &mut Vec<u8>) {
        let at = self.range_at(offset, len);
        dst.reserve(len);
        // SAFETY: the source range lies inside the mapping (`range_at`); `reserve` made room for `len` bytes after
        // the vector's length, which are all written before the length says so.
        unsafe {
            std::ptr::copy_nonoverlapping(at, dst.as_mut_ptr().add(dst.len()), len);
            dst.set_len(dst.len() + len);
        }
    }

    /// Copies bytes into the mapping.
    ///
    /// # Panics
    /// When the range does not lie inside the mapping.
    pub(crate) fn copy_in(&self, offset: usize, src: &[u8]) {
        let at = self.range_at(offset, src.len());
        // SAFETY: the destination range lies inside the mapping (`range_at`), which `self` keeps until drop; `src`
        // is private memory of this process, so they cannot overlap.
        unsafe { std::ptr::copy_nonoverlapping(src.as_ptr(), at, src.len()) }
    }
}

impl SharedMap {
    /// Has the pages of a range made ready to be written, all at once: one by one takes twice as long. Best effort.
    ///
    /// # Panics
    /// When the range does not lie inside the mapping.
    pub(crate) fn populate(&self, offset: usize, len: usize) {
        let at = self.range_at(offset, len);
        // SAFETY: the range lies inside the mapping (`range_at`), which `self` keeps until drop; no byte of it changes.
        let _ =
            unsafe { rustix::mm::madvise(at.cast(), len, rustix::mm::Advice::LinuxPopulateWrite) };
    }

    /// Gives the pages of a range back to the system, in the file too: it reads as zeros from then on. Best effort.
    ///
    /// # Panics
    /// When the range does not lie inside the mapping.
    pub(crate) fn discard(&self, offset: usize, len: usize) {
        let at = self.range_at(offset, len);
        // SAFETY: the range lies inside the mapping (`range_at`), which `self` keeps until drop; its bytes are only
        // ever copied, and a copy of zeros is as good as any other.
        let _ = unsafe { rustix::mm::madvise(at.cast(), len, rustix::mm::Advice::LinuxRemove) };
    }
}

impl Drop for SharedMap {
    fn drop(&mut self) {
        // SAFETY: `self` owns the mapping, and what `u64_at` and its kin lend borrows from `self`.
        let _ = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.len) };
    }
}

/// A memory file of `len` zero bytes (allocated when touched) that can neither shrink nor grow any more.
///
/// # Errors
/// No descriptors left, or no memory files on this system.
pub(crate) fn sealed_memory(name: &str, len: usize) -> io::Result<std::os::fd::OwnedFd> {
    let file = rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    rustix::fs::ftruncate(&file, len as u64)
        .map_err(|error| memory_refused(error.into(), len as u64))?;
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

/// Says what a memory file of `len` bytes is refused for, where that is not plain from the system's words.
pub(crate) fn memory_refused(error: io::Error, len: u64) -> io::Error {
    match error.raw_os_error() {
        Some(libc::EFBIG) => io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!(
                "memory of {len} bytes to share with a worker: the limit of file sizes (ulimit -f, RLIMIT_FSIZE) counts for it too and does not allow it"
            ),
        ),
        _ => error,
    }
}

/// The same memory file, opened again so that it cannot be written to by who gets this.
///
/// # Errors
/// No descriptors left, or no /proc to open it through.
pub(crate) fn reopen_read_only(file: impl AsFd) -> io::Result<std::os::fd::OwnedFd> {
    use std::os::fd::AsRawFd as _;
    let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, rustix::fs::Mode::empty())?)
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
    fn a_file_that_was_opened_to_read_shows_the_same_and_takes_nothing() {
        let file = sealed_memory("test", 4096).unwrap();
        let map = SharedMap::new(&file, 4096).unwrap();
        let read = reopen_read_only(&file).unwrap();
        assert_eq!(
            SharedMap::new(&read, 4096).unwrap_err().kind(),
            io::ErrorKind::PermissionDenied
        );
        assert!(rustix::io::pwrite(&read, b"x", 0).is_err());
        let seen = SharedMap::read_only(&read, 4096).unwrap();
        map.copy_in(7, b"x");
        let mut byte = [0];
        seen.copy_out(7, &mut byte);
        assert_eq!(&byte, b"x");
    }

    #[test]
    fn a_sealed_file_keeps_its_size() {
        let file = sealed_memory("test", 4096).unwrap();
        assert!(rustix::fs::ftruncate(&file, 0).is_err());
        assert!(rustix::fs::ftruncate(&file, 8192).is_err());
    }
}
