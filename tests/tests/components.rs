//! Components: their functions are tasks of the types that their WIT has, and nothing that they do costs more than themselves.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use wasmpool::{
    Array, Builder, ByteSize, Capped, Event, Grants, LoadError, Lock, Module, Pool, PoolEvent,
    Queue, Random, Refusal, TaskError, Typed,
};
use wasmpool_tests::guests;
use wasmpool_tests::kinds::{self, Kind};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Typed)]
enum Color {
    Red,
    DarkGreen,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
struct Point {
    x_pos: i32,
    y_pos: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
struct Rights {
    read: bool,
    write_all: bool,
    run: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
enum Shape {
    Empty,
    Round(f64),
    ManySided(Vec<Point>),
}

/// The record `all` of `component_types.wat`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
struct All {
    color: Color,
    rights: Rights,
    shape: Shape,
    maybe: Option<Option<u8>>,
    outcome: Result<Vec<String>, Color>,
    done: Result<(), ()>,
    pair: (char, bool),
    small: (i8, u8, i16, u16),
    large: (i32, u32, i64, u64),
    real: (f32, f64),
    bytes: Vec<u8>,
    text: String,
}

fn some() -> All {
    All {
        color: Color::DarkGreen,
        rights: Rights {
            read: true,
            write_all: false,
            run: true,
        },
        shape: Shape::ManySided(vec![
            Point {
                x_pos: i32::MIN,
                y_pos: -0.5,
            },
            Point {
                x_pos: 7,
                y_pos: f64::MAX,
            },
        ]),
        maybe: Some(Some(200)),
        outcome: Ok(vec!["a".into(), "ü😀".into(), String::new()]),
        done: Err(()),
        pair: ('😀', true),
        small: (i8::MIN, u8::MAX, i16::MIN, u16::MAX),
        large: (i32::MIN, u32::MAX, i64::MIN, u64::MAX),
        real: (1.5, f64::MIN_POSITIVE),
        bytes: vec![0, 255, 127, 128],
        text: "text".into(),
    }
}

fn others() -> [All; 2] {
    let one = All {
        color: Color::Red,
        shape: Shape::Empty,
        maybe: None,
        outcome: Err(Color::DarkGreen),
        done: Ok(()),
        bytes: Vec::new(),
        ..some()
    };
    let another = All {
        shape: Shape::Round(f64::INFINITY),
        maybe: Some(None),
        text: "x".repeat(100_000),
        ..some()
    };
    [one, another]
}

fn load(pool: &Pool) -> Result<Module> {
    Ok(pool.load(guests::wat("component_types"))?)
}

#[test]
fn every_type_of_wit_crosses_both_ways() -> Result<()> {
    let pool = kinds::builder().workers(2).build()?;
    let same = load(&pool)?.task::<All, All>("same")?;
    for value in [some()].into_iter().chain(others()) {
        let back = same.call(value.clone())?;
        ensure!(back == value, "{back:?}\n{value:?}");
    }
    Ok(())
}

#[test]
fn functions_are_tasks_in_every_kind_of_pool() -> Result<()> {
    for kind in Kind::all(&[2]) {
        let pool = kind.builder().build()?;
        let module = load(&pool)?;
        let add = module.task::<(i32, i32), i32>("add")?;
        for (n, sum) in (0..100).zip(pool.map(&add, (0..100).map(|n| (n, -1)))) {
            ensure!(sum.with_context(|| kind.to_string())? == n - 1);
        }
        let text = module.task::<String, String>("text")?;
        ensure!(text.call("grüße")? == "grüße");
    }
    Ok(())
}

#[test]
fn types_are_compared_before_any_call() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let module = load(&pool)?;
    let error = module
        .task::<(i32, u32), i32>("add")
        .unwrap_err()
        .to_string();
    ensure!(error.contains("add(i32, i32) -> i32"), "{error}");
    let error = module.task::<(), ()>("ad").unwrap_err().to_string();
    ensure!(error.contains("add"), "{error}");
    let signature = |name: &str| {
        let found = module.tasks().iter().find(|task| task.name == name);
        found.map(ToString::to_string).unwrap_or_default()
    };
    ensure!(signature("fail") == "fail(String) -> Result<u8, String>");
    let same = signature("same");
    ensure!(same.contains("Point { x_pos: i32, y_pos: f64 }"), "{same}");
    Ok(())
}

#[test]
fn a_result_of_a_function_is_a_value_or_the_tasks_own_error() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let fail = load(&pool)?.task::<String, u8>("fail")?;
    let error = fail.call("no such thing").unwrap_err();
    ensure!(matches!(&error, TaskError::Guest { message, .. } if message == "no such thing"));
    let value: Option<String> = error.guest_error();
    ensure!(value.as_deref() == Some("no such thing"), "{value:?}");
    Ok(())
}

#[test]
fn each_task_has_an_instance_of_its_own_unless_the_isolation_says_otherwise() -> Result<()> {
    for kind in Kind::all(&[1]) {
        let pool = kind.builder().build()?;
        let module = load(&pool)?;
        let count = module.task::<(), u32>("count")?;
        let counts = pool.map(&count.chunk_size(8), [(); 8]);
        let counts: BTreeSet<u32> = counts.into_iter().collect::<Result<_, _>>()?;
        match kind.isolation {
            wasmpool::Isolation::Batch => ensure!(counts.len() > 1, "{kind}: {counts:?}"),
            _ => ensure!(counts == BTreeSet::from([1]), "{kind}: {counts:?}"),
        }
        let session = module.session()?;
        ensure!(session.call(&count, ())? == 1);
        ensure!(session.call(&count, ())? == 2);
    }
    Ok(())
}

#[test]
fn whatever_a_component_does_costs_only_itself() -> Result<()> {
    for kind in Kind::all(&[1]) {
        let pool = kind.builder().build()?;
        let module = load(&pool)?;
        let kind_of = |name: &str| -> Result<&'static str> {
            let mut task = module.task::<(), ()>(name)?;
            if name == "spin" {
                task = task.timeout(Duration::from_millis(300));
            }
            Ok(task.call(()).unwrap_err().kind())
        };
        let add = module.task::<(i32, i32), i32>("add")?;
        for (name, end) in [
            ("trap", "trap"),
            ("spin", "timeout"),
            ("deep", "trap"),
            ("eat", "memory"),
        ] {
            let found = kind_of(name)?;
            ensure!(found == end, "{kind}: {name} ended as {found}");
            ensure!(add.call((40, 2))? == 42, "{kind}");
        }
        let outside = module.task::<(), Vec<u8>>("outside")?.call(());
        ensure!(outside.unwrap_err().kind() == "trap");
        let no_text = module.task::<(), String>("no-text")?.call(());
        ensure!(no_text.unwrap_err().kind() == "trap");
        let no_color = module.task::<(), Color>("no-color")?.call(());
        ensure!(no_color.unwrap_err().kind() == "trap");
        ensure!(add.call((40, 2))? == 42, "{kind}");
    }
    Ok(())
}

