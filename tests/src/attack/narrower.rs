//! One system call less, when the name of the program says so.

use std::ffi::{CStr, OsStr, c_long};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::machine;

/// What a filter says to a call whose arguments are all zero, by the rules of the kernel's machine.
fn allows(program: &[libc::sock_filter], number: c_long) -> bool {
    #[cfg(target_arch = "x86_64")]
    const PROCESSOR: u32 = 0xc000_003e;
    #[cfg(target_arch = "aarch64")]
    const PROCESSOR: u32 = 0xc000_00b7;
    let (mut at, mut value) = (0, 0_u32);
    while let Some(step) = program.get(at) {
        at += 1;
        let passed = match step.code {
            0x20 => {
                value = match step.k {
                    0 => u32::try_from(number).unwrap_or(u32::MAX),
                    4 => PROCESSOR,
                    _ => 0,
                };
                continue;
            }
            0x54 => {
                value &= step.k;
                continue;
            }
            0x05 => {
                at += step.k as usize;
                continue;
            }
            0x06 => return step.k == libc::SECCOMP_RET_ALLOW,
            0x15 => value == step.k,
            0x25 => value > step.k,
            0x35 => value >= step.k,
            0x45 => value & step.k != 0,
            _ => return false,
        };
        at += usize::from(if passed { step.jt } else { step.jf });
    }
    false
}

/// Before this filter is loaded, forbids the call that the program's name says, when it is the filter that it says.
pub fn before(program: &[libc::sock_filter]) {
    // SAFETY: the kernel's own string, there for the life of the process.
    let name = unsafe { CStr::from_ptr(libc::getauxval(libc::AT_EXECFN) as *const _) };
    let name = Path::new(OsStr::from_bytes(name.to_bytes()));
    let Some(what) = name
        .file_name()
        .and_then(OsStr::to_str)
        .and_then(|name| name.strip_prefix("without-"))
    else {
        return;
    };
    let Some((place, number)) = what.split_once('-') else {
        return;
    };
    let Ok(number) = number.parse::<u32>() else {
        return;
    };
    let here = match () {
        () if allows(program, libc::SYS_pivot_root) && allows(program, libc::SYS_clone) => "wide",
        () if allows(program, libc::SYS_clone) => "large",
        () if allows(program, libc::SYS_memfd_create) => "compiler",
        () if allows(program, libc::SYS_mkdirat) => "writer",
        () if allows(program, libc::SYS_openat2) => "reader",
        () => "worker",
    };
    if here != place {
        return;
    }
    let step = |code: u32, jt, jf, k| libc::sock_filter {
        code: u16::try_from(code).unwrap_or(0),
        jt,
        jf,
        k,
    };
    let mut steps = [
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number),
        step(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            libc::SECCOMP_RET_KILL_PROCESS,
        ),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: 4,
        filter: steps.as_mut_ptr(),
    };
    let mode = c_long::from(libc::SECCOMP_SET_MODE_FILTER);
    // SAFETY: the program lives across the call, which copies it; `no_new_privs` is set.
    let done = unsafe {
        machine::call(
            libc::SYS_seccomp,
            [mode, 0, (&raw const program) as c_long, 0, 0, 0],
        )
    };
    if done != 0 {
        // SAFETY: ends the process, so that nothing is shown that was not tried.
        unsafe { libc::abort() };
    }
}
