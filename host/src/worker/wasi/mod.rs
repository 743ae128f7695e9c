//! WASI preview 1 without grants: standard streams, clocks, randomness, waiting, and an exit. No files, no sockets, no
//! environment, and never a thread.
//!
//! A pointer outside of the guest's memory traps, as in the `wasmpool` imports. What a task never calls costs nothing:
//! [`Wasi`] is made at the first call that needs it.

pub(crate) mod clock;
mod errno;
mod link;
mod poll;
mod random;
mod stdio;

pub(crate) use errno::Errno;
pub(crate) use link::add_to_linker;
pub(crate) use stdio::Wasi;
