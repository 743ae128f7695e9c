//! The fixture guest, built for wasm and run: what the macros, the input and the output do on the target that they are for.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use wasmparser::{Parser, Payload};
use wasmpool_abi::{
    PanicReport, TASK_SECTION, from_slice,
    section::{self, TaskDecl},
    to_vec,
};
use wasmpool_build::Guests;
use wasmpool_guest::{Codec, FailKind, Level, Type, Typed};
use wasmpool_guest_fixture::{Fault, Point, Tree};
use wasmtime::{Caller, Engine, Extern, Linker, Module, Store};

/// The module as its users build it.
static RELEASE: LazyLock<PathBuf> = LazyLock::new(|| build(Path::new("tests/fixture"), "release"));

fn build(folder: &Path, profile: &str) -> PathBuf {
    let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests");
    let built = Guests::new(&[folder])
        .profile(profile)
        .target_dir(target_dir)
        .build();
    built.expect("the fixture builds").remove(0).wasm
}

/// What the module exports, and its task section.
fn inside(module: &Path) -> (Vec<String>, Vec<TaskDecl>) {
    let bytes = fs::read(module).expect("the module is there");
    let (mut exports, mut tasks) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(&bytes) {
        match payload.expect("the module is valid") {
            Payload::ExportSection(reader) => {
                exports.extend(
                    reader
                        .into_iter()
                        .map(|export| export.unwrap().name.to_owned()),
                );
            }
            Payload::CustomSection(reader) if reader.name() == TASK_SECTION => {
                tasks = section::read(reader.data()).expect("the section is valid");
            }
            _ => (),
        }
    }
    (exports, tasks)
}

fn declares_everything(module: &Path) {
    let (exports, mut tasks) = inside(module);
    tasks.sort_by(|a, b| a.name.cmp(&b.name));
    let mut names: Vec<_> = tasks.iter().map(|task| task.name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "divide",
        "echo",
        "join",
        "many",
        "nothing",
        "origin",
        "panics",
        "parse",
        "repeat",
        "scale",
        "shout",
        "talk",
        "weigh-tree",
    ];
    assert_eq!(names, expected);
    for needed in tasks
        .iter()
        .map(|task| task.export.as_str())
        .chain(["_initialize", "memory"])
    {
        assert!(
            exports.iter().any(|export| export == needed),
            "{needed} is exported, of {exports:?}"
        );
    }
    assert!(!exports.iter().any(|export| export == "_start"));
    let task = |name: &str| tasks.iter().find(|task| task.name == name).unwrap();
    let signature = |name: &str| {
        let TaskDecl {
            args,
            output,
            error,
            codec,
            ..
        } = task(name);
        let args: Vec<_> = args.iter().map(Type::to_string).collect();
        let error = error
            .as_ref()
            .map_or(String::new(), |error| format!(" or {error}"));
        format!("{codec} ({}) -> {output}{error}", args.join(", "))
    };
    let fault = "enum Fault { Zero { dividend: i32 }, Overflow }";
    assert_eq!(signature("nothing"), "postcard () -> ()");
    assert_eq!(signature("echo"), "postcard (Vec<u8>) -> Vec<u8>");
    assert_eq!(
        signature("join"),
        "postcard (Vec<String>, String, Point { x: f64, why: f64 }) -> String"
    );
    assert_eq!(
        signature("divide"),
        format!("postcard (i32, i32) -> i32 or {fault}")
    );
    assert_eq!(signature("parse"), "postcard (String) -> u32");
    assert_eq!(
        signature("weigh-tree"),
        "postcard (Tree { weight: u32, children: Vec<Tree> }) -> u32"
    );
    assert_eq!(
        signature("repeat"),
        format!(
            "json (Point {{ x: f64, why: f64 }}, u64) -> Vec<Point {{ x: f64, why: f64 }}> or {fault}"
        )
    );
    assert_eq!(signature("shout"), "raw (Vec<u8>) -> Vec<u8>");
    assert_eq!(task("weigh-tree").export, "wasmpool.task.weigh-tree");
}

#[test]
fn a_release_build_declares_every_task() {
    declares_everything(&RELEASE);
}

