//! Signals: the one handler that a worker has, and putting everything else to its default.

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
    sync::OnceLock,
};

use wasmtime::Engine;

/// The engine whose epoch the handler raises; set once per worker, before the handler is installed.
static ENGINE: OnceLock<Engine> = OnceLock::new();

extern "C" fn raise_epoch(_signal: libc::c_int) {
    // `OnceLock::get` is one load and `increment_epoch` one atomic addition: both may be done in a signal handler.
    if let Some(engine) = ENGINE.get() {
        engine.increment_epoch();
    }
}

/// Lets SIGURG raise the epoch of `engine`, and interrupt waits (no restart).
///
/// # Errors
/// When this process already has such an engine.
pub(crate) fn interrupt_on_sigurg(engine: &Engine) -> io::Result<()> {
    ENGINE
        .set(engine.clone())
        .map_err(|_| io::Error::other("the handler is installed already"))?;
    // SAFETY: an all-zero `sigaction` is a valid value: no flags, empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = raise_epoch as extern "C" fn(libc::c_int) as *const () as usize;
    // On the alternate stack that wasmtime sets up: the guest may have used up the ordinary one.
    action.sa_flags = libc::SA_ONSTACK;
    // SAFETY: `action` is fully initialised and the handler does only what a handler may (see there).
    if unsafe { libc::sigaction(libc::SIGURG, &raw const action, std::ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Makes a write beyond the limit of a file's size an error and no signal.
pub(crate) fn ignore_sigxfsz() {
    // SAFETY: ignoring a signal runs no code of ours.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Puts every signal back to its default and blocks none: a program may have ignored or blocked some before it started
/// the pool, and that survives an exec.
pub(crate) fn reset() {
    for signal in 1..=64 {
        // SAFETY: setting a disposition to the default runs no code of ours; numbers that cannot be set are refused.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    unblock();
}

/// Blocks no signal.
pub(crate) fn unblock() {
    set_mask(libc::SIG_SETMASK, &[]);
}

/// A descriptor that becomes readable when a child has ended; SIGCHLD is blocked from here on.
///
/// # Errors
/// No descriptors left.
pub(crate) fn child_events() -> io::Result<OwnedFd> {
    let set = set_mask(libc::SIG_BLOCK, &[libc::SIGCHLD]);
    // SAFETY: `set` is a valid signal set; -1 asks for a new descriptor.
    let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call above just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Changes this thread's signal mask by the given signals and returns the set of them.
fn set_mask(how: libc::c_int, signals: &[libc::c_int]) -> libc::sigset_t {
    // SAFETY: an all-zero signal set is the empty set on Linux, and `sigemptyset` makes it so by the book.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is a valid place for a set; the signals are constants of libc; the old mask is not asked for.
    unsafe {
        libc::sigemptyset(&raw mut set);
        for &signal in signals {
            libc::sigaddset(&raw mut set, signal);
        }
        libc::sigprocmask(how, &raw const set, std::ptr::null_mut());
    }
    set
}
