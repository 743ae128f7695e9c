//! The inputs that each target begins with, made of real values: what an honest sender sends, and scripts of it.

use serde::Serialize;
use wasmpool_abi::{
    Codec, Schema,
    section::{RecordShape, record_len, type_bytes, write_record},
    to_vec,
};

use crate::{
    CommandInput, CommandOutput, Refusal, Typed,
    jail::wall::{Tried, Wall, WallSet},
    module::{
        accept::accept,
        snapshot::{GlobalValue, write_globals, write_memory},
    },
    supervisor::protocol::{Exit, ZygoteReply},
    wire::{
        completion::Completion,
        message::{Callee, CompileReply, Notice, Response},
    },
};

/// A name and the bytes.
type Seed = (&'static str, Vec<u8>);

/// Those of one target.
pub(super) fn of(target: &str) -> Vec<Seed> {
    match target {
        "cache" => cache(),
        "component" => component(),
        "description" => description(),
        "json" => json(),
        "link" => link(),
        "manager" => manager(),
        "messages" => messages(),
        "module" => module(),
        "objects" => objects(),
        "snapshot" => snapshot(),
        "values" => values(),
        other => panic!("there is no target {other}"),
    }
}

fn postcard(value: &impl Serialize) -> Vec<u8> {
    ::postcard::to_allocvec(value).unwrap()
}

/// Bytes after a number.
fn after(number: u8, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    [&[number], bytes.as_ref()].concat()
}

/// A piece with its length in two bytes, as a script has it.
fn long_piece(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).unwrap();
    [&len.to_le_bytes(), bytes].concat()
}

/// One with its length in one byte.
fn piece(bytes: &[u8]) -> Vec<u8> {
    after(u8::try_from(bytes.len()).unwrap(), bytes)
}

#[derive(Typed, Serialize, serde::Deserialize, Clone)]
struct Point {
    x: f64,
    name: Option<String>,
    next: Option<Box<Point>>,
}

#[derive(Typed, Serialize, serde::Deserialize, Clone)]
enum Figure {
    Empty,
    Dot(Point),
    Box(f32, u8),
    Both(Vec<Figure>),
}

const SHAPES: [RecordShape; 3] = [
    RecordShape {
        name: "md5",
        export: "wasmpool.task.md5",
        codec: Codec::Postcard,
        args: &[&<Vec<u8> as Typed>::SCHEMA],
        output: &<String as Typed>::SCHEMA,
        error: None,
    },
    RecordShape {
        name: "draw",
        export: "wasmpool.task.draw",
        codec: Codec::Json,
        args: &[&<Figure as Typed>::SCHEMA, &<u8 as Typed>::SCHEMA],
        output: &<std::collections::BTreeMap<char, i128> as Typed>::SCHEMA,
        error: Some(&<Point as Typed>::SCHEMA),
    },
    RecordShape {
        name: "lock",
        export: "lock",
        codec: Codec::Raw,
        args: &[&Schema::Handle(3, &Schema::Unit)],
        output: &Schema::Unit,
        error: None,
    },
];
const RECORDS: [&[u8]; 3] = [
    &write_record::<{ record_len(&SHAPES[0]) }>(&SHAPES[0]),
    &write_record::<{ record_len(&SHAPES[1]) }>(&SHAPES[1]),
    &write_record::<{ record_len(&SHAPES[2]) }>(&SHAPES[2]),
];

/// Modules of every kind.
fn texts() -> Vec<(&'static str, String)> {
    let escaped: String = RECORDS[0]
        .iter()
        .map(|byte| format!("\\{byte:02x}"))
        .collect();
    let declared = format!(
        "(module (func (export \"wasmpool.task.md5\") (result i32) i32.const 0) (@custom \"wasmpool.tasks\" \"{escaped}\"))"
    );
    let plain = [
        (
            "raw",
            r#"(module (import "wasmpool" "input_len" (func (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
            (memory (export "memory") 1 4) (data (i32.const 16) "hello") (func (export "t") (result i32) call 0))"#,
        ),
        (
            "numbers",
            r#"(module (import "env" "plus" (func $plus (param i32 i32) (result i32)))
            (func (export "add") (param i32 i32) (result i32) (call $plus (local.get 0) (local.get 1)))
            (func (export "half") (param f64) (result f64 f32) local.get 0 f32.const 0.5))"#,
        ),
        (
            "command",
            r#"(module (memory 1) (func (export "_start") (nop)) (func (export "_initialize")))"#,
        ),
        (
            "parts",
            r#"(module (table 3 10 funcref) (global (mut i64) (i64.const 5)) (memory 1) (memory 2 2)
            (elem (i32.const 0) $f) (elem declare func $f) (start $s) (func $s)
            (func $f (export "f") (param i32) (result i32)
                (block (block (br_table 0 1 0 (local.get 0)))) (i32.const 1) (loop (br_if 0 (i32.const 0))))
            (func (v128.const i64x2 1 2) drop (memory.fill (i32.const 0) (i32.const 0) (i32.const 9))
                (return_call $s)))"#,
        ),
        (
            "unknown",
            r#"(module (import "env" "no\1bsuch" (func)) (export "a" (func 0)) (export "a" (func 0)))"#,
        ),
        ("threads", "(module (memory 1 1 shared))"),
    ];
    plain
        .into_iter()
        .map(|(name, text)| (name, text.to_owned()))
        .chain([("declared", declared)])
        .collect()
}

