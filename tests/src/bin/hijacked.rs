//! A program whose workers are hijacked: for a pool's `worker_exe`, in tests.
//!
//! The library has no door for this. It asks libc for random bytes when a guest wants some; in this program libc's
//! `getrandom` is the one below, and a number of bytes that no honest guest asks for begins an attack, natively, inside
//! the finished jail. The first eight bytes are the attack's argument, and then its answer.
//!
//! Under the name `without-PLACE-NUMBER` it forbids itself one more system call than the jail does, at the filter of
//! that place: what still works shows that the jail's list is longer than it has to be.

use std::ffi::{c_long, c_void};

use wasmpool_tests::attack::{self, machine, narrower};

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
    let attack = attack::asked_for(len);
    if let Some(attack) = attack {
        let place = buffer.cast::<i64>();
        // SAFETY: the buffer has more than eight bytes, since an attack's number is added to a longer one; it need not be aligned.
        let argument = unsafe { place.read_unaligned() };
        let answer = attack(argument);
        // SAFETY: as above.
        unsafe { place.write_unaligned(answer) };
        return isize::try_from(len).unwrap_or(-1);
    }
    // SAFETY: the caller's buffer, its length and its flags, unchanged.
    unsafe { machine::getrandom(buffer, len, flags) }
}

/// In the place of libc's: filters are loaded through it.
///
/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    if number == libc::SYS_seccomp && a == c_long::from(libc::SECCOMP_SET_MODE_FILTER) {
        // SAFETY: the caller lets the kernel read a program there.
        let program = unsafe { &*(c as *const libc::sock_fprog) };
        // SAFETY: as many instructions as it says.
        narrower::before(unsafe { std::slice::from_raw_parts(program.filter, program.len.into()) });
    }
    // SAFETY: the caller's arguments, unchanged.
    machine::with_errno(unsafe { machine::call(number, [a, b, c, d, e, f]) })
}
