//! Components: what is offered to them, and how their functions are called.
//!
//! WASI 0.2 stands on the same code as preview 1 (`../wasi`), with the same grants and limits. What a component holds of it, by
//! handles, are [`things`](things::Things).

pub(crate) mod call;
mod cli;
mod clocks;
mod filesystem;
pub(crate) mod functions;
mod io;
pub(crate) mod objects;
pub(crate) mod offer;
mod pool;
mod sockets;
pub(crate) mod things;
pub(crate) mod values;
pub(crate) mod weight;
#[cfg(test)]
mod wit_tests;