#[test]
fn a_list_that_is_too_long_is_refused_before_it_is_taken() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let module = load(&pool)?;
    let huge = module.task::<u32, Vec<u8>>("huge")?;
    ensure!(huge.call(1 << 20)?.len() == 1 << 20);
    match huge.call(200 << 20) {
        Err(TaskError::Output {
            what: Capped::Result,
            ..
        }) => {}
        other => bail!("{:?}", other.map(|bytes| bytes.len())),
    }
    let small = huge.max_output(ByteSize::kib(64));
    ensure!(small.call(128 << 10).unwrap_err().kind() == "output");
    ensure!(small.call(60 << 10)?.len() == 60 << 10);
    Ok(())
}

#[test]
fn a_call_is_stopped_by_fuel_and_processor_time() -> Result<()> {
    let pool = kinds::builder().workers(1).fuel(1_000_000).build()?;
    let module = load(&pool)?;
    let spin = module.task::<(), ()>("spin")?;
    ensure!(spin.call(()).unwrap_err().kind() == "fuel");
    ensure!(module.task::<(i32, i32), i32>("add")?.call((1, 2))? == 3);
    let pool = kinds::builder()
        .workers(1)
        .cpu_time(Duration::from_millis(200))
        .build()?;
    let spin = load(&pool)?.task::<(), ()>("spin")?;
    ensure!(spin.call(()).unwrap_err().kind() == "cpu_time");
    Ok(())
}

