//! What callers hold: the pool and its builder, modules, tasks, running calls, limits, outcomes, events.

pub(crate) mod builder;
pub(crate) mod call;
pub(crate) mod event;
pub(crate) mod flow;
pub(crate) mod grants;
pub(crate) mod handle;
pub(crate) mod held;
pub(crate) mod host_function;
pub(crate) mod host_import;
pub(crate) mod imap;
pub(crate) mod initializer;
pub(crate) mod limits;
pub(crate) mod loading;
pub(crate) mod map;
pub(crate) mod module;
pub(crate) mod outcome;
pub(crate) mod process;
pub(crate) mod report;
pub(crate) mod scope;
pub(crate) mod script;
pub(crate) mod session;
pub(crate) mod size;
pub(crate) mod task;
pub(crate) mod tenant;
