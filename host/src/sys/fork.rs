//! Forking a process of one thread.

use std::io;

use rustix::process::Pid;

/// On which side of a fork the caller finds itself.
#[derive(Debug)]
pub(crate) enum Fork {
    /// In the new process.
    Child,
    /// In the old one; the new one has this id.
    Parent(Pid),
}

/// Forks through libc, so that wasmtime's handler runs in the child: without it one instance's memory was seen by the
/// next.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] when this process has more than one thread: the child would inherit locks that
/// nobody will ever release. Otherwise what the kernel says (no memory, too many processes).
pub(crate) fn fork() -> io::Result<Fork> {
    let threads = thread_count()?;
    if threads != 1 {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("a process with {threads} threads cannot be forked safely"),
        ));
    }
    // SAFETY: this process has one thread (counted above, and only this thread could start another), so the child
    // inherits no lock held by somebody else, and everything is allowed in it.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        pid => Ok(Fork::Parent(
            Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidData)?,
        )),
    }
}

/// Threads of this process, as the kernel counts them. Falls back to 1 where /proc is gone (inside the jail nobody can
/// start a thread any more; outside it is always there).
pub(crate) fn thread_count() -> io::Result<u64> {
    // The number of links of the directory is 2 and one for each thread.
    match std::fs::metadata("/proc/self/task") {
        Ok(tasks) => Ok(std::os::unix::fs::MetadataExt::nlink(&tasks).saturating_sub(2)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(1),
        Err(error) => Err(error),
    }
}

/// Replaces this process by `program` with the given arguments and an empty environment. Returns only on failure.
///
/// `program` is an open descriptor, so that it is the program that runs now even after an upgrade or a deletion.
pub(crate) fn exec(program: std::os::fd::BorrowedFd<'_>, args: &[&std::ffi::CStr]) -> io::Error {
    use std::os::fd::AsRawFd;
    let mut argv: Vec<_> = args.iter().map(|arg| arg.as_ptr()).collect();
    argv.push(std::ptr::null());
    let envp: [*const libc::c_char; 1] = [std::ptr::null()];
    // SAFETY: both arrays end with a null pointer, and their strings outlive the call (`args` borrows them); the path
    // is an empty C string as AT_EMPTY_PATH wants it.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            program.as_raw_fd(),
            c"".as_ptr(),
            argv.as_ptr(),
            envp.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    io::Error::last_os_error()
}

/// Ends this process at once: no destructors, no exit handlers of a program that never reached its `main`.
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: `_exit` has no preconditions.
    unsafe { libc::_exit(code) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn threads_are_counted() {
        // The test harness runs this in a thread beside the main one.
        assert!(super::thread_count().unwrap() >= 2);
        assert!(super::fork().is_err());
    }
}
