//! Scripts: an interpreter is a module, and a function of a script is a task like any other.
//!
//! What any interpreter is promised is shown with one that repeats what it is given. JavaScript and Python are tested where
//! their interpreters are: see `wasmpool_tests::interpreters`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wasmpool::{
    ByteSize, Encoded, Grants, Interpreter, Isolation, NameError, Pool, Random, Script,
    ScriptError, ScriptFrame, ScriptLanguage, TaskError, TaskKind, Typed,
};
use wasmpool_tests::interpreters::{self, LANGUAGES};
use wasmpool_tests::page::Page;
use wasmpool_tests::witness::{Seen, Witness};
use wasmpool_tests::{DEADLINE, TASK_TIMEOUT, guests, kinds};

fn pool() -> Result<Pool> {
    Ok(kinds::builder().workers(2).build()?)
}

fn parrot(pool: &Pool) -> Result<Interpreter> {
    Ok(pool.load(guests::parrot())?.interpreter()?)
}

/// What the parrot says of a call, but for what is always the same.
fn said(told: &Value) -> (&str, &str, &Value) {
    let text = |name| told[name].as_str().unwrap_or_default();
    (text("function"), text("passing"), &told["input"])
}

/// Calls a function with JSON text.
fn dynamic(script: &Script, function: &str, input: &str) -> Result<Value, TaskError> {
    let input = Encoded(input.as_bytes().to_vec());
    let output = script.dynamic(function).call(input)?;
    Ok(serde_json::from_slice(&output.0)
        .unwrap_or_else(|error| json!({"wrong": error.to_string()})))
}

#[test]
fn an_interpreter_gets_the_script_and_the_arguments_as_they_are_typed() -> Result<()> {
    let pool = pool()?;
    let script = parrot(&pool)?.script("tale.txt", "once upon a time\0é");
    let told = dynamic(&script, "f", "[1, 2]")?;
    ensure!(
        told["name"] == "tale.txt" && told["source"] == "once upon a time\0é",
        "{told}"
    );
    ensure!(said(&told) == ("f", "Declared", &json!([1, 2])), "{told}");
    ensure!(said(&dynamic(&script, "g", "")?) == ("g", "Declared", &Value::Null));

    // What it repeats is what it was sent: JSON that serde has written.
    let pair = script.task::<(u8, String), (u8, String)>("repeat");
    ensure!(pair.call((7, "seven"))? == (7, "seven".to_owned()));
    let bytes = script.task::<Vec<u8>, Vec<u8>>("repeat");
    ensure!(bytes.call([0, 255].as_slice())? == [0, 255]);

    for (passing, seen) in [
        ("Nothing", script.task::<(), Repeated>("f").call(())?),
        ("One", script.task::<Vec<i64>, Repeated>("f").call(vec![1])?),
        ("One", script.task::<String, Repeated>("f").call("x")?),
        (
            "Several",
            script.task::<(u8, bool), Repeated>("f").call((1, true))?,
        ),
    ] {
        ensure!(seen.passing == passing && seen.function == "f", "{seen:?}");
    }
    Ok(())
}

/// A part of what the parrot says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
struct Repeated {
    function: String,
    passing: String,
    calls: u32,
}

#[test]
fn an_error_of_a_script_has_its_class_its_message_and_its_stack() -> Result<()> {
    let pool = pool()?;
    let script = parrot(&pool)?.script("tale.txt", "");
    let error = dynamic(&script, "fail", "").err().context("it fails")?;
    ensure!(error.kind() == "guest" && error.to_string() == "Complaint: enough\n  in line 7");
    let value = error.guest_error::<ScriptError>().context("it is typed")?;
    let frame = ScriptFrame {
        function: "fail".into(),
        file: "tale.txt".into(),
        line: 7,
    };
    ensure!((value.name.as_str(), value.message.as_str()) == ("Complaint", "enough"));
    ensure!(value.stack == [frame]);
    // As the program prints it.
    let TaskError::Guest {
        data: Some(data), ..
    } = &error
    else {
        bail!("{error:?}")
    };
    let json = wasmpool::json::decode_error(&script.signature("fail"), data)?;
    ensure!(json.is_some_and(|json| json["stack"][0]["line"] == 7));
    Ok(())
}