/// The same sources as a package in a workspace of its own: unoptimised, and with the profile that drops all that nothing refers to.
#[test]
fn builds_in_a_workspace_of_its_own_declare_every_task() {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("alone");
    fs::create_dir_all(&folder).unwrap();
    let manifest = format!(
        r#"
            [package]
            name = "alone"
            version = "0.1.0"
            edition = "2024"

            [lib]
            path = '{fixture}/src/lib.rs'
            crate-type = ["cdylib"]

            [dependencies]
            serde = {{ version = "1", features = ["derive"] }}
            wasmpool-guest = {{ path = '{sdk}', features = ["json"] }}

            [profile.release]
            lto = "fat"
            opt-level = "z"
            codegen-units = 1
            strip = true
            panic = "abort"

            # macros and build scripts: the same settings for both profiles, so that they are compiled once
            [profile.dev.build-override]
            opt-level = 0
            codegen-units = 16
            debug = false
            [profile.release.build-override]
            opt-level = 0
            codegen-units = 16
            debug = false
            strip = false

            [workspace]
        "#,
        fixture = sdk.join("tests/fixture").display(),
        sdk = sdk.display(),
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    // The versions that the test build uses are the ones that are there, whether or not there is a network.
    fs::copy(sdk.join("../Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let input = to_vec::<Vec<u8>, _>(b"abc").unwrap();
    for profile in ["release", "dev"] {
        let module = build(&folder, profile);
        declares_everything(&module);
        let seen = call(&module, "echo", &input);
        assert_eq!(seen.value::<Vec<u8>>(), b"abc", "{profile}");
    }
}

/// What a task gave to the host.
#[derive(Debug, Default)]
struct Seen {
    input: Vec<u8>,
    output: Vec<u8>,
    writes: usize,
    failures: Vec<(FailKind, Vec<u8>)>,
    partials: Vec<Vec<u8>>,
    progress: Vec<(i64, i64)>,
    logs: Vec<(Level, String)>,
    returned: Option<i32>,
}

impl Seen {
    fn value<T: wasmpool_guest::Receive>(&self) -> T {
        assert_eq!(self.returned, Some(0), "{:?}", self.messages());
        from_slice(&self.output).expect("the result decodes")
    }

    fn messages(&self) -> Vec<(FailKind, String)> {
        self.failures
            .iter()
            .map(|(kind, payload)| (*kind, String::from_utf8_lossy(payload).into_owned()))
            .collect()
    }
}

/// A slice of the guest's memory.
fn memory(caller: &mut Caller<'_, Seen>, at: i32, len: i32) -> Vec<u8> {
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        panic!("no memory")
    };
    let (at, len) = (usize::try_from(at).unwrap(), usize::try_from(len).unwrap());
    memory.data(caller)[at..at + len].to_vec()
}

/// Runs one task in a fresh instance, as a worker does.
fn call(module: &Path, task: &str, input: &[u8]) -> Seen {
    static ENGINE: LazyLock<Engine> = LazyLock::new(Engine::default);
    let module = Module::from_file(&ENGINE, module).expect("the module compiles");
    let mut linker: Linker<Seen> = Linker::new(&ENGINE);
    let at = wasmpool_abi::IMPORT_MODULE;
    let number = |len: usize| i32::try_from(len).unwrap();
    linker
        .func_wrap(at, "input_len", move |caller: Caller<'_, Seen>| {
            number(caller.data().input.len())
        })
        .unwrap();
    linker
        .func_wrap(
            at,
            "input_read",
            move |mut caller: Caller<'_, Seen>, dst: i32, offset: i32, len: i32| {
                let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
                    panic!("no memory")
                };
                let (offset, len) = (
                    usize::try_from(offset).unwrap(),
                    usize::try_from(len).unwrap(),
                );
                let input = caller.data().input.get(offset..).unwrap_or_default();
                let bytes = input[..len.min(input.len())].to_vec();
                memory
                    .write(&mut caller, usize::try_from(dst).unwrap(), &bytes)
                    .unwrap();
                number(bytes.len())
            },
        )
        .unwrap();
    linker
        .func_wrap(
            at,
            "output_write",
            |mut caller: Caller<'_, Seen>, src: i32, len: i32| {
                let bytes = memory(&mut caller, src, len);
                caller.data_mut().output.extend(bytes);
                caller.data_mut().writes += 1;
            },
        )
        .unwrap();
    linker
        .func_wrap(
            at,
            "fail",
            |mut caller: Caller<'_, Seen>, kind: i32, src: i32, len: i32| {
                let bytes = memory(&mut caller, src, len);
                caller
                    .data_mut()
                    .failures
                    .push((FailKind::from_i32(kind).unwrap(), bytes));
            },
        )
        .unwrap();
    linker
        .func_wrap(
            at,
            "emit",
            |mut caller: Caller<'_, Seen>, src: i32, len: i32| {
                let bytes = memory(&mut caller, src, len);
                caller.data_mut().partials.push(bytes);
            },
        )
        .unwrap();
    linker
        .func_wrap(
            at,
            "progress",
            |mut caller: Caller<'_, Seen>, done: i64, total: i64| {
                caller.data_mut().progress.push((done, total));
            },
        )
        .unwrap();
    linker
        .func_wrap(
            at,
            "log",
            |mut caller: Caller<'_, Seen>, level: i32, src: i32, len: i32| {
                let text = String::from_utf8(memory(&mut caller, src, len)).unwrap();
                caller
                    .data_mut()
                    .logs
                    .push((Level::from_i32(level).unwrap(), text));
            },
        )
        .unwrap();
    linker.define_unknown_imports_as_traps(&module).unwrap();
    let mut store = Store::new(
        &ENGINE,
        Seen {
            input: input.to_vec(),
            ..Seen::default()
        },
    );
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let initialize = instance
        .get_typed_func::<(), ()>(&mut store, "_initialize")
        .unwrap();
    initialize.call(&mut store, ()).unwrap();
    let task = instance
        .get_typed_func::<(), i32>(&mut store, &format!("wasmpool.task.{task}"))
        .unwrap();
    let returned = task.call(&mut store, ()).ok();
    let mut seen = store.into_data();
    seen.returned = returned;
    seen
}

