//! System calls as the processor makes them, past libc and whatever stands in its place.

use std::arch::asm;
use std::ffi::{c_long, c_void};

/// Makes a system call. The answer is the kernel's: negative numbers are errors.
///
/// # Safety
/// As that call's.
pub unsafe fn call(number: c_long, arguments: [c_long; 6]) -> c_long {
    let [a, b, c, d, e, f] = arguments;
    let answer: c_long;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the convention of the kernel on this processor; what the call does is the caller's affair.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => answer,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            out("rcx") _, out("r11") _,
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        asm!(
            "svc 0",
            in("x8") number, inlateout("x0") a => answer,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e, in("x5") f,
        );
    }
    answer
}

/// What libc's `getrandom` does.
///
/// # Safety
/// As libc's: `buffer` has room for `len` bytes.
pub unsafe fn getrandom(buffer: *mut c_void, len: usize, flags: u32) -> isize {
    // SAFETY: the kernel writes into the caller's buffer, which has the room by this function's contract.
    let got = unsafe {
        call(
            libc::SYS_getrandom,
            [buffer as c_long, len as c_long, flags.into(), 0, 0, 0],
        )
    };
    isize::try_from(with_errno(got)).unwrap_or(-1)
}

/// The interface of 32-bit programs: `getpid`, number 20 there.
#[cfg(target_arch = "x86_64")]
pub fn old_getpid() -> i64 {
    let answer: u64;
    // SAFETY: this call takes nothing and changes nothing; the old way in leaves the registers named here undefined.
    unsafe {
        asm!("int 0x80", inlateout("rax") 20_u64 => answer, out("r8") _, out("r9") _, out("r10") _, out("r11") _);
    }
    answer.cast_signed()
}

/// The answer in libc's manner.
pub fn with_errno(answer: c_long) -> c_long {
    if (-4095..0).contains(&answer) {
        // SAFETY: libc's place for this thread's error number.
        unsafe { *libc::__errno_location() = i32::try_from(-answer).unwrap_or(libc::EIO) };
        return -1;
    }
    answer
}
