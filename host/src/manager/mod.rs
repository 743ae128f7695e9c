//! A manager's objects: dictionaries, lists and namespaces that live in the host and that tasks use by asking it.
//!
//! Each is two things: a type that people hold (`dict.rs`, `list.rs`, `namespace.rs`; its methods are those of the guest's
//! type too, and come from `wasmpool-abi`), and a store that does one operation after another on encoded values
//! (`dict_store.rs`, `list_store.rs`, `namespace_store.rs`). `args.rs` reads what goes along with an operation,
//! `bounds.rs` keeps a guest from filling the host's memory, `number.rs` adds.
//!
//! A store believes nothing: whoever asks may be a guest. No code of users runs under its lock.

mod args;
mod bounds;
pub(crate) mod dict;
mod dict_store;
pub(crate) mod list;
mod list_store;
#[expect(
    clippy::module_inception,
    reason = "the noun of the folder is also that of its first type"
)]
pub(crate) mod manager;
pub(crate) mod namespace;
mod namespace_store;
mod number;
mod page;
