//! How a process of a pool knows what it is: by the libc functions that it calls on its way. The program that this is linked
//! into puts the two functions here in the place of libc's.

use std::ffi::{CStr, OsStr, c_char, c_int, c_long};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering::SeqCst};

use super::plan::{self, Role, Words};
use super::trap;

/// The plan's file, for workers that are started by exec: they can open none. The zygote has it from its first moment.
const HANDED_OVER: RawFd = 200;

/// What this process is so far: 0 is a program that was just started.
static STEP: AtomicU32 = AtomicU32::new(0);
const LAUNCHER: u32 = Role::Launcher as u32;
const ZYGOTE: u32 = Role::Zygote as u32;
const WORKER: u32 = Role::Worker as u32;
/// A child of the zygote: the one that tries the walls, or a worker or a compiler before its first step.
const FORKED: u32 = Role::Trial as u32;

static WORDS: AtomicPtr<Words> = AtomicPtr::new(std::ptr::null_mut());
/// The plan's path, as the launcher knows it.
static PATH: OnceLock<PathBuf> = OnceLock::new();

fn words() -> Option<&'static Words> {
    // SAFETY: null, or mapped for the life of the process.
    unsafe { WORDS.load(SeqCst).as_ref() }
}

/// Whether workers are started by exec.
fn is_exec() -> bool {
    words().is_some_and(|words| words.exec.load(SeqCst) != 0)
}

/// Begins to count when the plan is about processes of this kind.
fn become_role(role: u32) {
    STEP.store(role, SeqCst);
    trap::leave();
    let Some(words) = words() else { return };
    // A filter would outlive the exec, and its handler would not.
    let inherited_by_exec = is_exec() && role != WORKER;
    if words.role.load(SeqCst) == role && !inherited_by_exec {
        trap::begin(words, role);
    }
}

fn find_plan(path: &Path) {
    if let Ok(words) = plan::map(path) {
        WORDS.store(std::ptr::from_ref(words).cast_mut(), SeqCst);
    }
}

/// Before this process's signals are blocked or unblocked: the first thing that a launcher and a worker do.
pub fn before_sigprocmask() {
    match STEP.load(SeqCst) {
        0 => {
            let command_line = std::fs::read("/proc/self/cmdline").unwrap_or_default();
            let mut arguments = command_line.split(|&byte| byte == 0).skip(1);
            match arguments.next() {
                Some(b"--wasmpool-launcher") => {
                    // SAFETY: the kernel's own string, there for the life of the process.
                    let name = unsafe {
                        CStr::from_ptr(libc::getauxval(libc::AT_EXECFN) as *const c_char)
                    };
                    let path = plan::beside(Path::new(OsStr::from_bytes(name.to_bytes())));
                    find_plan(&path);
                    let _ = PATH.set(path);
                    become_role(LAUNCHER);
                }
                Some(b"--wasmpool-worker") => {
                    // SAFETY: not closed before this worker has taken its first step, which this is.
                    let file = unsafe { BorrowedFd::borrow_raw(HANDED_OVER) };
                    if let Ok(words) = plan::map_file(file) {
                        WORDS.store(std::ptr::from_ref(words).cast_mut(), SeqCst);
                    }
                    become_role(WORKER);
                }
                _ => {}
            }
        }
        // A fork of the zygote that was not counted yet.
        FORKED if !is_exec() => become_role(WORKER),
        _ => {}
    }
}

/// In the child of a fork.
pub fn after_fork() {
    match STEP.load(SeqCst) {
        LAUNCHER => {
            if is_exec()
                && let Some(Ok(file)) = PATH.get().map(|path| plan::open(path))
            {
                // SAFETY: numbers, of a file that is open and of one that nobody has.
                unsafe { libc::dup2(file.as_raw_fd(), HANDED_OVER) };
            }
            become_role(ZYGOTE);
        }
        ZYGOTE => become_role(FORKED),
        _ => {}
    }
}

/// Makes libc's `sigprocmask`.
///
/// # Safety
/// As libc's.
pub unsafe fn sigprocmask(
    how: c_int,
    set: *const libc::sigset_t,
    old: *mut libc::sigset_t,
) -> c_int {
    before_sigprocmask();
    // SAFETY: the caller's arguments; the kernel's sets have eight bytes.
    let answer = unsafe {
        trap::call(
            libc::SYS_rt_sigprocmask,
            [how.into(), set as c_long, old as c_long, 8, 0, 0],
        )
    };
    c_int::try_from(answer).unwrap_or(-1)
}
