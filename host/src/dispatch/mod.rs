//! Which task goes to which worker, in what batch, until when.
//!
//! A call (`apply`, `map`, …) is a [`stream`] of encoded [`segment`]s in and deliveries out. A [`link`] is the host's
//! end of one worker; exactly one thread drives it at a time: the dispatcher's, or, for a synchronous call that found
//! an idle worker, the caller's own. The [`hub`] is what they share; whose turn it is stands in its
//! ledger of all [`tenant`]s. No wasm and no serde types of users here.
//! `README.md` beside this file goes through the races and why none of them loses, repeats or mixes up a task.

mod answers;
mod budget;
mod burial;
mod calls;
mod clock;
pub(crate) mod dispatcher;
mod entry;
mod fairness;
pub(crate) mod flight;
mod function_threads;
pub(crate) mod hub;
pub(crate) mod lease;
mod ledger;
pub(crate) mod link;
mod losses;
mod numbers;
mod order;
pub(crate) mod pace;
mod parked;
mod partials;
pub(crate) mod resting;
mod revocation;
mod roster;
mod schedule;
pub(crate) mod segment;
#[cfg(any(test, feature = "simulation"))]
pub(crate) mod simulation;
pub(crate) mod start;
pub(crate) mod stream;
pub(crate) mod tenant;
pub(crate) mod text;
mod trouble;
mod turns;
mod usage;
mod verdict;
mod watch;
mod zygotes;
