//! The state that an initializer left, as the compiler process reads it.
//!
//! What is accepted fits the module and the limit, means the same when it is written again, and makes a module that is
//! read like any other.

use std::sync::OnceLock;

use super::{assert_clean, script::Script};
use crate::module::{
    accept::accept,
    snapshot::{self, Layout, State},
};

/// What all memories of a state may have together.
const LIMIT: u64 = 1 << 20;

/// The modules whose states are read: globals of each type and two memories, one that does not grow, and nothing at all.
const MODULES: [&str; 3] = [
    r#"(module (memory 1 4) (memory 2 2)
        (global (mut i32) (i32.const 1)) (global i32 (i32.const 5)) (global (mut i64) (i64.const 2))
        (global (mut f32) (f32.const 3)) (global (mut f64) (f64.const 4)) (global (mut v128) (v128.const i64x2 5 6))
        (func (export "t") (result i32) global.get 0))"#,
    r#"(module (memory (export "memory") 1 1) (data (i32.const 8) "data")
        (func (export "t") (result i32) (i32.load (i32.const 8))))"#,
    r#"(module (func (export "t") (result i32) i32.const 7))"#,
];

/// Reads one state.
pub fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let wasm = &modules()[usize::from(script.below(3))];
    let bytes = script.rest();
    let layout = Layout::of(wasm).expect("the module was accepted");
    let state = match State::read(bytes, &layout, LIMIT) {
        Ok(state) => state,
        Err(error) => {
            assert_clean(&error.to_string());
            let refused = snapshot::restore(wasm, bytes, LIMIT).unwrap_err();
            super::module::refused(refused);
            return;
        }
    };
    let written = state.write();
    assert_eq!(State::read(&written, &layout, LIMIT), Ok(state));
    let restored = snapshot::restore(wasm, bytes, LIMIT).expect("it is a state of the module");
    match accept(&restored, 8 << 20, &[]) {
        Ok(accepted) => assert_eq!(accepted.info.tasks.len(), 1),
        // Its data may be too scattered.
        Err(refusal) => super::module::refused(refusal),
    }
    let same = snapshot::restore(wasm, &written, LIMIT).expect("it is the same state");
    assert_eq!(same, restored);
}

fn modules() -> &'static [Vec<u8>; 3] {
    static BINARIES: OnceLock<[Vec<u8>; 3]> = OnceLock::new();
    BINARIES.get_or_init(|| {
        MODULES.map(|wat| {
            let accepted = accept(wat.as_bytes(), 1 << 20, &[]);
            accepted.expect("it is accepted").wasm.into_owned()
        })
    })
}