/// Why this text is not loaded.
fn refusal(pool: &Pool, wat: &str) -> Result<Refusal> {
    match pool.load_bytes(wat) {
        Err(LoadError::Refused(refusal)) => Ok(refusal),
        Err(other) => bail!("{other}"),
        Ok(_) => bail!("it was loaded: {wat}"),
    }
}

#[test]
fn what_cannot_cross_is_refused_by_name_when_it_is_loaded() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let lifted = |types: &str, signature: &str| {
        format!(
            r#"(component {types}
                (core module $m (func (export "f") (param i32) (result i32) local.get 0))
                (core instance $i (instantiate $m))
                (func (export "take-it") {signature} (canon lift (core func $i "f"))))"#
        )
    };
    let resource = lifted(
        r#"(type $r' (resource (rep i32))) (export $r "thing" (type $r'))"#,
        r#"(param "it" (own $r)) (result (own $r))"#,
    );
    match refusal(&pool, &resource)? {
        Refusal::Type { function, what } => {
            ensure!(
                function == "take-it" && what == "a resource",
                "{function} {what}"
            );
        }
        other => bail!("{other}"),
    }
    let locks = r#"(import "wasmpool:pool/locks@0.1.0" (instance $locks (export "lock" (type (sub resource)))))
        (alias export $locks "lock" (type $lock))"#;
    let back = lifted(locks, r#"(param "it" (own $lock)) (result (own $lock))"#);
    let message = refusal(&pool, &back)?.to_string();
    ensure!(message.contains("an object of the pool"), "{message}");
    for (types, name) in [
        ("(type $s (stream u8))", "stream"),
        ("(type $f (future u8))", "future"),
    ] {
        let wat = format!(r#"(component {types})"#);
        let message = refusal(&pool, &wat)?.to_string();
        ensure!(message.contains(name), "{message}");
    }
    Ok(())
}

#[test]
fn unknown_imports_are_refused_by_name() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    for (import, module, name) in [
        (
            r#"(import "wasi:http/outgoing-handler@0.2.0" (instance (export "handle" (func))))"#,
            "wasi:http/outgoing-handler@0.2.0",
            "handle",
        ),
        (
            r#"(import "wasi:cli/environment@0.2.3" (instance (export "get-arguments-of-all" (func))))"#,
            "wasi:cli/environment@0.2.3",
            "get-arguments-of-all",
        ),
        (
            r#"(import "wasmpool:pool/task@0.1.0" (instance (export "logs" (func))))"#,
            "wasmpool:pool/task@0.1.0",
            "logs",
        ),
    ] {
        match refusal(&pool, &format!("(component {import})"))? {
            Refusal::UnknownImport {
                module: found,
                name: called,
                ..
            } => ensure!(found == module && called == name, "{found} {called}"),
            other => bail!("{other}"),
        }
    }
    // A name that is nearly one.
    for (import, meant) in [
        ("wasmpool:pool/lock@0.1.0", "`wasmpool:pool/locks`"),
        ("wasi:cli/enviroment@0.2.0", "`wasi:cli/environment`"),
    ] {
        let wat = format!(r#"(component (import "{import}" (instance (export "get" (func)))))"#);
        let message = refusal(&pool, &wat)?.to_string();
        ensure!(message.contains(meant), "{message}");
    }
    // Known, but of another type.
    let other = r#"(component (import "wasi:cli/environment@0.2.0"
        (instance (export "get-arguments" (func (result u8))))))"#;
    let message = refusal(&pool, other)?.to_string();
    ensure!(message.contains("get-arguments"), "{message}");
    Ok(())
}