#[test]
fn a_result_that_is_no_json_or_of_another_type_is_told() -> Result<()> {
    let pool = pool()?;
    let script = parrot(&pool)?.script("tale.txt", "");
    let lie = script.task::<(), u8>("lie").call(());
    ensure!(lie.is_err_and(|error| error.kind() == "codec"));
    let number = script.task::<String, u8>("repeat").call("text");
    ensure!(number.is_err_and(|error| error.kind() == "codec"));
    Ok(())
}

#[test]
fn each_task_has_a_fresh_instance_and_a_session_keeps_one() -> Result<()> {
    let pool = pool()?;
    let interpreter = parrot(&pool)?;
    let task = interpreter
        .script("tale.txt", "")
        .task::<u32, Repeated>("f");
    for outcome in pool.map(&task, 0..20_u32) {
        ensure!(outcome?.calls == 1);
    }
    let kept = task.isolation(Isolation::Batch).chunk_size(5);
    let calls: Vec<u32> = pool
        .map(&kept, 0..10_u32)
        .into_iter()
        .map(|outcome| Ok(outcome?.calls))
        .collect::<Result<_>>()?;
    ensure!(calls == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5], "{calls:?}");
    let session = interpreter.module().session()?;
    for call in 1..5 {
        ensure!(session.call(&task, 0)?.calls == call);
    }
    Ok(())
}

#[test]
fn an_interpreter_may_be_started_ahead() -> Result<()> {
    let pool = pool()?;
    let module = pool.load(guests::parrot())?;
    let started = |interpreter: &Interpreter| {
        dynamic(&interpreter.script("tale.txt", ""), "f", "").map(|told| told["started"] == true)
    };
    ensure!(!started(&module.interpreter()?)?);
    let ready = module.initialized("start", ())?;
    ensure!(started(&ready.interpreter()?)?);
    // What it was made of is a module like any other.
    let again = pool.load_bytes(ready.source())?;
    ensure!(started(&again.interpreter()?)?);
    Ok(())
}

#[test]
fn a_module_that_is_no_interpreter_says_what_is_missing() -> Result<()> {
    let pool = pool()?;
    let none = pool.load(guests::tiny())?.interpreter();
    let Err(NameError::Unknown { name, .. }) = &none else {
        bail!("{none:?}")
    };
    ensure!(name == "script");
    let wat = r#"(module (import "wasmpool" "input_len" (func (result i32))) (memory (export "memory") 1)
        (func (export "script") (result i32) (i32.const 0)))"#;
    let raw = pool.load_bytes(wat)?.interpreter();
    ensure!(matches!(raw, Err(NameError::Types { .. })), "{raw:?}");
    Ok(())
}

#[test]
fn limits_count_the_script_with_its_arguments() -> Result<()> {
    let pool = pool()?;
    let long = "x".repeat(100_000);
    let script = parrot(&pool)?.script("tale.txt", long);
    let task = script.task::<String, Text>("f");
    let mut limits = pool.limits().clone();
    limits.input = ByteSize::new(100_000);
    let error = task
        .with_limits(&limits)?
        .call("y")
        .err()
        .context("too large")?;
    ensure!(error.kind() == "too_large", "{error}");
    limits.input = ByteSize::new(101_000);
    ensure!(task.with_limits(&limits)?.call("y")?.source.len() == 100_000);
    Ok(())
}

/// Another part of what the parrot says.
#[derive(Clone, Debug, Serialize, Deserialize, Typed)]
struct Text {
    source: String,
}

/// The program with an interpreter for JavaScript that repeats.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasmpool-under-test"));
    command
        .env("XDG_CACHE_HOME", kinds::cache())
        .env("WASMPOOL_JAVASCRIPT", guests::parrot())
        .env_remove("WASMPOOL_PYTHON")
        .env("XDG_DATA_HOME", "/nowhere")
        .stdin(Stdio::null());
    command
}

fn stdout(output: &Output) -> Result<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    let talk = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str(&text).with_context(|| format!("{}: {text:?}, {talk}", output.status))
}

