//! That wasmtime refuses nothing which was accepted: modules at each bound are compiled and instantiated.

use wasmtime::{Linker, Module, Store};

use super::super::accept::scan;
use super::super::bounds;
use super::super::engine::{
    EngineOptions, MAX_MEMORIES, MAX_TABLE_ELEMENTS, MAX_TABLES, engine, test_engine,
    test_engine_of_size,
};
use super::*;

const LIMIT: u64 = 64 << 20;

/// Accepts, compiles and instantiates.
fn instantiate(wat: &str) {
    let accepted = accept(wat.as_bytes(), LIMIT, &[]).unwrap_or_else(|refusal| panic!("{refusal}"));
    let engine = test_engine(EngineOptions::default()).unwrap();
    let module = Module::new(&engine, &accepted.wasm).unwrap();
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&module).unwrap();
    let mut store = Store::new(&engine, ());
    store.set_epoch_deadline(1);
    linker.instantiate(&mut store, &module).unwrap();
}

fn repeat(count: u64, what: &str) -> String {
    format!("{what} ").repeat(usize::try_from(count).unwrap())
}

#[test]
fn compiled_code_is_for_this_engine() {
    let source = b"(module (func (export \"add\") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))";
    let engine = engine(EngineOptions::default()).unwrap();
    let compiled = compile(source, &engine, LIMIT, Form::Plain, &[]).unwrap();
    assert_eq!(compiled.info.tasks.len(), 1);
    assert!(wasmtime::Engine::detect_precompiled(&compiled.code).is_some());
    // Machine code is no source.
    let refusal = compile(&compiled.code, &engine, LIMIT, Form::Plain, &[]).unwrap_err();
    assert!(matches!(refusal, Refusal::NotWasm { .. }), "{refusal:?}");
    assert!(refusal.to_string().contains("precompiled"), "{refusal}");
}

#[test]
fn most_memories_and_tables() {
    let memories = repeat(MAX_MEMORIES.into(), "(memory 1 65536)");
    let table = format!("(table {MAX_TABLE_ELEMENTS} funcref)");
    let tables = repeat(MAX_TABLES.into(), &table);
    instantiate(&format!("(module {memories} {tables})"));
}

#[test]
fn largest_memory() {
    instantiate("(module (memory 65536 65536) (memory 65536))");
}

#[test]
fn most_globals_however_they_are_made_and_used() {
    let count = bounds::MAX_GLOBALS;
    let each = |what: &str| {
        let list = (0..count).map(|i| what.replace('#', &i.to_string()));
        list.collect::<String>()
    };
    let vector = repeat(count, "(global (mut v128) (v128.const i64x2 1 2))");
    instantiate(&format!(
        "(module {vector} (func {}))",
        each("(drop (global.get #))")
    ));
    let computed = repeat(
        count,
        "(global (mut i32) (i32.add (i32.const 1) (i32.const 2)))",
    );
    instantiate(&format!(
        "(module {computed} (func {}))",
        each("(global.set # (i32.const 1))")
    ));
    let references = repeat(count, "(global funcref (ref.func 0))");
    instantiate(&format!("(module (func) {references})"));
}