#[test]
fn bombs_of_types_and_instances_end_in_a_refusal() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    // Each type holds the one before twice: there are few types and very many values.
    let mut doubled = String::from(r#"(type $t0 u8)"#);
    for level in 1..40 {
        let below = level - 1;
        doubled.push_str(&format!("(type $t{level} (tuple $t{below} $t{below}))"));
    }
    let doubled = format!(
        r#"(component {doubled} (core module $m (memory (export "m") 1) (func (export "f") (param i32)))
            (core instance $i (instantiate $m))
            (func (export "f") (param "it" $t39) (canon lift (core func $i "f"))))"#
    );
    // One list in another, deeper than types may nest.
    let mut nested = String::from("(type $t0 u8)");
    for level in 1..90 {
        let below = level - 1;
        nested.push_str(&format!("(type $t{level} (list $t{below}))"));
    }
    let nested = format!(
        r#"(component {nested} (core module $m (memory (export "m") 1) (func (export "f") (param i32 i32))
                (func (export "r") (param i32 i32 i32 i32) (result i32) unreachable))
            (core instance $i (instantiate $m))
            (func (export "f") (param "it" $t89)
                (canon lift (core func $i "f") (memory $i "m") (realloc (func $i "r")))))"#
    );
    let memories = format!("(component {})", "(core module (memory 1))".repeat(100));
    let instances = format!(
        "(component (core module $m (memory 1)) {})",
        "(core instance (instantiate $m))".repeat(100)
    );
    for wat in [doubled, nested, memories, instances] {
        refusal(&pool, &wat)?;
    }
    Ok(())
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
struct Counted {
    word: String,
    times: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
struct Pair {
    left: String,
    right_side: u32,
}

/// A pool with the functions that the component in Rust imports.
fn with_program(builder: Builder) -> Builder {
    builder
        .host_function("join", |_, pair: Pair| {
            Ok::<_, Infallible>(format!("{}+{}", pair.left, pair.right_side))
        })
        .host_function("refuse", |_, why: String| Err::<u32, _>(why))
}

fn rust(builder: Builder) -> Result<(Pool, Module)> {
    let pool = with_program(builder).build()?;
    let module = pool.load(guests::component())?;
    Ok((pool, module))
}

#[test]
fn a_component_in_rust_is_called_like_any_guest() -> Result<()> {
    for kind in Kind::all(&[2]) {
        let (_pool, module) = rust(kind.builder())?;
        let count = module.task::<String, Vec<Counted>>("word-count")?;
        let counted = count.call("b a b")?;
        let expected = |word: &str, times| Counted {
            word: word.to_owned(),
            times,
        };
        ensure!(
            counted == [expected("b", 2), expected("a", 1)],
            "{kind}: {counted:?}"
        );
    }
    Ok(())
}

#[test]
fn functions_of_interfaces_are_tasks_too() -> Result<()> {
    let (_pool, module) = rust(kinds::builder().workers(1))?;
    // One has the name alone; the other name is in two interfaces.
    let longest = module.task::<Vec<String>, Option<String>>("longest")?;
    ensure!(
        longest
            .call(vec!["a".to_owned(), "bcd".to_owned()])?
            .as_deref()
            == Some("bcd")
    );
    ensure!(longest.call(Vec::<String>::new())?.is_none());
    let numbers = module.task::<u32, u32>("test:guest/numbers#double")?;
    ensure!(numbers.call(21)? == 42);
    let texts = module.task::<String, String>("test:guest/texts#double")?;
    ensure!(texts.call("ab")? == "abab");
    ensure!(module.task::<u32, u32>("double").is_err());
    Ok(())
}

/// What a function answers about surroundings.
type Surroundings = (Vec<(String, String)>, Vec<String>, bool);

#[test]
fn nothing_is_granted_that_was_not_named() -> Result<()> {
    let (_pool, module) = rust(kinds::builder().workers(1))?;
    let surroundings = module.task::<(), Surroundings>("surroundings")?;
    ensure!(surroundings.call(())? == (Vec::new(), Vec::new(), true));
    let file = module.task::<(String, String, String), String>("file")?;
    for path in ["/etc/passwd", ".", "/", "../etc/passwd", "/data/a"] {
        let error = file.call(("read", path, "")).unwrap_err();
        ensure!(matches!(error, TaskError::Guest { .. }), "{path}: {error}");
    }
    let connect = module.task::<String, ()>("connect")?;
    let error = connect.call("127.0.0.1:9").unwrap_err();
    ensure!(matches!(error, TaskError::Guest { .. }), "{error}");
    let grants = Grants::none().env("LANG", "C").arg("one").arg("two");
    let granted = module
        .grant(&grants)?
        .task::<(), Surroundings>("surroundings")?;
    let expected = (
        vec![("LANG".to_owned(), "C".to_owned())],
        // The name of the program comes first, as for modules.
        ["guest_component.wasm", "one", "two"]
            .map(str::to_owned)
            .to_vec(),
        true,
    );
    let found = granted.call(())?;
    ensure!(found == expected, "{found:?}");
    Ok(())
}

#[test]
fn files_are_there_as_far_as_they_were_granted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (to_read, to_write) = (folder.path().join("read"), folder.path().join("write"));
    for directory in [&to_read, &to_write] {
        std::fs::create_dir(directory)?;
    }
    std::fs::write(to_read.join("a.txt"), "what is in it")?;
    std::os::unix::fs::symlink("/etc", to_read.join("out"))?;
    std::fs::write(folder.path().join("secret"), "never")?;
    let (_pool, module) = rust(kinds::builder().workers(1))?;
    let grants = Grants::none()
        .read_dir("/data", &to_read)
        .write_dir("/out", &to_write);
    let file = module
        .grant(&grants)?
        .task::<(String, String, String), String>("file")?;
    let act = |what: &str, path: &str, text: &str| {
        file.call((what.to_owned(), path.to_owned(), text.to_owned()))
    };
    ensure!(act("read", "/data/a.txt", "")? == "what is in it");
    ensure!(act("list", "/data", "")? == "a.txt out");
    ensure!(act("length", "/data/a.txt", "")? == "13");
    for (what, path) in [
        ("write", "/data/b.txt"),
        ("append", "/data/a.txt"),
        ("make", "/data/folder"),
        ("remove", "/data/a.txt"),
        ("read", "/data/../secret"),
        ("read", "/data/out/passwd"),
        ("read", "/etc/passwd"),
        ("list", "/"),
    ] {
        let error = act(what, path, "x").unwrap_err();
        ensure!(
            matches!(error, TaskError::Guest { .. }),
            "{what} {path}: {error}"
        );
    }
    act("write", "/out/b.txt", "first")?;
    act("append", "/out/b.txt", ", second")?;
    ensure!(act("read", "/out/b.txt", "")? == "first, second");
    act("make", "/out/folder", "")?;
    act("rename", "/out/b.txt", "/out/folder/c.txt")?;
    ensure!(std::fs::read_to_string(to_write.join("folder/c.txt"))? == "first, second");
    ensure!(act("list", "/out", "")? == "folder");
    act("remove", "/out/folder/c.txt", "")?;
    ensure!(!to_write.join("folder/c.txt").exists());
    ensure!(std::fs::read_to_string(to_read.join("a.txt"))? == "what is in it");
    // What may be written in all is a limit of the grant.
    let little = Grants::none()
        .write_dir("/out", &to_write)
        .max_written(ByteSize::kib(1));
    let file = module
        .grant(&little)?
        .task::<(String, String, String), String>("file")?;
    let flood = (
        "write".to_owned(),
        "/out/flood".to_owned(),
        "x".repeat(4096),
    );
    ensure!(file.call(flood).unwrap_err().kind() == "output");
    Ok(())
}

