//! Descriptors as a whole: closing all that nobody asked for, and taking over those that an exec left.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd},
};

/// Closes every descriptor but 0, 1, 2 and the given ones: constructors of libraries and of the program may have
/// opened some before this code ran, and a fork inherits its parent's.
///
/// Owners of the closed descriptors must not exist any more or never be used and dropped again: this is called first
/// thing in a process that keeps nothing else.
///
/// # Errors
/// The kernel has no `close_range` (Linux before 5.9).
pub(crate) fn close_all_but(keep: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut keep: Vec<RawFd> = keep
        .iter()
        .map(AsRawFd::as_raw_fd)
        .filter(|&fd| fd > 2)
        .collect();
    keep.sort_unstable();
    let mut from = 3;
    for fd in keep.into_iter().chain([RawFd::MAX]) {
        if fd > from {
            let last = if fd == RawFd::MAX {
                libc::c_uint::MAX
            } else {
                (fd - 1).unsigned_abs()
            };
            // SAFETY: closes numbers only; that no owner of them is used again is the caller's promise above.
            if unsafe { libc::syscall(libc::SYS_close_range, from.unsigned_abs(), last, 0) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        from = fd.saturating_add(1);
    }
    Ok(())
}

/// Takes ownership of the protocol socket that the starter passed as standard input, moves it above 2, and puts
/// /dev/null in its place.
///
/// Called once, before anything in this process has looked at its standard input.
///
/// # Errors
/// Descriptor 0 is not open, or /dev/null is not there.
pub(crate) fn take_standard_input() -> io::Result<OwnedFd> {
    // SAFETY: descriptor 0 is borrowed for this call only; when it is not open the call fails.
    let passed = unsafe { BorrowedFd::borrow_raw(0) };
    let moved = rustix::io::fcntl_dupfd_cloexec(passed, 3)?;
    let null = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(moved)
}

/// Whether descriptor 0 is a SEQPACKET socket whose maker was `maker` (or a process that is not visible from here).
pub(crate) fn standard_input_is_socket_of(maker: Option<rustix::process::Pid>) -> bool {
    // SAFETY: descriptor 0 is borrowed for these calls only; when it is not open they fail.
    let passed = unsafe { BorrowedFd::borrow_raw(0) };
    let packets =
        rustix::net::sockopt::socket_type(passed) == Ok(rustix::net::SocketType::SEQPACKET);
    let made_by = maker_of(passed);
    packets
        && made_by.is_some_and(|pid| maker.is_none_or(|maker| pid == maker.as_raw_nonzero().get()))
}

/// Whether the process that made this socket is outside of this process's view: then a namespace is between them.
pub(crate) fn maker_is_hidden(socket: BorrowedFd<'_>) -> bool {
    maker_of(socket) == Some(0)
}

/// The process that made a socket, 0 when it is not visible from here.
fn maker_of(socket: BorrowedFd<'_>) -> Option<libc::pid_t> {
    // The raw option: rustix's type cannot hold the 0.
    // SAFETY: an all-zero `ucred` is a valid value of the plain C struct.
    let mut made_by: libc::ucred = unsafe { std::mem::zeroed() };
    let mut len = libc::socklen_t::try_from(size_of::<libc::ucred>()).unwrap_or(0);
    // SAFETY: `made_by` and `len` are valid places, and `len` is the size of `made_by`.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut made_by).cast(),
            &raw mut len,
        )
    };
    (answer == 0).then_some(made_by.pid)
}

/// The descriptor through which wasmtime scans its own pages, when it has one: it must survive [`close_all_but`].
/// wasmtime keeps it for the life of the process.
pub(crate) fn pagemap_descriptor() -> Option<BorrowedFd<'static>> {
    let entries = std::fs::read_dir("/proc/self/fd").ok()?;
    entries.flatten().find_map(|entry| {
        let target = std::fs::read_link(entry.path()).ok()?;
        let fd: RawFd = entry.file_name().to_str()?.parse().ok()?;
        // SAFETY: wasmtime holds this file in a static and never closes it.
        target
            .ends_with("pagemap")
            .then(|| unsafe { BorrowedFd::borrow_raw(fd) })
    })
}

/// Lets the number of `old` mean what `new` means.
///
/// The owner of `old` keeps a descriptor of the same number and is not told.
///
/// # Errors
/// As `dup3`.
pub(crate) fn replace(old: BorrowedFd<'_>, new: &OwnedFd) -> io::Result<()> {
    // SAFETY: both numbers are open (`old` is borrowed, `new` is owned), and the number keeps its owner; that what it
    // means may change under that owner is what the caller asks for.
    match unsafe { libc::dup3(new.as_raw_fd(), old.as_raw_fd(), libc::O_CLOEXEC) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
