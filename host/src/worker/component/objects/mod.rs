//! `wasmpool:pool`: what the pool's objects are in a component. A task is given them as arguments; a handle stands for the number
//! that guests have for an object, and everything is done by the code that the imports of modules are.

mod answer;
mod arrays;
mod dicts;
mod kinds;
mod lists;
mod locks;
mod managed;
mod messages;
mod namespaces;
mod pipes;
mod queues;
mod values;

pub(super) use answer::{give_up, handle};
pub(crate) use kinds::kind;
pub(super) use kinds::{add, interfaces, number_of};
