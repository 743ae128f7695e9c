//! What is accepted, and by what name everything else is refused.

use std::fmt::Write as _;

use proptest::prelude::*;

use wasmpool_abi::section::{RecordShape, record_len, write_record};
use wasmpool_abi::{Codec, Typed};

use super::super::info::{ModuleKind, Number, TaskExport, TaskShape};
use super::*;

const LIMIT: u64 = 64 << 20;

const SHAPE: RecordShape = RecordShape {
    name: "md5",
    export: "wasmpool.task.md5",
    codec: Codec::Postcard,
    args: &[&<Vec<u8> as Typed>::SCHEMA],
    output: &<String as Typed>::SCHEMA,
    error: None,
};
const MD5: [u8; record_len(&SHAPE)] = write_record(&SHAPE);

fn info(wat: &str) -> ModuleInfo {
    accept(wat.as_bytes(), LIMIT, &[])
        .unwrap_or_else(|refusal| panic!("{refusal}: {wat:.200}"))
        .info
}

fn refusal(wat: &str) -> Refusal {
    match accept(wat.as_bytes(), LIMIT, &[]) {
        Ok(_) => panic!("accepted: {wat:.200}"),
        Err(refusal) => refusal,
    }
}

fn bound(wat: &str) -> (String, u64, u64) {
    match refusal(wat) {
        Refusal::Bound { what, limit, found } => (what, limit, found),
        other => panic!("{other:?}"),
    }
}

fn proposal(wat: &str) -> String {
    match refusal(wat) {
        Refusal::Proposal { name, .. } => name,
        other => panic!("{other:?}"),
    }
}

fn repeat(count: u64, what: impl Fn(u64) -> String) -> String {
    (0..count).fold(String::new(), |mut all, i| {
        all.push_str(&what(i));
        all.push(' ');
        all
    })
}

/// A module with a custom section, as text.
fn with_section(section: &[u8], fields: &str) -> String {
    let mut escaped = String::new();
    for byte in section {
        write!(escaped, "\\{byte:02x}").unwrap();
    }
    format!("(module {fields} (@custom \"wasmpool.tasks\" \"{escaped}\"))")
}