#[test]
fn randomness_is_each_tasks_own_unless_it_was_granted_a_number() -> Result<()> {
    let (_pool, module) = rust(kinds::builder().workers(2))?;
    let random = module.task::<u32, Vec<u8>>("random")?;
    ensure!(random.call(32)? != random.call(32)?);
    let seeded = |seed| {
        let grants = Grants::none().random(Random::Seeded(seed));
        let random = module.grant(&grants)?.task::<u32, Vec<u8>>("random")?;
        anyhow::Ok(random.call(32)?)
    };
    ensure!(seeded(7)? == seeded(7)?);
    ensure!(seeded(7)? != seeded(8)?);
    let denied = module.grant(&Grants::none().random(Random::Denied))?;
    let error = denied.task::<u32, Vec<u8>>("random")?.call(1).unwrap_err();
    ensure!(error.to_string().contains("not granted"), "{error}");
    Ok(())
}

#[test]
fn what_is_printed_and_said_is_told_while_the_task_runs() -> Result<()> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let (_pool, module) = rust(kinds::builder().workers(1).on_event(move |event| {
        if let PoolEvent::Log { source, text, .. } = event {
            let _ = sender.send((source.name().to_owned(), (*text).to_owned()));
        }
    }))?;
    module.task::<u32, ()>("print")?.call(2)?;
    let mut printed: Vec<_> = receiver.try_iter().collect();
    printed.sort();
    let line = |source: &str, n: u32, to: &str| {
        (String::from(source), format!("line {n} to standard {to}"))
    };
    ensure!(
        printed
            == [
                line("stderr", 0, "error"),
                line("stderr", 1, "error"),
                line("stdout", 0, "output"),
                line("stdout", 1, "output"),
            ],
        "{printed:?}"
    );
    let call = module.task::<u32, ()>("say")?.start(3);
    let parts: Vec<Vec<u8>> = call.partials().collect();
    ensure!(parts == [b"part 0", b"part 1", b"part 2"], "{parts:?}");
    call.get()?;
    let said: Vec<_> = receiver.try_iter().collect();
    ensure!(
        said.len() == 3 && said[2] == ("log".to_owned(), "record 2".to_owned()),
        "{said:?}"
    );
    // Without an end, it ends with the limit.
    let print = module.task::<u32, ()>("print")?.max_logs(ByteSize::kib(64));
    match print.call(u32::MAX) {
        Err(TaskError::Output {
            what: Capped::Logs, ..
        }) => {}
        other => bail!("{other:?}"),
    }
    Ok(())
}

