//! The processes of a pool: a launcher for each zygote, which is a child of the host; below it the zygote; below that the workers.
//!
//! ```text
//! host ──exec──▶ launcher ──fork──▶ zygote ──fork──▶ worker, worker, compiler …
//! ```
//!
//! Each dies with its parent, by the parent-death signal **and** on end-of-file of its socket; where process-id
//! namespaces are allowed the zygote is process 1 of one, and the kernel ends every worker with it.
//! The supervisor never touches a guest; it starts processes, hands over sockets and reports how processes ended.

pub(crate) mod child;
pub(crate) mod divert;
pub(crate) mod host_end;
pub(crate) mod launcher;
pub(crate) mod protocol;
pub(crate) mod zygote;
