//! Faults at a chosen system call of a chosen process: a test arms one, a program whose workers look for it meets it.
//!
//! `plan.rs` is what both see, `trap.rs` how a process counts its own system calls, `roles.rs` how it knows what it is. The
//! program is `src/bin/faulty.rs`, for a pool's `worker_exe`.

pub mod plan;
pub mod roles;
mod trap;

pub use plan::{Fault, Fired, Plan, Role};