/// Modules with much of one thing each fit an instance of exactly the size that was computed for them.
#[test]
fn computed_instance_size_is_enough() {
    let import = "(import \"wasmpool\" \"input_len\" (func (result i32)))";
    let list = |count: u64| (0..count).map(|i| format!(" {i}")).collect::<String>();
    for wat in [
        String::new(),
        repeat(bounds::MAX_IMPORTS, import),
        format!(
            "{} (elem declare func{})",
            repeat(1_000, import),
            list(1_000)
        ),
        format!(
            "{} (elem declare func{})",
            repeat(3_000, "(func)"),
            list(3_000)
        ),
        format!("(func $f) (start $f) {}", repeat(3_000, "(func)")),
        repeat(MAX_MEMORIES.into(), "(memory 1)"),
        repeat(MAX_TABLES.into(), "(table 1 funcref)"),
        repeat(5_000, "(global (mut v128) (v128.const i64x2 1 2))"),
        repeat(5_000, "(data \"x\")"),
        format!("(memory 1) {}", repeat(3_000, "(data (i32.const 0) \"x\")")),
        format!(
            "(memory 1) {}",
            repeat(3_000, "(data (i32.const 70000) \"x\")")
        ),
        format!("(func) {}", repeat(5_000, "(elem func 0)")),
        format!(
            "(table 1 funcref) (func) {}",
            repeat(3_000, "(elem (i32.const 0) func 0)")
        ),
    ] {
        let wasm = wat::parse_str(format!("(module {wat})")).unwrap();
        let (_, bytes) = scan(&wasm, &[]).unwrap();
        let engine = test_engine_of_size(usize::try_from(bytes).unwrap()).unwrap();
        if let Err(error) = Module::new(&engine, &wasm) {
            panic!("{error:#}: {wat:.100}");
        }
    }
}

#[test]
fn most_data_segments() {
    let segments = repeat(bounds::MAX_DATA_SEGMENTS, "(data (i32.const 0) \"x\")");
    instantiate(&format!("(module (memory 1) {segments})"));
    let passive = repeat(bounds::MAX_DATA_SEGMENTS, "(data \"x\")");
    instantiate(&format!("(module (memory 1) {passive})"));
    let computed = "(data (i32.add (i32.const 1) (i32.const 2)) \"x\")";
    let computed = repeat(bounds::MAX_CODED_SEGMENTS, computed);
    instantiate(&format!("(module (memory 1) {computed})"));
}

#[test]
fn most_elements() {
    let elements = repeat(bounds::MAX_ELEMENTS, "0");
    instantiate(&format!("(module (func) (elem func {elements}))"));
    instantiate(&format!(
        "(module (table {MAX_TABLE_ELEMENTS} funcref) (func) (elem (i32.const 0) func {elements}))"
    ));
    let segments = repeat(bounds::MAX_ELEMENT_SEGMENTS, "(elem (i32.const 0) func 0)");
    instantiate(&format!("(module (table 1 funcref) (func) {segments})"));
    let computed = "(elem (i32.add (i32.const 0) (i32.const 0)) funcref (ref.func 0))";
    let segments = repeat(bounds::MAX_ELEMENT_SEGMENTS, computed);
    instantiate(&format!("(module (table 1 funcref) (func) {segments})"));
}

#[test]
fn most_types() {
    let types = (0..bounds::MAX_TYPES).fold(String::new(), |mut all, i| {
        let bits = (0..16).map(|bit| if i >> bit & 1 == 0 { "i32 " } else { "i64 " });
        all.push_str(&format!(
            "(type (func (param {})))",
            bits.collect::<String>()
        ));
        all
    });
    instantiate(&format!("(module {types})"));
}

#[test]
fn deepest_nesting_and_largest_tables_compile() {
    let depth = bounds::MAX_NESTING - 1;
    instantiate(&format!(
        "(module (func {} {}))",
        repeat(depth, "block"),
        repeat(depth, "end")
    ));
    let targets = repeat(bounds::MAX_BR_TABLE + 1, "0");
    instantiate(&format!(
        "(module (func (param i32) (br_table {targets} (local.get 0))))"
    ));
    let locals = repeat(bounds::MAX_LOCALS, "(local i64)");
    instantiate(&format!("(module (func {locals}))"));
}

#[test]
fn largest_body_compiles() {
    let step = "(local.set 0 (i32.mul (i32.add (local.get 0) (i32.const 3)) (local.get 1)))";
    let accepted = bounds::MAX_BODY / 10 - 10;
    instantiate(&format!(
        "(module (func (param i32 i32) {}))",
        repeat(accepted, step)
    ));
}
