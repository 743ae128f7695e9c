//! What host and guests share: arrays, locks, queues and pipes, and how a manager's objects are given to tasks.
//!
//! An object is a memory file with a control page, or, for a manager's, a value in the host. Host and worker run the same
//! code on the same words; guests never see them. `README.md` has the protocols and why they hold; `model/` tries every
//! interleaving of them.
//!
//! - `object.rs` is an object as the host holds it, `grant.rs` what one task gets of it, `argument.rs` what makes the host's
//!   types arguments of tasks.
//! - `words.rs` has the words of a control page and how to wait for them, `holder.rs` who holds what, `lock_word.rs` the lock
//!   in one word that others are built on, `abandon.rs` what becomes of what a dead or ended task held.
//! - Arrays as callers hold them are in `raw_array.rs`, `array.rs`, `value.rs`, `chunk.rs` and `read_only.rs`; `element.rs` and
//!   `atomic.rs` reach their elements.
//! - `ring.rs` is the ring of messages under queues and pipes, `mark.rs` its words, `patience.rs` its waits; `message.rs` puts
//!   values into it, `queue.rs`, `simple_queue.rs`, `joinable_queue.rs` and `pipe.rs` are what callers hold.
//! - `waiting.rs` waits for any of several things, `reactor.rs` does so for futures.

pub(crate) mod abandon;
pub(crate) mod argument;
pub(crate) mod array;
pub(crate) mod atomic;
pub(crate) mod barrier;
pub(crate) mod chunk;
pub(crate) mod condition;
pub(crate) mod element;
pub(crate) mod event;
pub(crate) mod grant;
pub(crate) mod holder;
pub(crate) mod joinable_queue;
pub(crate) mod lock;
pub(crate) mod lock_word;
pub(crate) mod mark;
pub(crate) mod message;
#[cfg(test)]
mod model;
pub(crate) mod object;
pub(crate) mod patience;
pub(crate) mod pipe;
pub(crate) mod queue;
pub(crate) mod raw_array;
pub(crate) mod reactor;
pub(crate) mod read_only;
pub(crate) mod ring;
pub(crate) mod rlock;
pub(crate) mod semaphore;
pub(crate) mod simple_queue;
pub(crate) mod value;
pub(crate) mod waiting;
pub(crate) mod words;