#[test]
fn the_program_runs_scripts_by_their_names() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tale.js");
    fs::write(&path, "export const f = 1")?;
    let told = stdout(
        &program()
            .arg("call")
            .arg(&path)
            .args(["f", "[1,2]"])
            .output()?,
    )?;
    ensure!(said(&told) == ("f", "Declared", &json!([1, 2])), "{told}");
    ensure!(
        told["name"] == "tale.js" && told["source"] == "export const f = 1",
        "{told}"
    );

    // Text is a string, whatever is in it.
    let text = stdout(
        &program()
            .arg("call")
            .arg(&path)
            .args(["repeat", "--input", "[1]"])
            .output()?,
    )?;
    ensure!(text == json!("[1]"), "{text}");

    // By files, and by lines.
    let item = folder.path().join("item.txt");
    fs::write(&item, "one \"two\"\n")?;
    let map = program()
        .arg("map")
        .arg(&path)
        .arg("repeat")
        .arg(&item)
        .output()?;
    ensure!(stdout(&map)?["ok"] == "one \"two\"\n", "{map:?}");
    let lines = folder.path().join("items.jsonl");
    fs::write(&lines, "{\"a\": 1}\n")?;
    let map = program()
        .arg("map")
        .arg(&path)
        .args(["repeat", "--jsonl"])
        .arg(&lines)
        .output()?;
    ensure!(stdout(&map)?["ok"] == json!({"a": 1}), "{map:?}");

    // A failure is the task's own.
    let fails = program()
        .arg("call")
        .arg(&path)
        .args(["fail", "--json"])
        .output()?;
    ensure!(fails.status.code() == Some(10), "{fails:?}");
    ensure!(
        stdout(&fails)?["error"]["value"]["name"] == "Complaint",
        "{fails:?}"
    );

    // An interpreter of another language, by its name.
    let other = folder.path().join("tale.txt");
    fs::write(&other, "")?;
    let named = program()
        .arg("call")
        .arg(&other)
        .args(["f", "--interpreter"])
        .arg(guests::parrot())
        .output()?;
    ensure!(stdout(&named)?["name"] == "tale.txt", "{named:?}");
    Ok(())
}

#[test]
fn without_an_interpreter_the_program_says_where_to_get_one() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tale.py");
    fs::write(&path, "")?;
    let output = program().arg("call").arg(&path).arg("f").output()?;
    let talk = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(21), "{output:?}");
    for words in [
        "no interpreter for python",
        "/nowhere/wasmpool/python.wasm",
        "just interpreters",
    ] {
        ensure!(talk.contains(words), "{talk}");
    }
    Ok(())
}

#[test]
fn the_program_writes_a_module_as_its_task_leaves_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (before, after) = (folder.path().join("a.wat"), folder.path().join("b.wasm"));
    fs::write(
        &before,
        r#"(module (global $n (mut i32) (i32.const 0))
            (func (export "set") (param i32) (global.set $n (local.get 0)))
            (func (export "get") (result i32) (global.get $n)))"#,
    )?;
    let made = program()
        .arg("snapshot")
        .arg(&before)
        .args(["set", "42", "--output"])
        .arg(&after)
        .output()?;
    ensure!(made.status.success(), "{made:?}");
    let get = |path: &Path| stdout(&program().arg("call").arg(path).arg("get").output()?);
    ensure!(get(&after)? == json!(42) && get(&before)? == json!(0));
    let wrong = program()
        .arg("snapshot")
        .arg(&before)
        .args(["sit", "-o"])
        .arg(&after)
        .output()?;
    ensure!(wrong.status.code() == Some(18), "{wrong:?}");
    Ok(())
}

/// Each interpreter that is there, with the script that all have.
fn each(mut test: impl FnMut(ScriptLanguage, &Path, &str, &str) -> Result<()>) -> Result<()> {
    for interpreter in interpreters::all() {
        let language = interpreter.language;
        let file = match language {
            ScriptLanguage::Python => "tasks.py",
            _ => "tasks.js",
        };
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("scripts")
            .join(file);
        let source = fs::read_to_string(path)?;
        test(language, &interpreter.module, file, &source)
            .with_context(|| language.name().to_owned())?;
    }
    Ok(())
}

