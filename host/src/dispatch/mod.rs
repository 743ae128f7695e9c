//! Which task goes to which worker, in what batch, until when.
//!
//! A call (`apply`, `map`, …) is a [`stream`] of encoded [`segment`]s in and deliveries out. A [`link`] is the host's
//! end of one worker; exactly one thread drives it at a time: the dispatcher's, or, for a synchronous call that found
//! an idle worker, the caller's own. The [`hub`] is what they share. No wasm and no serde types of users here.
//! `README.md` beside this file goes through the races and why none of them loses, repeats or mixes up a task.

mod answers;
mod burial;
mod calls;
mod clock;
pub(crate) mod dispatcher;
pub(crate) mod flight;
mod function_threads;
pub(crate) mod hub;
pub(crate) mod lease;
pub(crate) mod link;
mod revocation;
pub(crate) mod segment;
pub(crate) mod stream;
mod text;
mod verdict;
mod watch;
