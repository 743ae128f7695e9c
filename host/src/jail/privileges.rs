//! No capabilities, and nobody's: a process that was root on its host, or in a namespace of its own, has none of root's
//! powers left and owns none of root's files.

use std::io;

use rustix::{
    io::Errno,
    process::{DumpableBehavior, Gid, Uid},
    thread::{CapabilitySet, CapabilitySets},
};

/// The user and the group that own nothing.
pub(crate) const NOBODY: u32 = 65534;

/// What it takes to let processes be nobody's, and to end them then.
const TO_MAKE_NOBODY: CapabilitySet = CapabilitySet::SETUID
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::KILL);

/// Whether this process is root's.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether this process is root's and can let its children be nobody's.
///
/// # Errors
/// As `capget`.
pub(crate) fn can_make_nobody() -> io::Result<bool> {
    let own = rustix::thread::capabilities(None)?.effective;
    Ok(is_root() && own.contains(TO_MAKE_NOBODY))
}

/// Gives up every capability of this process, for ever: `no_new_privs` is set, so no program brings any back.
///
/// # Errors
/// As `capset`, which lets every process give up what it has.
pub(crate) fn give_up() -> io::Result<()> {
    keep(CapabilitySet::empty())
}

/// Gives up every capability but those that it takes to let children be nobody's.
///
/// # Errors
/// As [`give_up`].
pub(crate) fn keep_to_make_nobody() -> io::Result<()> {
    // Here once, so that it need not be done in each child.
    rustix::thread::set_thread_groups(&[])?;
    keep(TO_MAKE_NOBODY)
}

fn keep(capabilities: CapabilitySet) -> io::Result<()> {
    let sets = CapabilitySets {
        effective: capabilities,
        permitted: capabilities,
        inheritable: CapabilitySet::empty(),
    };
    Ok(rustix::thread::set_capabilities(None, sets)?)
}

/// Becomes nobody, for ever, without any capability, and looks whether there is a way back.
///
/// # Errors
/// Why this process still belongs to whom it did.
pub(crate) fn become_nobody() -> Result<(), String> {
    let text = |error: Errno| error.to_string();
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    rustix::thread::set_thread_res_gid(group, group, group).map_err(text)?;
    rustix::thread::set_thread_res_uid(user, user, user).map_err(text)?;
    give_up().map_err(|error| error.to_string())?;
    // The kernel has closed its files in /proc to it, its own page map among them. They are closed again before a guest runs.
    rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable).map_err(text)?;
    let root = Uid::ROOT;
    match rustix::thread::set_thread_res_uid(root, root, root) {
        Err(_) => Ok(()),
        Ok(()) => Err("there is a way back".to_owned()),
    }
}
