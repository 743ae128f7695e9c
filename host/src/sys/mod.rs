//! The only place with `unsafe` code: the calls that have no safe form elsewhere, each behind a safe function whose
//! SAFETY comment names the invariant and who keeps it. Nothing here knows what a task is.
#![expect(
    unsafe_code,
    reason = "the one place for it; the crate denies it everywhere else"
)]

pub(crate) mod code;
pub(crate) mod cpu;
pub(crate) mod descriptors;
pub(crate) mod fork;
pub(crate) mod image;
pub(crate) mod large;
pub(crate) mod namespaces;
pub(crate) mod own_process;
pub(crate) mod probe;
pub(crate) mod random;
pub(crate) mod shared;
pub(crate) mod signal;
pub(crate) mod start;
pub(crate) mod window;
