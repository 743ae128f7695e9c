//! A program whose processes meet faults at chosen system calls: for a pool's `worker_exe`, in tests.
//!
//! The library has no door for this. Two of libc's functions that it calls are replaced by those below; they find out which of
//! the pool's processes this is, and have its system calls counted (`wasmpool_tests::fault`).

use std::ffi::{c_int, c_void};

use wasmpool_tests::fault::roles;

fn main() {
    // The pool's processes never come here: the library, which is linked in by this use of it, takes them before.
    let pool = wasmpool::Pool::builder();
    eprintln!("tests start this program as a pool's worker_exe, not as {pool:?}");
}

/// In the place of libc's.
///
/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn sigprocmask(
    how: c_int,
    set: *const libc::sigset_t,
    old: *mut libc::sigset_t,
) -> c_int {
    // SAFETY: the caller's arguments, unchanged.
    unsafe { roles::sigprocmask(how, set, old) }
}

/// In the place of libc's, which it calls.
///
/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn fork() -> libc::pid_t {
    type Fork = unsafe extern "C" fn() -> libc::pid_t;
    // SAFETY: libc's own, found by its name behind this one.
    let next = unsafe { libc::dlsym(libc::RTLD_NEXT, c"fork".as_ptr()) };
    if next.is_null() {
        return -1;
    }
    // SAFETY: that is its type.
    let next = unsafe { std::mem::transmute::<*mut c_void, Fork>(next) };
    // SAFETY: the caller's affair.
    let child = unsafe { next() };
    if child == 0 {
        roles::after_fork();
    }
    child
}
