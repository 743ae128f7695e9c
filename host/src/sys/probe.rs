//! Questions to the kernel that change nothing.

use std::os::fd::{AsRawFd, BorrowedFd};

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

/// Whether a process may give itself a filter of system calls that kills.
pub(crate) fn has_seccomp_filters() -> bool {
    let action: u32 = libc::SECCOMP_RET_KILL_PROCESS;
    // SAFETY: `action` lives across the call, which reads those four bytes and installs nothing.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_GET_ACTION_AVAIL,
            0,
            &raw const action,
        )
    };
    answer == 0
}

/// Whether a process may forbid itself memory that is writable and executable.
pub(crate) fn has_write_xor_execute() -> bool {
    /// `PR_GET_MDWE`, Linux 6.3.
    const GET: libc::c_int = 66;
    // SAFETY: this operation takes no pointers and only reports a setting.
    let answer = unsafe { libc::prctl(GET, 0, 0, 0, 0) };
    answer >= 0
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
        assert_eq!(has_seccomp_filters(), has_seccomp_filters());
        assert_eq!(has_write_xor_execute(), has_write_xor_execute());
    }
}
