//! The methods of dictionaries, lists and namespaces, written once: the host's and the guest's types both have a `call` that does one
//! operation, and get the rest from here.

mod dict;
mod list;
mod namespace;
