//! Every place where bytes from outside are read, each as a function of any bytes that asserts what must hold of them.
//!
//! Compiled for tests and for the fuzzer alone. `host/fuzz` has a target for each function and the inputs to begin with,
//! which the tests of this folder run too. An assertion that fails is a finding: its input becomes one of those.

pub mod cache;
pub mod component;
pub mod description;
pub mod json;
pub mod link;
pub mod manager;
pub mod messages;
pub mod module;
pub mod objects;
pub mod snapshot;
pub mod values;

mod script;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod tests;

/// One boundary: its name, which is that of its target and of its folder of seeds, and what to do with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("cache", cache::run),
    ("component", component::run),
    ("description", description::run),
    ("json", json::run),
    ("link", link::run),
    ("manager", manager::run),
    ("messages", messages::run),
    ("module", module::run),
    ("objects", objects::run),
    ("snapshot", snapshot::run),
    ("values", values::run),
];

/// Asserts that a text has nothing in it that a terminal would obey.
#[track_caller]
fn assert_clean(text: &str) {
    let control = |c: char| c.is_control() && c != '\n' && c != '\t';
    assert!(!text.chars().any(control), "not to be printed: {text:?}");
}
