//! Guests in WebAssembly text, run in this process with input, output and stop word in memory.

mod abi;
mod command;
mod hostile;
mod kept;
mod wasi;
mod windows;
mod world;
