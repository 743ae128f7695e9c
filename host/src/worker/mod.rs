//! What runs inside a worker process: its start and its loop over batches, and below it the runner, which takes one task
//! at a time through a fresh (or, within a batch, a kept) instance and says how it ended.
//!
//! The loop knows sockets and the ring; the runner knows wasm; they meet in [`contract`].

pub(crate) mod command;
pub(crate) mod compiler;
pub(crate) mod component;
pub(crate) mod contract;
pub(crate) mod cpu;
pub(crate) mod host_calls;
pub(crate) mod imports;
pub(crate) mod limiter;
mod live;
pub(crate) mod logs;
pub(crate) mod memory;
pub(crate) mod messages;
pub(crate) mod numbers;
pub(crate) mod objects;
pub(crate) mod outbox;
pub(crate) mod outcome;
pub(crate) mod process;
pub(crate) mod runner;
pub(crate) mod serve;
pub(crate) mod snapshot;
pub(crate) mod state;
pub(crate) mod stop;
pub(crate) mod sync;
pub(crate) mod wasi;
pub(crate) mod window;
mod windows;

#[cfg(test)]
mod tests;
