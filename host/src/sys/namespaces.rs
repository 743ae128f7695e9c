//! Leaving the namespaces of the user's program.

use std::io;

use rustix::{
    process::{Gid, Uid},
    thread::UnshareFlags,
};

/// What this process's user and group are called inside: nobody.
const NOBODY: u32 = 65534;

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
    // SAFETY: none of these flags unshares the descriptor table or memory, so no descriptor that some owner in this
    // process holds changes its meaning.
    unsafe { rustix::thread::unshare_unsafe(namespaces)? };
    // Without names for the user and the group no file can be made, and the empty root needs one. Where they are not
    // to be had the namespaces stand all the same.
    let _ = name(user, group);
    Ok(())
}

/// Lets this process's user and group be nobody inside.
fn name(user: Uid, group: Gid) -> io::Result<()> {
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write(
        "/proc/self/uid_map",
        format!("{NOBODY} {} 1", user.as_raw()),
    )?;
    std::fs::write(
        "/proc/self/gid_map",
        format!("{NOBODY} {} 1", group.as_raw()),
    )
}