fn run(task: &str, input: &[u8]) -> Seen {
    call(&RELEASE, task, input)
}

#[test]
fn values_go_in_and_come_out() {
    run("nothing", &[]).value::<()>();
    let point = Point { x: 1.5, y: 0.0 };
    let input = to_vec::<(Vec<String>, String, Point), _>(&(["a", "b"], "-", point)).unwrap();
    assert_eq!(run("join", &input).value::<String>(), "a-b1.5");
    let leaf = |weight| Tree {
        weight,
        children: vec![],
    };
    let tree = Tree {
        weight: 1,
        children: vec![
            leaf(2),
            Tree {
                weight: 3,
                children: vec![leaf(4)],
            },
        ],
    };
    assert_eq!(
        run("weigh-tree", &to_vec::<Tree, _>(&tree).unwrap()).value::<u32>(),
        10
    );
    assert_eq!(run("many", &[1; 13]).value::<u32>(), 13);
}

#[test]
fn large_blocks_go_through_whole_and_in_few_calls() {
    let bytes: Vec<u8> = (0..=255).cycle().take(3_000_001).collect();
    let seen = run("echo", &to_vec::<Vec<u8>, _>(&bytes).unwrap());
    assert_eq!(seen.writes, 2, "the length and the block");
    assert_eq!(seen.value::<Vec<u8>>(), bytes);
    let numbers: Vec<f64> = (0..100_000).map(f64::from).collect();
    let input = to_vec::<(Vec<f64>, f64), _>(&(&numbers, 0.5)).unwrap();
    let seen = run("scale", &input);
    assert_eq!(seen.writes, 2, "the length and the block");
    let halves: Vec<f64> = numbers.iter().map(|number| number / 2.0).collect();
    assert_eq!(seen.value::<Vec<f64>>(), halves);
}

#[test]
fn an_error_that_crosses_comes_as_message_and_value() {
    let seen = run("divide", &to_vec::<(i32, i32), _>(&(7, 0)).unwrap());
    assert_eq!(seen.returned, Some(1));
    assert_eq!(
        seen.failures[0],
        (FailKind::Message, b"7 divided by zero".to_vec())
    );
    assert_eq!(seen.failures[1].0, FailKind::Value);
    assert_eq!(
        from_slice(&seen.failures[1].1),
        Ok(Fault::Zero { dividend: 7 })
    );
    assert_eq!(
        run("divide", &to_vec::<(i32, i32), _>(&(7, -2)).unwrap()).value::<i32>(),
        -3
    );
}

