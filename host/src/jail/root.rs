//! An empty, read-only root: after it a process finds no file by any path.
//!
//! It needs a mount namespace of its own, and the privileges that came with it.

use std::{io, os::fd::OwnedFd};

use rustix::{
    fs::{Mode, OFlags},
    mount::{MountFlags, MountPropagationFlags, UnmountFlags},
};

/// Where the new root is mounted before it becomes the root: a directory that is there on every Linux.
const PLACE: &str = "/proc";

/// What a process keeps of the old root.
#[derive(Debug)]
pub(crate) struct OldRoot {
    proc: OwnedFd,
}

impl OldRoot {
    /// Opens what is to be kept.
    ///
    /// # Errors
    /// There is no /proc.
    pub(crate) fn open() -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self {
            proc: rustix::fs::open("/proc", flags, Mode::empty())?,
        })
    }

    /// This process's own page map: one that was inherited shows the pages of the parent.
    ///
    /// # Errors
    /// The process is not dumpable any more.
    pub(crate) fn pagemap(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(
            &self.proc,
            "self/pagemap",
            flags,
            Mode::empty(),
        )?)
    }
}

/// Replaces the root of this process's mount namespace by an empty one.
///
/// The only entry is a file `/dev/null` without content: wasmtime opens that name for reading after a fork where it
/// finds no /proc, and aborts when it cannot.
///
/// # Errors
/// The namespace is not this process's own, or mounts are forbidden: then the wall does not stand, whatever was changed
/// on the way. Nothing else depends on it.
pub(crate) fn empty() -> io::Result<()> {
    // What happens here is not to be seen outside.
    rustix::mount::mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount(
        "none",
        PLACE,
        "tmpfs",
        flags,
        Some(c"size=16k,nr_inodes=8,mode=755"),
    )?;
    let done = (|| {
        rustix::process::chdir(PLACE)?;
        rustix::fs::mkdir("dev", Mode::from_raw_mode(0o555))?;
        let create = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
        rustix::fs::open("dev/null", create, Mode::from_raw_mode(0o444))?;
        rustix::mount::mount_remount(".", flags | MountFlags::RDONLY, "")?;
        // The old root is stacked below the new one at the same place, and then taken away from under it.
        rustix::process::pivot_root(".", ".")
    })();
    if let Err(error) = done {
        let _ = rustix::process::chdir("/");
        let _ = rustix::mount::unmount(PLACE, UnmountFlags::DETACH);
        return Err(error.into());
    }
    rustix::mount::unmount(".", UnmountFlags::DETACH)?;
    rustix::process::chdir("/")?;
    // The effect, not the return codes: some systems let the calls through and change nothing.
    if std::fs::exists("/proc/self").unwrap_or(true) {
        return Err(io::Error::other("the old root is still there"));
    }
    Ok(())
}
