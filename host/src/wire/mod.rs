//! What host and worker say to each other, and the memory through which they say it.
//!
//! Requests and short notices go over one SEQPACKET socket per worker ([`message`]). Answers are written to a ring in
//! the worker's [`arena`], where each is committed by one store: a worker killed at any instant loses nothing that it
//! had answered. Nothing here touches wasm or processes.

pub(crate) mod ambient;
pub(crate) mod arena;
pub(crate) mod completion;
pub(crate) mod message;
pub(crate) mod ring;
pub(crate) mod socket;
pub(crate) mod spin;