#[test]
fn not_wasm() {
    for (source, says) in [
        (b"".as_slice(), "empty"),
        (b"hello", "parenthesis"),
        (b"\x7fELF\x02\x01\x01", "precompiled"),
        (b"\0as", "parenthesis"),
        (b"(module \xff)", "parenthesis"),
        (b"\xff\xff\xff\xff", "parenthesis"),
    ] {
        let error = accept(source, LIMIT, &[]).unwrap_err();
        assert!(matches!(error, Refusal::NotWasm { .. }), "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn text_errors_say_where() {
    let refusal = refusal("(module\n  (func (export \"f\")\n    i32.cons 1))");
    let Refusal::Text {
        message,
        line,
        column,
    } = &refusal
    else {
        panic!("{refusal:?}");
    };
    assert_eq!((*line, *column), (3, 5), "{message}");
    assert!(!message.contains('\n'));
}

#[test]
fn over_the_size_limit_in_either_form() {
    let text = format!("(module {})", ";; comment\n".repeat(100));
    let too_large = |source: &[u8], limit| match accept(source, limit, &[]) {
        Err(Refusal::TooLarge { limit, size }) => Some((limit, size)),
        _ => None,
    };
    assert_eq!(
        too_large(text.as_bytes(), 100),
        Some((100, text.len() as u64))
    );
    let wasm = accept(b"(module)", LIMIT, &[]).unwrap().wasm.into_owned();
    assert_eq!(wasm.len(), 8);
    assert_eq!(too_large(&wasm, 7), Some((7, 8)));
    assert_eq!(too_large(&wasm, 8), None);
}

#[test]
fn truncated_is_invalid_with_the_place() {
    let source = "(module (func (export \"f\") (result i32) i32.const 1))";
    let wasm = accept(source.as_bytes(), LIMIT, &[])
        .unwrap()
        .wasm
        .into_owned();
    for len in 4..wasm.len() {
        match accept(&wasm[..len], LIMIT, &[]) {
            Err(Refusal::Invalid { offset, .. }) => assert!(offset <= len as u64),
            // Cut between two sections it is a module, of less.
            Ok(accepted) => assert!(accepted.info.tasks.is_empty()),
            Err(other) => panic!("{len}: {other:?}"),
        }
    }
}

#[test]
fn accepted_proposals() {
    info("(module (func (param v128) (result v128) (i8x16.add (local.get 0) (local.get 0))))");
    info(
        "(module (func (param v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))",
    );
    info("(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 9))))");
    info("(module (func (result i32 i32) i32.const 1 i32.const 2))");
    info(
        "(module (table 1 funcref) (func (param funcref) (table.set (i32.const 0) (local.get 0))))",
    );
    info("(module (func $f (return_call $f)))");
    info("(module (memory 1) (memory 1) (func (drop (i32.load 1 (i32.const 0)))))");
    info("(module (global i32 (i32.add (i32.const 1) (i32.const 2))))");
    info("(module (global (export \"g\") (mut i32) (i32.const 1)))");
    info("(module (func (result i32) (i32.extend8_s (i32.const 1))))");
    info("(module (func (result i32) (i32.trunc_sat_f32_s (f32.const 1))))");
}

#[test]
fn refused_proposals_by_name() {
    for (wat, name) in [
        ("(memory 1 1 shared)", "threads"),
        (
            "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))",
            "threads",
        ),
        ("(func atomic.fence)", "threads"),
        ("(type (struct (field i32)))", "gc"),
        ("(type (array i8))", "gc"),
        ("(rec (type (func)) (type (func)))", "gc"),
        (
            "(func (param anyref))",
            "gc (collected references, such as `externref`)",
        ),
        (
            "(func (param externref))",
            "gc (collected references, such as `externref`)",
        ),
        (
            "(table 1 externref)",
            "gc (collected references, such as `externref`)",
        ),
        (
            "(global i32 (i32.const 1)) (global i32 (global.get 0))",
            "gc",
        ),
        ("(tag)", "exception handling"),
        ("(func (try_table))", "exception handling"),
        ("(func (param exnref))", "exception handling"),
        ("(func try catch_all end)", "exception handling (legacy)"),
        ("(memory i64 1)", "memory64"),
        ("(table i64 1 funcref)", "memory64"),
        ("(memory 1 (pagesize 1))", "custom page sizes"),
        ("(type $f (func)) (type (cont $f))", "stack switching"),
        (
            "(type $f (func)) (func (param (ref null $f)))",
            "typed function references",
        ),
        (
            "(type $f (func)) (func (param (ref func)))",
            "typed function references",
        ),
        (
            "(func (drop (drop (i64.add128 (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)))))",
            "wide arithmetic",
        ),
        (
            "(memory 1) (func (memory.discard (i32.const 0) (i32.const 0)))",
            "memory control",
        ),
        (
            "(global (shared i32) (i32.const 0))",
            "shared-everything threads",
        ),
    ] {
        assert_eq!(proposal(&format!("(module {wat})")), name, "{wat}");
    }
    assert_eq!(proposal("(component)"), "component model");
}

#[test]
fn plainly_invalid_is_not_called_a_proposal() {
    for wat in [
        "(func (result i32))",
        "(func (drop (i32.load (i32.const 0))))",
        "(memory 65537)",
        "(func) (export \"a\" (func 0)) (export \"a\" (func 0))",
    ] {
        let refusal = refusal(&format!("(module {wat})"));
        assert!(
            matches!(refusal, Refusal::Invalid { .. }),
            "{wat}: {refusal:?}"
        );
    }
}

#[test]
fn bounds_of_counts() {
    let many =
        |count: u64, field: &str| format!("(module {})", repeat(count, |_| field.to_owned()));
    for (field, what, limit) in [
        ("(memory 1)", "memories", u64::from(MAX_MEMORIES)),
        ("(table 1 funcref)", "tables", u64::from(MAX_TABLES)),
        ("(func)", "functions", bounds::MAX_FUNCTIONS),
        ("(type (func))", "function types", bounds::MAX_TYPES),
        (
            "(import \"wasmpool\" \"input_len\" (func (result i32)))",
            "imports",
            bounds::MAX_IMPORTS,
        ),
        ("(global i32 (i32.const 0))", "globals", bounds::MAX_GLOBALS),
        ("(data \"\")", "data segments", bounds::MAX_DATA_SEGMENTS),
        (
            "(elem func)",
            "element segments",
            bounds::MAX_ELEMENT_SEGMENTS,
        ),
    ] {
        info(&many(limit, field));
        assert_eq!(
            bound(&many(limit + 1, field)),
            (what.to_owned(), limit, limit + 1)
        );
    }
    let exports = |count| {
        let exports = repeat(count, |i| format!("(export \"{i:x}\" (table 0))"));
        format!("(module (table 1 funcref) {exports})")
    };
    info(&exports(bounds::MAX_EXPORTS));
    assert_eq!(bound(&exports(bounds::MAX_EXPORTS + 1)).0, "exports");
}

#[test]
fn functions_count_with_imported_ones() {
    let import = "(import \"wasmpool\" \"input_len\" (func (result i32)))";
    let functions = repeat(bounds::MAX_FUNCTIONS, |_| "(func)".to_owned());
    assert_eq!(
        bound(&format!("(module {import} {functions})")).0,
        "functions"
    );
}

#[test]
fn bounds_of_tables_and_elements() {
    let table = |size: usize| format!("(module (table {size} funcref))");
    assert_eq!(info(&table(MAX_TABLE_ELEMENTS)).tables, [(100_000, None)]);
    assert_eq!(
        bound(&table(MAX_TABLE_ELEMENTS + 1)).0,
        "elements in a table from the start"
    );
    let elements = |count| {
        let list = repeat(count, |_| "0".to_owned());
        format!("(module (func) (elem func {list}) (elem func {list}))")
    };
    info(&elements(bounds::MAX_ELEMENTS / 2));
    assert_eq!(
        bound(&elements(bounds::MAX_ELEMENTS / 2 + 1)).0,
        "elements in all element segments"
    );
}

#[test]
fn bounds_of_one_function() {
    let function = |code: &str| format!("(module (func {code}))");
    // A body is one byte of locals, one of `end`, and the instructions.
    let nops = |count: u64| function(&repeat(count, |_| "nop".to_owned()));
    info(&nops(bounds::MAX_BODY - 2));
    assert_eq!(
        bound(&nops(bounds::MAX_BODY - 1)),
        (
            "bytes of code in function 0".to_owned(),
            bounds::MAX_BODY,
            bounds::MAX_BODY + 1
        )
    );
    let nested = |depth: u64| {
        function(&(repeat(depth, |_| "block".into()) + &repeat(depth, |_| "end".into())))
    };
    info(&nested(bounds::MAX_NESTING - 1));
    assert_eq!(
        bound(&nested(bounds::MAX_NESTING)).0,
        "blocks within blocks in function 0"
    );
    let targets = |count: u64| {
        format!(
            "(br_table {} (i32.const 0))",
            repeat(count + 1, |_| "0".into())
        )
    };
    info(&function(&targets(bounds::MAX_BR_TABLE)));
    assert_eq!(
        bound(&function(&targets(bounds::MAX_BR_TABLE + 1))).0,
        "targets of one `br_table` in function 0"
    );
    let tables = targets(50_000).repeat(11);
    assert_eq!(
        bound(&function(&tables)).0,
        "targets of all `br_table`s in function 0"
    );
    let locals = |count: u64| function(&repeat(count, |_| "(local i32)".into()));
    info(&locals(bounds::MAX_LOCALS));
    assert_eq!(
        bound(&locals(bounds::MAX_LOCALS + 1)).0,
        "locals in function 0"
    );
}

#[test]
fn bound_of_the_instance() {
    let module = |functions: u64, segments| {
        let all = repeat(functions, |i| i.to_string());
        let functions = repeat(functions, |_| "(func)".into());
        let segments = repeat(segments, |_| "(data \"\")".into());
        format!("(module {functions} (elem func {all}) {segments})")
    };
    info(&module(bounds::MAX_FUNCTIONS, 50_000));
    let (what, limit, found) = bound(&module(bounds::MAX_FUNCTIONS, 70_000));
    assert!(what.contains("function references"), "{what}");
    assert_eq!(limit, MAX_INSTANCE_SIZE as u64);
    assert!(found > 100_000 * 32 + 70_000 * 16);
}

#[test]
fn bound_of_data_segments_that_become_code() {
    let module = |count, pages, segment: &str, last: &str| {
        let segments = repeat(count, |_| segment.to_owned());
        format!("(module (memory {pages}) {segments} {last})")
    };
    let what = "data segments that cannot be laid out while compiling";
    let many = bounds::MAX_CODED_SEGMENTS;
    let near = "(data (i32.const 8) \"x\")";
    for (segment, last) in [
        ("(data (i32.add (i32.const 1) (i32.const 2)) \"x\")", ""),
        (near, "(data (i32.const 100000000) \"x\")"),
        (near, "(data (i32.const 200000000) \"x\")"),
    ] {
        info(&module(many - 1, 2000, segment, last));
        assert_eq!(bound(&module(many + 1, 2000, segment, last)).0, what);
    }
    // Close together, or far apart and dense.
    info(&module(
        2 * many,
        2000,
        near,
        "(data (i32.const 16000000) \"x\")",
    ));
    let dense = format!("(data (i32.const 4000000) \"{}\")", "x".repeat(13_000_000));
    info(&module(2 * many, 2000, near, &dense));
}

#[test]
fn bound_of_the_description() {
    let long = "x".repeat(50_000);
    let exports = repeat(50, |i| format!("(func (export \"{i}{long}\"))"));
    assert_eq!(
        bound(&format!("(module {exports})")).0,
        "bytes for the description of tasks and imports"
    );
}

#[test]
fn unknown_imports_are_refused_whatever_their_kind() {
    for (wat, found) in [
        ("(import \"env\" \"f\" (func (param i32)))", "(i32) -> ()"),
        ("(import \"env\" \"memory\" (memory 1))", "a memory"),
        ("(import \"env\" \"table\" (table 1 funcref))", "a table"),
        ("(import \"env\" \"g\" (global i32))", "a global"),
        (
            "(import \"wasmpool\" \"input_len\" (global i32))",
            "a global",
        ),
        (
            "(import \"wasmpool\" \"input_len\" (func (result i64)))",
            "() -> i64",
        ),
    ] {
        match refusal(&format!("(module {wat})")) {
            Refusal::UnknownImport { found: ty, .. } => assert_eq!(ty, found, "{wat}"),
            other => panic!("{other:?}"),
        }
    }
}

fn abi(name: &str) -> TaskExport {
    TaskExport {
        name: name.to_owned(),
        export: name.to_owned(),
        shape: TaskShape::Abi,
    }
}

#[test]
fn kind_numbers() {
    let info = info(
        "(module (func (export \"add\") (param i32 f64) (result i64) i64.const 0)
                 (func (export \"pair\") (result f32 i32) f32.const 0 i32.const 0)
                 (func (export \"vector\") (param v128))
                 (func (export \"reference\") (result funcref) ref.null func)
                 (func (export \"nothing\"))
                 (func (export \"_initialize\"))
                 (memory (export \"memory\") 2 3))",
    );
    assert_eq!(info.kind, ModuleKind::Numbers);
    assert!(info.initialize);
    assert_eq!(info.memories, [(128 << 10, Some(192 << 10))]);
    let numbers = |name: &str, params: &[Number], results: &[Number]| TaskExport {
        name: name.to_owned(),
        export: name.to_owned(),
        shape: TaskShape::Numbers {
            params: params.to_vec(),
            results: results.to_vec(),
        },
    };
    assert_eq!(
        info.tasks,
        [
            numbers("add", &[Number::I32, Number::F64], &[Number::I64]),
            numbers("pair", &[], &[Number::F32, Number::I32]),
            numbers("nothing", &[], &[]),
        ]
    );
}

#[test]
fn kind_raw() {
    let info = info(
        "(module (import \"wasmpool\" \"input_len\" (func (result i32)))
                 (func (export \"b\") (result i32) i32.const 0)
                 (func (export \"helper\") (param i32) (result i32) i32.const 0)
                 (func (export \"a\") (result i32) i32.const 0))",
    );
    assert_eq!(info.kind, ModuleKind::Raw);
    assert_eq!(info.tasks, [abi("b"), abi("a")]);
    let import = ("wasmpool", "input_len", "() -> i32");
    assert_eq!(
        info.imports,
        [(import.0.into(), import.1.into(), import.2.into())]
    );
    assert!(!info.initialize);
}

#[test]
fn names_with_control_characters_are_no_tasks() {
    let info =
        info("(module (func (export \"\\1b[2J\")) (func (export \"\")) (func (export \"ok\")))");
    let names: Vec<_> = info.tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(names, ["ok"]);
    let import = "(module (import \"\\1b[2J\" \"f\" (func)))";
    assert!(!refusal(import).cleaned().to_string().contains('\x1b'));
}

fn section_message(section: &[u8], fields: &str) -> String {
    match refusal(&with_section(section, fields)) {
        Refusal::Section { message } => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn kind_declared() {
    let export = "(func (export \"wasmpool.task.md5\") (result i32) i32.const 0)";
    let declared = info(&with_section(
        &MD5,
        &format!("{export} (func (export \"_start\"))"),
    ));
    assert_eq!(declared.kind, ModuleKind::Declared);
    let task = TaskExport {
        export: "wasmpool.task.md5".to_owned(),
        ..abi("md5")
    };
    assert_eq!(declared.tasks, [task]);
    assert_eq!(declared.task_section, MD5);
    assert_eq!(
        section_message(&MD5, ""),
        "the task `md5` names the export `wasmpool.task.md5`, and no function is exported by that name"
    );
    assert_eq!(
        section_message(&MD5, "(func (export \"wasmpool.task.md5\"))"),
        "the export `wasmpool.task.md5` of the task `md5` has the type () -> (), where a task is () -> i32"
    );
    assert!(section_message(&[MD5, MD5].concat(), export).contains("md5"));
    assert!(section_message(b"garbage", export).contains("record"));
    let mut version = MD5;
    version[4] = 9;
    assert!(section_message(&version, export).contains("version 9"));
}

#[test]
fn kind_command() {
    let start = TaskExport {
        shape: TaskShape::Command,
        ..abi("_start")
    };
    let wasi = info(
        "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func (param i32)))
                 (func (export \"_start\")) (func (export \"other\") (result i32) i32.const 0))",
    );
    assert_eq!(wasi.kind, ModuleKind::Command);
    assert_eq!(wasi.tasks, [start]);
    let other_type = info("(module (func (export \"_start\") (param i32)))");
    assert_eq!(other_type.kind, ModuleKind::Numbers);
}

#[test]
fn data_end_is_computed_from_constants() {
    let end = |fields: &str| info(&format!("(module (memory 1) {fields})")).data_end;
    assert_eq!(end(""), 0);
    assert_eq!(end("(data \"passive\")"), 0);
    assert_eq!(
        end("(data (i32.const 100) \"abc\") (data (i32.const 10) \"abc\")"),
        103
    );
    assert_eq!(
        end("(data (i32.add (i32.const 50) (i32.const 7)) \"abc\")"),
        60
    );
    assert_eq!(
        end("(data (i32.sub (i32.const 9) (i32.mul (i32.const 2) (i32.const 3))) \"a\")"),
        4
    );
    assert_eq!(end("(data (i32.const -1) \"ab\")"), (1 << 32) + 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = accept(&bytes, LIMIT, &[]);
        let _ = accept(&[b"\0asm\x01\0\0\0".as_slice(), &bytes].concat(), LIMIT, &[]);
    }

    #[test]
    fn arbitrary_text_never_panics(text in "[()a-z0-9 \"$.;]{0,200}") {
        let _ = accept(format!("(module {text})").as_bytes(), LIMIT, &[]);
        let _ = accept(text.as_bytes(), LIMIT, &[]);
    }

    #[test]
    fn changed_modules_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut wasm = RICH.to_vec();
        for (place, byte) in changes {
            wasm[place.index(RICH.len())] = byte;
        }
        let _ = accept(&wasm, LIMIT, &[]);
        let _ = accept(&wasm[..cut.index(RICH.len())], LIMIT, &[]);
    }
}

/// A module with every section.
static RICH: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
    let wat = "(module (type (func (result i32)))
        (import \"wasmpool\" \"input_len\" (func (type 0)))
        (import \"wasi_snapshot_preview1\" \"fd_close\" (func (param i32) (result i32)))
        (table 3 funcref) (memory (export \"memory\") 1 2)
        (global i32 (i32.const 50)) (global (mut i64) (i64.const 1))
        (func (export \"a\") (type 0) (block (br_table 0 0 0 (i32.const 1))) (i32.load (i32.const 8)))
        (func (export \"b\") (result i32) (call_indirect (type 0) (i32.const 0)))
        (func $start) (start $start)
        (elem (i32.const 0) func 0 1 2) (elem funcref (ref.func 2) (ref.null func))
        (data (i32.const 100) \"abc\") (data \"passive\"))";
    accept(wat.as_bytes(), LIMIT, &[])
        .unwrap()
        .wasm
        .into_owned()
});