#[test]
fn the_programs_functions_are_imported_with_their_types() -> Result<()> {
    let (_pool, module) = rust(kinds::builder().workers(1))?;
    let ask = module.task::<(String, u32), String>("ask")?;
    ensure!(ask.call(("left".to_owned(), 7))? == "left+7");
    let beg = module.task::<String, u32>("beg")?;
    let error = beg.call("not today").unwrap_err();
    ensure!(
        matches!(&error, TaskError::Guest { message, .. } if message == "not today"),
        "{error}"
    );
    // Who does not have them, or has others, does not load it.
    let none = kinds::builder().workers(1).build()?;
    let refused = match none.load(guests::component()) {
        Err(LoadError::Refused(refused)) => refused,
        other => bail!("{other:?}"),
    };
    ensure!(
        matches!(&refused, Refusal::UnknownImport { module, name, .. } if module == "test:guest/program" && name == "join"),
        "{refused}"
    );
    let other = kinds::builder()
        .workers(1)
        .host_function("join", |_, text: String| Ok::<_, Infallible>(text))
        .host_function("refuse", |_, why: String| Err::<u32, _>(why))
        .build()?;
    let error = other.load(guests::component()).unwrap_err().to_string();
    ensure!(
        error.contains("join") && error.contains("right_side"),
        "{error}"
    );
    Ok(())
}