#[test]
fn an_error_that_does_not_cross_comes_as_message() {
    let seen = run("parse", &to_vec::<String, _>("x").unwrap());
    assert_eq!(seen.returned, Some(1));
    assert_eq!(
        seen.messages(),
        [(
            FailKind::Message,
            "invalid digit found in string".to_owned()
        )]
    );
    assert_eq!(
        run("parse", &to_vec::<String, _>("12").unwrap()).value::<u32>(),
        12
    );
}

#[test]
fn a_panic_comes_with_its_place_and_traps() {
    let seen = run("panics", &[3]);
    assert_eq!(seen.returned, None, "it traps");
    let (kind, payload) = &seen.messages()[0];
    assert_eq!(*kind, FailKind::Panic);
    let report = PanicReport::decode(payload);
    assert_eq!(
        report.message,
        "index out of bounds: the len is 3 but the index is 3"
    );
    let (file, line) = report.place.unwrap();
    assert!(file.ends_with("lib.rs"), "{file}");
    let source = include_str!("fixture/src/lib.rs");
    assert!(
        source
            .lines()
            .nth(line as usize - 1)
            .unwrap()
            .contains("[at]"),
        "line {line}"
    );
}

#[test]
fn wrong_input_is_told_apart_from_failure() {
    let seen = run("echo", &[9, 1]);
    assert_eq!(seen.returned, Some(1));
    let expected = "argument data: the bytes end before the value does".to_owned();
    assert_eq!(seen.messages(), [(FailKind::Input, expected)]);
    let seen = run("nothing", &[9]);
    assert_eq!(seen.messages()[0].0, FailKind::Input);
    let seen = run("repeat", b"[{}, 2]");
    assert_eq!(seen.messages()[0].0, FailKind::Input);
}

#[test]
fn a_task_talks_while_it_runs() {
    let seen = run("talk", &[2]);
    assert_eq!(seen.progress, [(0, 2), (1, 2)]);
    assert_eq!(seen.partials, [[0], [1]]);
    let logs = [
        (Level::Info, "step 0"),
        (Level::Info, "step 1"),
        (Level::Warn, "done"),
    ];
    assert_eq!(
        seen.logs,
        logs.map(|(level, text)| (level, text.to_owned()))
    );
    assert_eq!(
        seen.value::<BTreeMap<String, u32>>(),
        BTreeMap::from([("steps".to_owned(), 2)])
    );
}

#[test]
fn json_and_raw_tasks_speak_their_codec() {
    let text = |seen: Seen| String::from_utf8(seen.output).unwrap();
    let seen = run("repeat", br#"[{"x": 1, "why": 2}, 2]"#);
    assert_eq!(text(seen), r#"[{"x":1.0,"why":2.0},{"x":1.0,"why":2.0}]"#);
    assert_eq!(text(run("origin", b"")), r#"{"x":0.0,"why":0.0}"#);
    let seen = run("repeat", br#"[{"x": 1, "why": 2}, 2000]"#);
    let expected = [
        (FailKind::Message, "overflow".to_owned()),
        (FailKind::Value, "\"Overflow\"".to_owned()),
    ];
    assert_eq!(seen.messages(), expected);
    assert_eq!(text(run("shout", "grüße".as_bytes())), "GRÜSSE");
    assert_eq!(
        run("shout", b"").messages(),
        [(FailKind::Message, "nothing to shout".to_owned())]
    );
    assert_eq!(run("shout", b"\xff").messages()[0].0, FailKind::Input);
}

#[test]
fn schemas_of_derived_types_are_those_of_their_serde_names() {
    assert_eq!(
        Type::of::<Point>().to_string(),
        "Point { x: f64, why: f64 }"
    );
    assert_eq!(
        Type::from(&<Tree as Typed>::SCHEMA).to_string(),
        "Tree { weight: u32, children: Vec<Tree> }"
    );
    assert_eq!(Codec::Json.to_string(), "json");
}
