//! No capabilities: a process that was root on its host, or in a namespace of its own, has none of root's powers left.

use std::io;

use rustix::thread::{CapabilitySet, CapabilitySets};

/// Gives up every capability of this process, for ever: `no_new_privs` is set, so no program brings any back.
///
/// # Errors
/// As `capset`, which lets every process give up what it has.
pub(crate) fn give_up() -> io::Result<()> {
    let none = CapabilitySet::empty();
    let none = CapabilitySets {
        effective: none,
        permitted: none,
        inheritable: none,
    };
    Ok(rustix::thread::set_capabilities(None, none)?)
}
