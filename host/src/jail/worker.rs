//! The walls that a worker or a compiler builds for itself, one after the other. What a fork of the zygote has inherited
//! it does not build again.

use std::io;

use super::{
    filter,
    landlock::Nothing,
    limits, no_new_code,
    syscalls::User,
    wall::{Policy, Record, Wall},
};

/// Walls before anything from outside is looked at. `memory` is what a worker may use of its own.
///
/// # Errors
/// A required one does not stand.
pub(crate) fn first(
    jail: &Policy,
    forked: bool,
    memory: Option<u64>,
    walls: &mut Record,
) -> io::Result<()> {
    if !forked {
        walls.build(jail, Wall::NoNewCode, no_new_code::forbid);
        walls.build(jail, Wall::Landlock, || {
            Nothing::make().and_then(Nothing::enter)
        });
    }
    if let Some(most) = memory {
        walls.build(jail, Wall::PrivateMemory, || limits::private_memory(most));
    }
    walls.check(jail).map_err(io::Error::other)
}

/// Walls after everything is mapped, opened and made.
///
/// # Errors
/// A required one does not stand.
pub(crate) fn last(jail: &Policy, forked: bool, user: User, walls: &mut Record) -> io::Result<()> {
    if !forked {
        walls.build(jail, Wall::SystemCalls, filter::load_large);
    }
    walls.build(jail, Wall::LastFilter, || filter::load_last(user));
    walls.check(jail).map_err(io::Error::other)
}
