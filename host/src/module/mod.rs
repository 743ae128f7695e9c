//! Modules: read, refused or compiled, cached, described.

pub(crate) mod accept;
mod block;
pub(crate) mod bounds;
pub(crate) mod cache;
pub(crate) mod cache_dir;
pub(crate) mod cache_key;
pub(crate) mod codec;
pub(crate) mod compile;
pub(crate) mod component;
pub(crate) mod data;
pub(crate) mod describe;
pub(crate) mod engine;
pub(crate) mod imports;
pub(crate) mod info;
pub(crate) mod instance_size;
pub(crate) mod nearest;
pub(crate) mod pack;
pub(crate) mod pieces;
pub(crate) mod proposals;
pub(crate) mod refusal;
pub(crate) mod sealed;
pub(crate) mod signature;
pub(crate) mod snapshot;
pub(crate) mod tasks;
pub(crate) mod wit;
