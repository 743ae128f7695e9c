//! Leaving the namespaces of the user's program.

use std::{
    io::{self, Read, Write},
    process,
};

use rustix::{
    pipe::PipeFlags,
    process::{Gid, Pid, Uid, WaitOptions},
    thread::UnshareFlags,
};

use super::fork::{self, Fork};
use crate::jail::privileges::{self, NOBODY};

/// New user, process-id, mount, IPC and host-name namespaces for this process (the process-id one for its children).
///
/// # Errors
/// They are not permitted here, or this process has more than one thread.
pub(crate) fn leave() -> io::Result<()> {
    let namespaces = UnshareFlags::NEWUSER
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWNS
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS;
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    let helper = match privileges::can_make_nobody()? {
        true => Some(Helper::start(user, group)?),
        false => None,
    };
    // SAFETY: none of these flags unshares the descriptor table or memory, so no descriptor that some owner in this
    // process holds changes its meaning.
    unsafe { rustix::thread::unshare_unsafe(namespaces)? };
    // Without names for the user and the group no file can be made, and the empty root needs one. Where they are not
    // to be had the namespaces stand all the same.
    if !helper.is_some_and(Helper::name) {
        let _ = name(user, group);
    }
    Ok(())
}

/// A mount namespace of this process's own, and the user namespace that it takes.
///
/// # Errors
/// As [`leave`].
pub(crate) fn leave_mounts() -> io::Result<()> {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    // SAFETY: as in `leave`.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNS)? };
    name(user, group)
}

/// What the host's user is called inside: root only if it is.
fn inside(user: Uid) -> u32 {
    if user.is_root() { 0 } else { NOBODY }
}

/// Gives this process's user and group their names inside.
fn name(user: Uid, group: Gid) -> io::Result<()> {
    let inside = inside(user);
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write(
        "/proc/self/uid_map",
        format!("{inside} {} 1", user.as_raw()),
    )?;
    std::fs::write(
        "/proc/self/gid_map",
        format!("{inside} {} 1", group.as_raw()),
    )
}

/// A child that stays outside, where root is root: only from there can nobody have a name inside as well.
struct Helper {
    process: Pid,
    go: std::fs::File,
}

impl Helper {
    fn start(user: Uid, group: Gid) -> io::Result<Self> {
        let parent = process::id();
        let (wait, go) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        match fork::fork()? {
            Fork::Child => {
                drop(go);
                let told = std::fs::File::from(wait).read_exact(&mut [0]);
                let named = told.and_then(|()| Self::write(parent, user, group));
                fork::exit(i32::from(named.is_err()))
            }
            Fork::Parent(process) => Ok(Self {
                process,
                go: go.into(),
            }),
        }
    }

    fn write(of: u32, user: Uid, group: Gid) -> io::Result<()> {
        let map = |own: u32| format!("{} {own} 1\n{NOBODY} {NOBODY} 1\n", inside(user));
        std::fs::write(format!("/proc/{of}/uid_map"), map(user.as_raw()))?;
        std::fs::write(format!("/proc/{of}/gid_map"), map(group.as_raw()))
    }

    /// Whether it has done it. The parent is in its new namespaces now.
    fn name(mut self) -> bool {
        let told = self.go.write_all(&[1]);
        drop(self.go);
        let ended = rustix::io::retry_on_intr(|| {
            rustix::process::waitpid(Some(self.process), WaitOptions::empty())
        });
        told.is_ok() && matches!(ended, Ok(Some((_, status))) if status.exit_status() == Some(0))
    }
}