fn binary(text: &str) -> Option<Vec<u8>> {
    let plus = crate::module::imports::HostImport {
        module: "env".into(),
        name: "plus".into(),
        params: vec![crate::module::info::Number::I32; 2],
        results: vec![crate::module::info::Number::I32],
    };
    let accepted = accept(text.as_bytes(), 1 << 20, &[plus]).ok()?;
    Some(accepted.wasm.into_owned())
}

fn module() -> Vec<Seed> {
    let names = [
        "raw.wasm",
        "numbers.wasm",
        "command.wasm",
        "parts.wasm",
        "unknown.wasm",
        "threads.wasm",
        "declared.wasm",
    ];
    let mut seeds = Vec::new();
    for ((name, text), binary_name) in texts().into_iter().zip(names) {
        seeds.extend(binary(&text).map(|wasm| (binary_name, wasm)));
        seeds.push((name, text.into_bytes()));
    }
    seeds
}

/// A component with one core function for everything that is lifted, and what is declared before it.
fn lifted(types: &str, signature: &str) -> String {
    format!(
        r#"(component {types}
            (core module $m
                (memory (export "m") 1)
                (func (export "r") (param i32 i32 i32 i32) (result i32) unreachable)
                (func (export "f") (param i32) (result i32) local.get 0))
            (core instance $i (instantiate $m))
            (alias core export $i "m" (core memory $m))
            (alias core export $i "r" (core func $r))
            (func (export "take-it") {signature}
                (canon lift (core func $i "f") (memory $m) (realloc $r))))"#
    )
}

