//! One system call less, when the name of the program says so.

use std::ffi::{CStr, OsStr, c_long};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::machine;

/// The longest last filter; every longer one is the large one.
const LONGEST_LAST: usize = 40;

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
    // A worker's last filter names the call that makes memory files, to forbid it; a compiler's has no need to.
    let makes_files = u32::try_from(libc::SYS_memfd_create).unwrap_or(0);
    let of_worker = program
        .iter()
        .any(|step| step.code == 0x15 && step.k == makes_files);
    let here = match program.len() {
        0..=LONGEST_LAST if of_worker => "worker",
        0..=LONGEST_LAST => "compiler",
        _ => "large",
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
