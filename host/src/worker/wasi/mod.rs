//! WASI preview 1: standard streams, clocks, randomness, waiting, and an exit; files, an environment and arguments only as
//! far as they were granted. No sockets, and never a thread.
//!
//! A pointer outside of the guest's memory traps, as in the `wasmpool` imports. What a task never calls costs nothing:
//! [`Wasi`] is made at the first call that needs it.

pub(crate) mod clock;
pub(super) mod descriptor;
mod errno;
pub(super) mod file;
mod link;
mod listing;
pub(super) mod path;
pub(super) mod poll;
pub(super) mod random;
pub(super) mod stat;
pub(super) mod stdio;
pub(super) mod strings;

pub(crate) use descriptor::Granted;
pub(crate) use errno::Errno;
pub(crate) use link::add_to_linker;
pub(crate) use stdio::Wasi;