/// Components of every kind, each with bytes or JSON for its function.
fn component() -> Vec<Seed> {
    // Sixteen values take more parameters than there may be: they go through memory, and so does what comes back.
    let all = r#"
        (type $color' (enum "red" "dark-green")) (export $color "color" (type $color'))
        (type $flags' (flags "read" "write-all")) (export $flags "rights" (type $flags'))
        (type $point' (record (field "x-pos" s32) (field "y-pos" float64))) (export $point "point" (type $point'))
        (type $shape' (variant (case "empty") (case "round" float32) (case "many" (list $point))))
        (export $shape "shape" (type $shape'))
        (type $all' (record (field "color" $color) (field "rights" $flags) (field "shape" $shape)
            (field "maybe" (option (option u8))) (field "outcome" (result (list string) (error $color)))
            (field "pair" (tuple char bool)) (field "numbers" (tuple s8 u16 u32 s64 u64))
            (field "bytes" (list u8)) (field "words" (list string))))
        (export $all "all" (type $all'))"#;
    let same = r#"(param "it" $all) (result $all)"#;
    let json = r#"{"color":"DarkGreen","rights":{"read":true,"write_all":false},"shape":{"Many":[{"x_pos":-1,"y_pos":0.5}]},
        "maybe":{"some":7},"outcome":{"Ok":["a"]},"pair":["x",true],"numbers":[-1,2,3,-4,5],"bytes":[1,2],"words":["a","b"]}"#;
    let bytes = [
        &[1, 1, 0, 2, 1, 1][..],
        &0.5_f64.to_le_bytes(),
        &[1, 1, 7, 0, 1, 1, b'a', 1, b'x', 1],
        &[255, 2, 3, 7, 5, 2, 1, 2, 1, 1, b'b'],
    ]
    .concat();
    let objects = r#"(import "wasmpool:pool/locks@0.1.0" (instance $locks (export "lock" (type (sub resource)))))
        (alias export $locks "lock" (type $lock))"#;
    let program =
        r#"(import "a:b/program" (instance (export "plus" (func (param "a" u32) (result u32)))))"#;
    let instance = r#"(component
        (core module $m (func (export "f") (result i32) i32.const 0))
        (core instance $i (instantiate $m))
        (func $run (result (result)) (canon lift (core func $i "f")))
        (instance $it (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $it)))"#;
    let with = |component: &[u8], rest: &[u8]| [long_piece(component), rest.to_vec()].concat();
    let one = r#"(param "a" u32) (result u32)"#;
    let resource = r#"(type $r' (resource (rep i32))) (export $r "thing" (type $r'))"#;
    let accepted = [
        (
            "every-type",
            "every-type.wasm",
            lifted(all, same),
            &bytes[..],
        ),
        (
            "of-json",
            "of-json.wasm",
            lifted(all, same),
            json.as_bytes(),
        ),
        (
            "objects",
            "objects.wasm",
            lifted(objects, r#"(param "l" (borrow $lock)) (result u32)"#),
            &[0][..],
        ),
        (
            "program",
            "program.wasm",
            lifted(program, one),
            &[200, 1][..],
        ),
        ("one", "one.wasm", lifted("", one), &b"7"[..]),
        ("command", "command.wasm", instance.to_owned(), &b"null"[..]),
    ];
    let refused = [
        (
            "resource",
            lifted(resource, r#"(param "it" (own $r)) (result u32)"#),
        ),
        ("stream", "(component (type $s (stream u8)))".to_owned()),
        (
            "unknown",
            r#"(component (import "wasi:http/types@0.2.0" (instance (export "none" (func)))))"#
                .to_owned(),
        ),
        (
            "memories",
            format!("(component {})", "(core module (memory 1))".repeat(41)),
        ),
    ];
    let mut seeds: Vec<Seed> = refused
        .into_iter()
        .map(|(name, text)| (name, with(text.as_bytes(), &[])))
        .collect();
    for (name, binary_name, text, rest) in accepted {
        let binary = wat::parse_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        seeds.push((name, with(text.as_bytes(), rest)));
        seeds.push((binary_name, with(&binary, rest)));
    }
    seeds
}

fn description() -> Vec<Seed> {
    let mut seeds = vec![
        ("section", after(1, RECORDS.concat())),
        ("section-of-one", after(1, RECORDS[0])),
    ];
    let names = ["raw", "numbers", "command", "parts", "declared"];
    for (name, text) in texts() {
        let Some(name) = names.into_iter().find(|it| *it == name) else {
            continue;
        };
        let wasm = binary(&text).unwrap();
        let plus = crate::module::imports::HostImport {
            module: "env".into(),
            name: "plus".into(),
            params: vec![crate::module::info::Number::I32; 2],
            results: vec![crate::module::info::Number::I32],
        };
        let info = accept(&wasm, 1 << 20, &[plus]).unwrap().info;
        seeds.push((name, after(0, postcard(&info))));
    }
    let value = to_vec::<Figure, _>(&figure()).unwrap();
    let ty = long_piece(&type_bytes(&<Figure as Typed>::SCHEMA));
    seeds.push(("type", after(2, [ty, value].concat())));
    seeds
}

fn point() -> Point {
    Point {
        x: 0.1,
        name: Some("A".into()),
        next: Some(Box::new(Point {
            x: f64::NAN,
            name: None,
            next: None,
        })),
    }
}

fn figure() -> Figure {
    Figure::Both(vec![
        Figure::Empty,
        Figure::Dot(point()),
        Figure::Box(0.1, 7),
    ])
}

fn json() -> Vec<Seed> {
    let with = |way: u8, schema: &Schema, rest: &[u8]| {
        after(way, [&long_piece(&type_bytes(schema))[..], rest].concat())
    };
    let figure_bytes = to_vec::<Figure, _>(&figure()).unwrap();
    let map = &<std::collections::BTreeMap<String, Option<Option<u128>>> as Typed>::SCHEMA;
    let list = Schema::Enum(
        "List",
        &[
            ("End", &Schema::Seq(&Schema::U8)),
            ("Next", &Schema::Rec("List")),
        ],
    );
    let deep = |next: usize| [&vec![1; next][..], &[0, 1, 7]].concat();
    let bytes = to_vec::<Vec<u8>, _>(b"bytes".as_slice()).unwrap();
    vec![
        (
            "figure-to-bytes",
            with(
                0,
                &Figure::SCHEMA,
                br#"{"Both":["Empty",{"Dot":{"x":"NaN","next":{"x":1e300}}},{"Box":[0.1,255]}]}"#,
            ),
        ),
        (
            "map-to-bytes",
            with(
                0,
                map,
                br#"{"a":{"some":"340282366920938463463374607431768211455"},"b":null}"#,
            ),
        ),
        (
            "pairs-to-bytes",
            with(
                0,
                &<std::collections::BTreeMap<(u8, char), bool> as Typed>::SCHEMA,
                b"[[[1,\"x\"],true]]",
            ),
        ),
        (
            "base64-to-bytes",
            with(0, &<Vec<u8> as Typed>::SCHEMA, br#"{"base64":"AAEC"}"#),
        ),
        ("figure-from-bytes", with(1, &Figure::SCHEMA, &figure_bytes)),
        (
            "bytes-from-bytes",
            with(1, &<Vec<u8> as Typed>::SCHEMA, &bytes),
        ),
        ("deep-from-bytes", with(1, &list, &deep(126))),
        ("too-deep-from-bytes", with(1, &list, &deep(127))),
        (
            "control-characters-in-a-key",
            with(1, map, b"\x01\x03a\xc2\x9b\x02"),
        ),
        (
            "units-from-bytes",
            with(1, &<Vec<()> as Typed>::SCHEMA, &[200, 1]),
        ),
        (
            "task",
            with(
                2,
                &Figure::SCHEMA,
                &[
                    &[1, 1, 1, 1, 0][..],
                    &long_piece(b"\"Empty\""),
                    &figure_bytes,
                ]
                .concat(),
            ),
        ),
        (
            "task-of-json",
            with(
                2,
                &Schema::Unit,
                &[&[0, 1, 0, 1][..], &long_piece(b"[1]"), b"[1,\n2]"].concat(),
            ),
        ),
    ]
}

/// A step of the link's script that says a response for the task that is due.
fn say(kind: u8, payload: u8, rest: &[u8]) -> Vec<u8> {
    [&[0, 0, kind, payload][..], rest].concat()
}

fn link() -> Vec<Seed> {
    const BELL_AND_READ: [u8; 2] = [11, 12];
    let setup = |flags: u8, items: u8| vec![flags, items];
    let honest = [
        setup(0, 5),
        // Three items of the first batch, and a read.
        vec![9, 0],
        say(8, 0, &[1, 2]),
        say(9, 0, &[3, 2, b'h', b'i']),
        say(4, 9, &[]),
        say(3, 9, &[]),
        say(0, 5, &[]),
        BELL_AND_READ.to_vec(),
        vec![16, 3],
        say(0, 1, &[]),
        say(6, 0, &[3, 9]),
        BELL_AND_READ.to_vec(),
    ];
    let asks = [
        setup(0, 2),
        vec![16, 3, 9, 0],
        // A dictionary gets a key.
        say(15, 0, &[0, 0, 18, 6, 2, 1, 5, 2, 1, b'v']),
        BELL_AND_READ.to_vec(),
        // A function is called, and answers later.
        say(12, 0, &[1, 2]),
        say(15, 0, &[4, 2, b'h', b'i']),
        BELL_AND_READ.to_vec(),
        vec![17, 18],
        say(0, 5, &[]),
        BELL_AND_READ.to_vec(),
    ];
    let revoked = [
        setup(1, 10),
        vec![16, 7, 9, 0, 14, 2, 15],
        say(0, 1, &[]),
        say(10, 0, &[]),
        BELL_AND_READ.to_vec(),
        vec![16, 7],
        say(0, 1, &[]),
        BELL_AND_READ.to_vec(),
        vec![14, 3],
        say(6, 0, &[1]),
        BELL_AND_READ.to_vec(),
    ];
    let dies = [
        setup(2, 9),
        vec![16, 7, 9, 0, 10, 4, b'o', b'o', b'p', 0x1b],
        // A record that is torn, and the next worker.
        vec![6, 3, 0, 1, 2, 3],
        BELL_AND_READ.to_vec(),
        vec![1, 1, 16, 7, 9, 0],
        say(0, 7, &[]),
        BELL_AND_READ.to_vec(),
        vec![8, 5, 255, 9, 9, 9, 9, 9, 9, 9, 9],
    ];
    let record = postcard(&Response::Call {
        callee: Callee::Object { grant: 0, op: 0 },
        args: b"",
    });
    let raw = [
        setup(8, 3),
        vec![5, 0],
        piece(&record),
        BELL_AND_READ.to_vec(),
        vec![5, 0],
        piece(&postcard(&Response::Failed(Completion::Stopped))),
        vec![7],
        piece(&postcard(&Notice::Doorbell)),
        vec![12],
    ];
    let long = [
        setup(16, 5),
        vec![16, 7, 9, 0],
        say(0, 1, &[]),
        BELL_AND_READ.to_vec(),
        vec![16, 7, 19, 1, 13],
    ];
    vec![
        ("honest", honest.concat()),
        ("asks", asks.concat()),
        ("revoked", revoked.concat()),
        ("dies", dies.concat()),
        ("raw", raw.concat()),
        ("long", long.concat()),
    ]
}

fn manager() -> Vec<Seed> {
    let text = |text: &str| after(6, piece(text.as_bytes()));
    let dict = [
        vec![0],
        // Set, get, pages, a sum that is none, and a clear.
        vec![16 + 6, 2, 3, 1, 5],
        text("a value"),
        vec![0, 16 + 10, 1, 3, 1, 5, 0, 16 + 4, 2, 1, 0, 2, 2, 0, 4, 0, 0],
    ];
    let sums = [
        vec![1, 16 + 6, 2],
        text("key"),
        vec![5, 100, 0, 0, 16 + 6, 2],
        text("key"),
        vec![5, 255, 127, 1],
    ];
    let list = [
        vec![2, 16 + 4, 1, 3, 2, 200, 1, 0, 16 + 8, 2, 1, 0, 3, 1, 7, 1],
        vec![16 + 2, 3, 2, 2, 3, 1, 7, 3, 1, 8, 1],
    ];
    let namespace = [vec![
        4,
        16 + 4,
        3,
        0,
        2,
        1,
        b'n',
        4,
        5,
        1,
        0,
        0,
        16 + 6,
        1,
        0,
        2,
        1,
        b'n',
        1,
    ]];
    vec![
        ("dict", dict.concat()),
        ("sums", sums.concat()),
        ("list", list.concat()),
        ("namespace", namespace.concat()),
    ]
}

fn messages() -> Vec<Seed> {
    let mut set = WallSet::default();
    set.insert(Wall::Landlock);
    let refusal = |refusal| after(1, postcard(&CompileReply::Refused(refusal)));
    vec![
        ("ready", after(0, postcard(&Notice::Ready(set)))),
        ("unable", after(0, postcard(&Notice::Unable("no".into())))),
        ("doorbell", after(0, postcard(&Notice::Doorbell))),
        ("done", after(1, postcard(&CompileReply::Done))),
        (
            "gave_up",
            after(1, postcard(&CompileReply::Unable("no".into()))),
        ),
        (
            "invalid",
            refusal(Refusal::Invalid {
                message: "unexpected end".into(),
                offset: 8,
            }),
        ),
        (
            "unknown",
            refusal(Refusal::UnknownImport {
                module: "env".into(),
                name: "f".into(),
                found: "() -> ()".into(),
                expected: Some("(i32) -> ()".into()),
                nearest: vec!["g".into()],
            }),
        ),
        (
            "bound",
            refusal(Refusal::Bound {
                what: "globals".into(),
                limit: 1,
                found: 2,
            }),
        ),
        (
            "walls",
            after(
                2,
                postcard(&ZygoteReply::Ready {
                    walls: vec![
                        Tried {
                            wall: Wall::Namespaces,
                            missing: Some("not permitted".into()),
                        },
                        Tried {
                            wall: Wall::LastFilter,
                            missing: None,
                        },
                    ],
                }),
            ),
        ),
        (
            "exited",
            after(
                2,
                postcard(&ZygoteReply::Exited {
                    process: 7,
                    exit: Exit::Signal(9),
                }),
            ),
        ),
        (
            "fork-failed",
            after(
                2,
                postcard(&ZygoteReply::ForkFailed {
                    process: 7,
                    error: "no memory".into(),
                }),
            ),
        ),
    ]
}

fn cache() -> Vec<Seed> {
    let good = super::cache::good_entry();
    vec![
        ("same", vec![2]),
        // Magic and lengths. The code of authentication that follows is another for each engine and processor.
        ("head", after(0, &good[..24])),
        ("secret", after(1, [7; 32])),
        ("other-secret", after(1, [8; 32])),
        ("bit", vec![2, 60, 0, 1]),
        ("cut", vec![3, 70, 0, 0, 0]),
        ("longer", vec![2, 255, 255, 1, 9]),
    ]
}

fn snapshot() -> Vec<Seed> {
    let globals = [
        (0, GlobalValue::I32(7)),
        (2, GlobalValue::I64(8)),
        (3, GlobalValue::F32(9)),
        (4, GlobalValue::F64(10)),
        (5, GlobalValue::V128(11)),
    ];
    let state = |globals: &[(u32, GlobalValue)], memories: &[&[u8]]| {
        let mut bytes = Vec::new();
        let mut out = |piece: &[u8]| {
            bytes.extend_from_slice(piece);
            Ok::<_, ()>(())
        };
        write_globals(globals, u32::try_from(memories.len()).unwrap(), &mut out).unwrap();
        for memory in memories {
            write_memory(memory, &mut out).unwrap();
        }
        bytes
    };
    let page = vec![0; 64 << 10];
    let mut written = vec![0; 2 * (64 << 10)];
    written[70_000..70_010].fill(3);
    // The runs of real memories are whole blocks; that of a seed is as short as it may be.
    let mut short = state(&[], &[&page]);
    short.truncate(short.len() - 8);
    for number in [100_u64, 3] {
        short.extend(number.to_le_bytes());
    }
    short.extend(b"abc");
    short.extend(u64::MAX.to_le_bytes());
    vec![
        (
            "two-memories",
            after(0, state(&globals, &[&page, &written[..page.len() * 2]])),
        ),
        ("zeros", after(1, state(&[], &[&page]))),
        ("short-run", after(1, short)),
        ("nothing", after(2, state(&[], &[]))),
    ]
}

fn objects() -> Vec<Seed> {
    // Kind and measures, no words written, no length, no lies; then flags and operations.
    let quiet = [0, 0, 0, 0, 0, 0, 0, 0];
    let steps = [1, 0, 1, 2, 1, 64, 1, 66, 1, 5, 1, 6, 1, 7, 1, 4];
    let script = |head: &[u8]| [head, &quiet, &steps].concat();
    let lies = [
        // One word: PUT says that a message of a byte is there.
        &[0, 3, 99, 1, 1, 7, 1, 1, 9, 1, 0, 0, 0, 0][..],
        &long_piece(&[1, 0, 0, 0, 7, 1, 2, 8, 5, 1, 0, 200, 2, 3]),
        &steps,
    ];
    vec![
        ("queue", script(&[0, 3, 99, 1])),
        ("pipe", script(&[1, 200])),
        ("lock", script(&[2])),
        ("semaphore", script(&[3, 1])),
        ("barrier", script(&[4])),
        ("condition", script(&[5])),
        ("event", script(&[6])),
        ("lies", lies.concat()),
    ]
}

fn values() -> Vec<Seed> {
    // As `values.rs` has them, in the bytes of types that look the same.
    let tree = to_vec::<(String, Vec<(String, Vec<()>)>), _>(&(
        "root".to_owned(),
        vec![("leaf".to_owned(), Vec::<()>::new())],
    ));
    let command = CommandInput {
        args: vec!["a".into(), "b".into()],
        stdin: b"in".to_vec(),
    };
    let output = CommandOutput {
        code: -1,
        stdout: b"out".to_vec(),
        stderr: b"err".to_vec(),
        stderr_dropped: 300,
    };
    vec![
        ("tree", after(0, tree.unwrap())),
        (
            "named",
            after(1, [3, 1, 4, 0, 0, 0, 63, 0, 0, 0, 64, 0, 0, 128, 127]),
        ),
        ("many", after(1, [4, 3, 0, 1, 3, 2, 7, 1, 1, b'x'])),
        (
            "mixed",
            after(
                2,
                [
                    1, 255, 200, 1, 7, 0, 1, 1, 1, 2, b'a', b'b', 1, 9, 1, 5, 1, b'c',
                ],
            ),
        ),
        ("bytes", after(3, [2, 1, 2])),
        (
            "floats",
            after(4, to_vec::<Vec<f64>, _>(&vec![0.5, f64::NAN]).unwrap()),
        ),
        ("text", after(5, to_vec::<String, _>("grün").unwrap())),
        ("units", after(6, [200, 1])),
        ("numbers", after(7, [1, 2, 3, 200, 1, 5, 6])),
        (
            "command-input",
            after(8, to_vec::<CommandInput, _>(&command).unwrap()),
        ),
        (
            "command-output",
            after(9, to_vec::<CommandOutput, _>(&output).unwrap()),
        ),
        ("nested", after(10, [1, 2, 0, 1, 1, 8])),
    ]
}
