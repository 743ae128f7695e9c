//! The walls that a worker or a compiler builds for itself, one after the other. What a fork of the zygote has inherited
//! it does not build again.

use std::io;

use rustix::process::DumpableBehavior;

use super::{
    filter,
    landlock::{Beneath, Nothing},
    limits, no_new_code, privileges, root,
    syscalls::User,
    wall::{Policy, Record, Wall},
};
use crate::sys::namespaces;

/// How a process came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// As a fork of a zygote that is ready: it has inherited most of its walls.
    Forked,
    /// By exec: it has the files of the system before it.
    Executed {
        /// Whether it is in namespaces of the pool's own.
        separate: bool,
    },
}

/// Walls before anything from outside is looked at. `memory` is what a worker may use of its own, `directories` are what
/// its tasks were granted: a fork that has some has not entered Landlock yet.
///
/// # Errors
/// A required one does not stand.
pub(crate) fn first(
    jail: &Policy,
    origin: Origin,
    memory: Option<u64>,
    directories: &[Beneath<'_>],
    walls: &mut Record,
) -> io::Result<()> {
    if let Origin::Executed { separate } = origin {
        walls.build(jail, Wall::EmptyRoot, || own_root(separate));
        // After its files in /proc were needed, and before a guest is there to be read.
        rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        walls.build(jail, Wall::NoNewCode, no_new_code::forbid);
    }
    if origin != Origin::Forked || !directories.is_empty() {
        walls.build(jail, Wall::Landlock, || {
            Nothing::make()?.but(directories)?.enter_but(directories)
        });
    }
    if let Some(most) = memory {
        walls.build(jail, Wall::PrivateMemory, || limits::private_memory(most));
    }
    walls.check(jail).map_err(io::Error::other)
}

/// An empty root for this process alone. Everything that it has to open by a path is open.
fn own_root(separate: bool) -> Result<(), String> {
    if !separate {
        return Err("there are no namespaces to make it in".to_owned());
    }
    let emptied = namespaces::leave_mounts().and_then(|()| root::empty());
    // The namespace came with all of them.
    let given_up = privileges::give_up();
    emptied.and(given_up).map_err(|error| error.to_string())
}

/// Walls after everything is mapped, opened and made.
///
/// # Errors
/// A required one does not stand.
pub(crate) fn last(
    jail: &Policy,
    origin: Origin,
    user: User,
    walls: &mut Record,
) -> io::Result<()> {
    if origin != Origin::Forked {
        walls.build(jail, Wall::SystemCalls, filter::load_large);
    }
    walls.build(jail, Wall::LastFilter, || filter::load_last(user));
    walls.check(jail).map_err(io::Error::other)
}