#[test]
fn sleep_ends_with_the_task_and_panics_and_exits_are_told_apart() -> Result<()> {
    let (_pool, module) = rust(kinds::builder().workers(1))?;
    let sleep = module.task::<u64, ()>("sleep")?;
    sleep.call(1)?;
    let error = sleep
        .timeout(Duration::from_millis(100))
        .call(3_600_000)
        .unwrap_err();
    ensure!(error.kind() == "timeout", "{error}");
    match module.task::<String, ()>("panic")?.call("at once") {
        Err(TaskError::Trap { backtrace, .. }) => {
            ensure!(
                backtrace
                    .iter()
                    .any(|frame| frame.function.contains("panic"))
            );
        }
        other => bail!("{other:?}"),
    }
    match module.task::<i32, ()>("leave")?.call(1) {
        Err(TaskError::Guest { message, .. }) => ensure!(message.contains("code 1"), "{message}"),
        other => bail!("{other:?}"),
    }
    ensure!(
        module
            .task::<Vec<String>, Option<String>>("longest")?
            .call(Vec::<String>::new())?
            .is_none()
    );
    Ok(())
}

#[test]
fn arrays_locks_and_queues_are_arguments_of_components() -> Result<()> {
    for kind in Kind::all(&[4]) {
        let (pool, module) = rust(kind.builder())?;
        let array = Array::from_slice(&[0.0_f64; 1000])?;
        let add = module.task::<(Array<f64>, f64, u32), f64>("add-to-all")?;
        let sums = pool.map(&add, (0..8).map(|_| (&array, 0.5, 5_u32)));
        for sum in sums {
            sum.with_context(|| kind.to_string())?;
        }
        ensure!(array.to_vec().iter().all(|it| *it == 20.0), "{kind}");

        let lock = Lock::new()?;
        let under = module.task::<(Array<f64>, Lock, u32), ()>("add-under")?;
        for done in pool.map(&under, (0..8).map(|_| (&array, &lock, 10_u32))) {
            done.with_context(|| kind.to_string())?;
        }
        ensure!(array.to_vec()[0] == 100.0, "{kind}");

        let (queue, ready) = (Queue::<String>::bounded(10)?, Event::new()?);
        let produce = module.task::<(Queue<String>, String, Option<Event>), u32>("produce")?;
        ensure!(produce.call((&queue, "a bc d", Some(&ready)))? == 3);
        ensure!(ready.is_set());
        queue.put("e")?;
        let consume = module.task::<Queue<String>, Vec<String>>("consume")?;
        ensure!(consume.call(&queue)? == ["a", "bc", "d", "e"]);

        let bytes = Queue::<Vec<u8>>::bounded(10)?;
        bytes.put([1, 2, 3])?;
        module.task::<Queue<Vec<u8>>, ()>("turn")?.call(&bytes)?;
        ensure!(bytes.get()? == [3, 2, 1]);
    }
    Ok(())
}

/// Runs the program with the cache of the tests.
fn program(arguments: &[&str]) -> Result<std::process::Output> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_wasmpool-under-test"));
    program
        .env("XDG_CACHE_HOME", kinds::cache())
        .stdin(Stdio::null());
    Ok(program.args(arguments).output()?)
}

#[test]
fn the_program_calls_components_with_json() -> Result<()> {
    let wat = guests::wat("component_types");
    let wat = wat.to_str().context("a path of text")?;
    let [one, _] = others();
    let value = serde_json::to_string(&one)?;
    let output = program(&["call", wat, "same", &value])?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    let back: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    ensure!(back["color"] == "Red" && back["done"] == "Ok", "{back}");
    ensure!(
        back["outcome"]["Err"] == "DarkGreen" && back["rights"]["run"] == true,
        "{back}"
    );
    // What it prints it reads.
    let again = program(&["call", wat, "same", back.to_string().trim()])?;
    ensure!(again.stdout == output.stdout, "{again:?}");
    let output = program(&["call", wat, "fail", "\"so it goes\""])?;
    ensure!(output.status.code() == Some(10));
    ensure!(String::from_utf8_lossy(&output.stderr).contains("so it goes"));
    let output = program(&["call", wat, "add", "1", "\"two\""])?;
    ensure!(output.status.code() == Some(2), "{:?}", output.status);
    let shown = program(&["inspect", wat])?.stdout;
    let shown = String::from_utf8(shown)?;
    ensure!(shown.contains("add(i32, i32) -> i32"), "{shown}");
    Ok(())
}
