//! Random bytes from the kernel, with nothing kept in the process that a fork could copy.

use std::io;

/// Fills the front of `dst` and returns how many bytes; fewer than asked when a signal came in between.
///
/// # Errors
/// The kernel's, `Interrupted` among them.
pub(crate) fn fill(dst: &mut [u8]) -> io::Result<usize> {
    // SAFETY: `dst` is an exclusive borrow of that many writable bytes for the whole call.
    let got = unsafe { libc::getrandom(dst.as_mut_ptr().cast(), dst.len(), 0) };
    usize::try_from(got).map_err(|_| io::Error::last_os_error())
}
