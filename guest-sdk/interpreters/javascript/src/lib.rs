//! QuickJS as a guest: each task is a script with the name of a function in it and its arguments as JSON.
//!
//! It is a guest like any other, and the host trusts it with nothing.
#![deny(unsafe_code)]

mod console;
mod error;
#[expect(
    unsafe_code,
    reason = "a function of libc that Rust's library has no name for"
)]
mod granted;
mod host;
mod machine;
mod random;

use std::cell::RefCell;

use machine::Machine;
use wasmpool_guest::{
    script::{Passing, ScriptError},
    task,
};

thread_local! {
    /// What `start` made: part of a snapshot that is taken after it.
    static MACHINE: RefCell<Option<Machine>> = const { RefCell::new(None) };
}

/// Makes what is the same for all scripts.
#[task]
pub fn start() -> Result<(), ScriptError> {
    MACHINE.with_borrow_mut(|machine| {
        *machine = Some(Machine::new()?);
        Ok(())
    })
}

/// Runs a function of a script. A script that was the last one in this instance too is not evaluated again.
#[task]
pub fn script(
    name: String,
    source: String,
    function: String,
    passing: Passing,
    input: Vec<u8>,
) -> Result<String, ScriptError> {
    MACHINE.with_borrow_mut(|machine| {
        let machine = match machine {
            Some(machine) => machine,
            None => machine.insert(Machine::new()?),
        };
        machine.run(&name, &source, &function, passing, input)
    })
}