/// As [`each`], with the script in a pool.
fn each_script(mut test: impl FnMut(ScriptLanguage, &Pool, &Script) -> Result<()>) -> Result<()> {
    each(|language, module, file, source| {
        let pool = pool()?;
        let script = pool.load(module)?.interpreter()?.script(file, source);
        test(language, &pool, &script)
    })
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
struct Person {
    name: String,
    age: u32,
    tags: Vec<String>,
}

#[test]
fn functions_of_scripts_take_and_return_values() -> Result<()> {
    each_script(|_, pool, script| {
        ensure!(script.task::<(i64, i64), i64>("add").call((2, 3))? == 5);
        ensure!(
            script
                .task::<(String, String), String>("add")
                .call(("é\"", "\n\\"))?
                == "é\"\n\\"
        );
        let total = script.task::<Vec<f64>, f64>("total");
        ensure!(total.call(vec![1.5, 2.5])? == 4.0);
        script.task::<(), ()>("nothing").call(())?;
        let ada = Person {
            name: "Ada".into(),
            age: 36,
            tags: vec!["first".into()],
        };
        let older = script.task::<Person, Person>("older").call(&ada)?;
        ensure!(older.age == 37 && older.tags == ["first", "older"] && older.name == "Ada");
        ensure!(
            script.task::<u64, u64>("later").call(4)? == 8,
            "a promise, a coroutine"
        );
        ensure!(
            script
                .task::<u64, String>("text")
                .call(100_000)?
                .chars()
                .count()
                == 100_000
        );

        // By the function's own parameters.
        ensure!(dynamic(script, "add", "[1, 2]")? == json!(3));
        ensure!(dynamic(script, "total", "[1, 2]")? == json!(3));
        ensure!(dynamic(script, "nothing", "")? == Value::Null);

        // One bad item costs only itself.
        let halves = script.task::<u32, u32>("picky");
        for (n, outcome) in (0..100).zip(pool.map(&halves, 0..100_u32)) {
            match outcome {
                Ok(half) => ensure!(n % 2 == 0 && half == n / 2),
                Err(error) => {
                    ensure!(n % 2 == 1 && error.to_string().contains(&format!("{n} is odd")))
                }
            }
        }
        Ok(())
    })
}

#[test]
fn what_a_script_does_not_catch_is_its_error_with_the_place() -> Result<()> {
    each_script(|language, pool, script| {
        let thrown = |script: &Script, function: &str, input| {
            let error = dynamic(script, function, input).err().context("it fails")?;
            ensure!(error.kind() == "guest", "{error:?}");
            let value = error.guest_error::<ScriptError>().context("it is typed")?;
            ensure!(error.to_string() == value.text, "{error}");
            Ok(value)
        };
        let boom = thrown(script, "boom", "2")?;
        ensure!(
            (&*boom.name, &*boom.message) == ("TypeError", "not like this"),
            "{boom:?}"
        );
        let names: Vec<&str> = boom.stack.iter().map(|frame| &*frame.function).collect();
        ensure!(names == ["boom", "boom", "boom"], "{boom:?}");
        let file = script.name();
        ensure!(
            boom.stack
                .iter()
                .all(|frame| frame.file == file && frame.line > 10),
            "{boom:?}"
        );
        ensure!(boom.text.contains("TypeError: not like this") && boom.text.contains(file));

        let missing = thrown(script, "nope", "")?;
        ensure!(
            missing.message.contains("nope") && missing.message.contains("picky"),
            "{missing:?}"
        );
        let value = thrown(script, "number", "")?;
        ensure!(value.name == "TypeError", "{value:?}");
        let formless = thrown(script, "formless", "")?;
        ensure!(
            formless.name == "TypeError" && formless.message.contains("JSON"),
            "{formless:?}"
        );

        let interpreter = script.interpreter();
        let broken = thrown(&interpreter.script("broken", "f(\n\n"), "f", "")?;
        ensure!(broken.name == "SyntaxError", "{broken:?}");
        ensure!(
            broken
                .stack
                .first()
                .is_some_and(|frame| frame.file == "broken"),
            "{broken:?}"
        );
        let top = match language {
            ScriptLanguage::Python => "x = 1\nraise KeyError('top')",
            _ => "const x = 1\nthrow new Error('top')",
        };
        let top = thrown(&interpreter.script("top", top), "f", "")?;
        ensure!(
            top.message.contains("top") && top.stack.first().is_some_and(|it| it.line == 2),
            "{top:?}"
        );

        // The worker serves on, and knows nothing of it.
        ensure!(pool.apply(&script.task::<(i64, i64), i64>("add"), (1, 1))? == 2);
        Ok(())
    })
}

#[test]
fn limits_hold_for_scripts_as_for_all_tasks() -> Result<()> {
    each_script(|language, _, script| {
        let spin = script.task::<(), ()>("spin").timeout(TASK_TIMEOUT).call(());
        ensure!(matches!(spin, Err(TaskError::Timeout { .. })), "{spin:?}");
        let eat = script
            .task::<(), ()>("eat")
            .memory(ByteSize::mib(64))
            .call(());
        ensure!(matches!(eat, Err(TaskError::Memory { .. })), "{eat:?}");
        let deep = script.task::<u32, u32>("recurse").call(0);
        let deep = deep.err().context("there is an end to it")?;
        let value = deep
            .guest_error::<ScriptError>()
            .with_context(|| format!("{deep:?}"))?;
        let name = match language {
            ScriptLanguage::Python => "RecursionError",
            _ => "RangeError",
        };
        ensure!(value.name == name, "{value:?}");
        let text = script
            .task::<u64, String>("text")
            .max_output(ByteSize::kib(1))
            .call(10_000);
        ensure!(matches!(text, Err(TaskError::Output { .. })), "{text:?}");
        Ok(())
    })
}

/// RustPython 0.5 counts references in fifteen bits, and gives up past that: the page for newcomers says so.
#[test]
fn what_an_interpreter_gives_up_at_costs_only_its_task() -> Result<()> {
    each_script(|language, pool, script| {
        if language != ScriptLanguage::Python {
            return Ok(());
        }
        let many = script.task::<u32, u32>("many");
        let outcomes = pool.map(&many, [30_000_u32, 40_000, 3]);
        let [few, too_many, next] = outcomes.as_slice() else {
            bail!("{outcomes:?}")
        };
        ensure!(matches!(few, Ok(30_000)), "{few:?}");
        ensure!(matches!(next, Ok(3)), "{next:?}");
        let Err(error @ TaskError::Trap { backtrace, .. }) = too_many else {
            bail!("{too_many:?}")
        };
        ensure!(error.to_string().contains("unreachable"), "{error}");
        let told = |frame: &wasmpool::Frame| frame.function.contains("refcount_overflow");
        ensure!(backtrace.iter().any(told), "{backtrace:?}");
        Ok(())
    })
}

#[test]
fn a_script_keeps_its_state_in_a_session_and_nowhere_else() -> Result<()> {
    each_script(|_, pool, script| {
        let count = script.task::<(), u32>("count");
        for outcome in pool.map(&count, vec![(); 10]) {
            ensure!(outcome? == 1);
        }
        let session = script.interpreter().module().session()?;
        for n in 1..4 {
            ensure!(session.call(&count, ())? == n);
        }
        // Another script begins anew, and does not find what the one before has left.
        let other = script.interpreter().script("other", "");
        let found = session.call(&other.task::<(), u32>("count"), ());
        ensure!(found.is_err(), "{found:?}");
        ensure!(session.call(&count, ())? == 1);
        Ok(())
    })
}

#[test]
fn what_a_script_says_while_it_runs_arrives() -> Result<()> {
    each(|_, module, file, source| {
        let witness = Witness::default();
        let pool = witness.watch(kinds::builder().workers(1)).build()?;
        let script = pool.load(module)?.interpreter()?.script(file, source);
        script.task::<String, ()>("say").call("hello")?;
        witness.wait(|seen| {
            seen.iter()
                .find(|seen| matches!(seen, Seen::Log { text, .. } if text.starts_with("hello {")))
                .cloned()
        });
        let call = script.task::<u32, String>("stages").start(3_u32);
        let partials: Vec<Value> = call
            .partials()
            .map(|part| Ok(serde_json::from_str(&wasmpool::decode::<String>(&part)?)?))
            .collect::<Result<_>>()?;
        ensure!(
            partials
                == [
                    json!({"stage": 0}),
                    json!({"stage": 1}),
                    json!({"stage": 2})
                ]
        );
        ensure!(call.get()? == "done");
        witness.wait(|seen| {
            let last = Seen::Progress { done: 3, total: 3 };
            seen.contains(&last).then_some(())
        });
        Ok(())
    })
}

#[test]
fn clock_and_randomness_are_those_that_were_granted() -> Result<()> {
    each(|_, module, file, source| {
        let pool = pool()?;
        let module = pool.load(module)?;
        let script = module.interpreter()?.script(file, source);
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        let told: f64 = script.task::<(), f64>("now").call(())?;
        ensure!(
            (told - now).abs() < DEADLINE.as_secs_f64(),
            "{told} and {now}"
        );

        // A snapshot draws nothing that its instances share.
        let random = script.task::<(), (f64, f64)>("random");
        let (first, second) = (random.call(())?, random.call(())?);
        ensure!(
            first != second && first.0 != first.1,
            "{first:?} {second:?}"
        );
        ensure!([first.0, first.1].iter().all(|n| (0.0..1.0).contains(n)));

        let seeded = module.grant(&Grants::none().random(Random::Seeded(1)))?;
        let random = seeded
            .interpreter()?
            .script(file, source)
            .task::<(), (f64, f64)>("random");
        ensure!(random.call(())? == random.call(())?);
        Ok(())
    })
}

/// Has the program compile an interpreter into its cache: without that its first call takes more than the usual minute on a busy
/// machine.
fn compile(language: ScriptLanguage, module: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(match language {
        ScriptLanguage::Python => "nothing.py",
        _ => "nothing.js",
    });
    fs::write(&path, "")?;
    let called = program()
        .env(language.variable(), module)
        .args(["call", "--compile-time", "5m"])
        .arg(path)
        .arg("nothing")
        .output()?;
    // There is no such function, which the interpreter says.
    ensure!(called.status.code() == Some(10), "{called:?}");
    Ok(())
}

#[test]
fn the_program_runs_javascript_and_python() -> Result<()> {
    each(|language, module, file, _| {
        compile(language, module)?;
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("scripts")
            .join(file);
        let program = || {
            let mut command = program();
            command.env(language.variable(), module);
            command
        };
        let add = program()
            .arg("call")
            .arg(&path)
            .args(["add", "[1,2]"])
            .output()?;
        ensure!(stdout(&add)? == json!(3), "{add:?}");
        let fails = program()
            .arg("call")
            .arg(&path)
            .args(["boom", "0"])
            .output()?;
        let talk = String::from_utf8_lossy(&fails.stderr);
        ensure!(
            fails.status.code() == Some(10) && talk.contains("not like this"),
            "{talk}"
        );
        ensure!(talk.contains(file), "with the place: {talk}");
        let words = program()
            .arg("map")
            .arg(&path)
            .arg("words")
            .arg(&path)
            .output()?;
        ensure!(stdout(&words)?["ok"].as_u64() > Some(50), "{words:?}");
        let slow = program()
            .args(["--timeout", "300ms", "call"])
            .arg(&path)
            .arg("spin")
            .output()?;
        ensure!(slow.status.code() == Some(12), "{slow:?}");
        let say = program()
            .args(["-v", "call"])
            .arg(&path)
            .args(["say", "\"hello\""])
            .output()?;
        ensure!(
            String::from_utf8_lossy(&say.stderr).contains("hello"),
            "{say:?}"
        );
        Ok(())
    })
}

#[test]
fn the_pages_for_newcomers_say_what_happens() -> Result<()> {
    let program = Path::new(env!("CARGO_BIN_EXE_wasmpool-under-test"));
    each(|language, module, _, _| {
        compile(language, module)?;
        let variables = [(language.variable(), module.as_os_str())];
        let commands = Page::of(language.name())?.walk(program, &variables)?;
        ensure!(commands >= 5, "{commands} commands");
        Ok(())
    })
}

#[test]
fn a_language_is_known_by_the_ending_of_a_files_name() {
    let of = |name: &str| ScriptLanguage::of(name);
    assert_eq!(of("a.js"), Some(ScriptLanguage::JavaScript));
    assert_eq!(of("dir.py/a.mjs"), Some(ScriptLanguage::JavaScript));
    assert_eq!(of("a.py"), Some(ScriptLanguage::Python));
    assert_eq!(of("a.wasm"), None);
    assert_eq!(of("js"), None);
    assert_eq!(LANGUAGES.len(), 2);
}

#[test]
fn a_scripts_signature_says_that_it_is_json() -> Result<()> {
    let pool = pool()?;
    let signature = parrot(&pool)?.script("tale.txt", "").signature("f");
    ensure!(signature.kind == TaskKind::Script && signature.to_string() == "f(JSON) -> JSON");
    Ok(())
}
