//! A program whose workers lie: for a pool's `worker_exe`, in tests.
//!
//! The library has no door for this. It asks libc for random bytes when a guest wants some; in this program libc's
//! `getrandom` is the one below, and a number of bytes that no honest guest asks for tells a lie, past the code that keeps
//! the protocol.

use std::ffi::c_void;

use wasmpool_tests::attack::{self, machine};
use wasmpool_tests::lie;

fn main() {
    // The pool's processes never come here: the library, which is linked in by this use of it, takes them before.
    let pool = wasmpool::Pool::builder();
    eprintln!("tests start this program as a pool's worker_exe, not as {pool:?}");
}

/// In the place of libc's.
///
/// # Safety
/// As libc's: `buffer` has room for `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut c_void, len: usize, flags: u32) -> isize {
    if let Some(lie) = lie::asked_for(len) {
        lie::tell(lie);
        return isize::try_from(len).unwrap_or(-1);
    }
    if let Some(attack) = attack::asked_for(len) {
        attack(0);
        return isize::try_from(len).unwrap_or(-1);
    }
    // SAFETY: the caller's buffer, its length and its flags, unchanged.
    unsafe { machine::getrandom(buffer, len, flags) }
}
