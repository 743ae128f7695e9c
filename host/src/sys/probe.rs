//! Questions to the kernel about its walls, and the one wall that no crate has a call for.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
    ptr,
};

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};

/// The version of Landlock's interface; `None` where there is none or it is switched off.
pub(crate) fn landlock_version() -> Option<u32> {
    /// `LANDLOCK_CREATE_RULESET_VERSION`: asks for the version and makes no ruleset.
    const VERSION: libc::c_uint = 1;
    // SAFETY: with this flag the kernel reads no memory and makes no descriptor; it asks for a null pointer and zero.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0_usize,
            VERSION,
        )
    };
    u32::try_from(version).ok().filter(|version| *version > 0)
}

/// Forbids this process memory that is writable and executable, for ever.
///
/// # Errors
/// The kernel does not know it (before Linux 6.3).
pub(crate) fn forbid_write_and_execute() -> io::Result<()> {
    /// `PR_SET_MDWE`.
    const SET: libc::c_int = 65;
    /// `PR_MDWE_REFUSE_EXEC_GAIN`.
    const REFUSE: libc::c_ulong = 1;
    // SAFETY: this operation takes no pointers and only adds a rule for later mappings.
    match unsafe { libc::prctl(SET, REFUSE, 0_u64, 0_u64, 0_u64) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether a page can be had that is writable and executable, or first one and then the other.
pub(crate) fn can_write_and_execute() -> bool {
    let (write, execute) = (
        ProtFlags::READ | ProtFlags::WRITE,
        MprotectFlags::READ | MprotectFlags::EXEC,
    );
    let at_once = with_page(write | ProtFlags::EXEC, |_| true).unwrap_or(false);
    let in_turn = with_page(write, |page| {
        // SAFETY: the page is this function's own, and nothing refers to it or runs in it.
        unsafe { rustix::mm::mprotect(page, rustix::param::page_size(), execute) }.is_ok()
    });
    at_once || in_turn.unwrap_or(false)
}

/// Whether so many bytes of private, writable memory can be had at once. None are touched.
pub(crate) fn can_have_private_memory(bytes: usize) -> bool {
    with_mapping(bytes, ProtFlags::READ | ProtFlags::WRITE, |_| ()).is_some()
}

/// Makes a page executable that was written: what a filter is there to forbid.
pub(crate) fn try_to_execute() {
    with_page(ProtFlags::READ | ProtFlags::WRITE, |page| {
        let execute = MprotectFlags::READ | MprotectFlags::EXEC;
        // SAFETY: the page is this function's own, and nothing refers to it or runs in it.
        let _ = unsafe { rustix::mm::mprotect(page, rustix::param::page_size(), execute) };
    });
}

fn with_page<T>(protection: ProtFlags, then: impl FnOnce(*mut std::ffi::c_void) -> T) -> Option<T> {
    with_mapping(rustix::param::page_size(), protection, then)
}

fn with_mapping<T>(
    bytes: usize,
    protection: ProtFlags,
    then: impl FnOnce(*mut std::ffi::c_void) -> T,
) -> Option<T> {
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing that Rust knows of.
    let base =
        unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), bytes, protection, flags) }.ok()?;
    let answer = then(base);
    // SAFETY: the mapping was made above, with this length, and its address is not kept.
    let _ = unsafe { rustix::mm::munmap(base, bytes) };
    Some(answer)
}

/// Whether `pagemap`, a descriptor of `/proc/self/pagemap`, can be scanned for pages that were written.
pub(crate) fn has_pagemap_scan(pagemap: BorrowedFd<'_>) -> bool {
    /// `PAGEMAP_SCAN`: number 16 of the type `f`, reads and writes a `struct pm_scan_arg`.
    const SCAN: libc::Ioctl = 0xc060_6610_u32 as libc::Ioctl;
    /// `struct pm_scan_arg`: size, flags, start, end, walk_end, vec, vec_len, max_pages and four masks of categories.
    const FIELDS: usize = 12;
    let mut empty_range = [0_u64; FIELDS];
    empty_range[0] = size_of_val(&empty_range) as u64;
    // SAFETY: the array lives across the call and is as long as its first field says; the range in it is empty and its
    // vector has no length, so the kernel looks at no other memory.
    let answer = unsafe { libc::ioctl(pagemap.as_raw_fd(), SCAN, empty_range.as_mut_ptr()) };
    answer == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_changes_nothing() {
        // What they answer depends on the kernel; that they can be asked twice with one answer does not.
        assert_eq!(landlock_version(), landlock_version());
        assert!(can_have_private_memory(1 << 20));
        assert!(!can_have_private_memory(usize::MAX / 2));
    }
}
