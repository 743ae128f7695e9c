//! The imports of `wasmpool`, tasks of numbers, and what makes a module refused.

use super::world::*;
use crate::wire::completion::{Completion, GuestFailure};

/// Imports for the guests here.
const IMPORTS: &str = r#"
    (import "wasmpool" "input_len" (func $input_len (result i32)))
    (import "wasmpool" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
    (import "wasmpool" "output_write" (func $output_write (param i32 i32)))
    (import "wasmpool" "fail" (func $fail (param i32 i32 i32)))
    (import "wasmpool" "emit" (func $emit (param i32 i32)))
    (import "wasmpool" "progress" (func $progress (param i64 i64)))
    (import "wasmpool" "log" (func $log (param i32 i32 i32)))
    (memory (export "memory") 2)"#;

fn task(body: &str) -> World {
    World::abi(&format!(r#"(module {IMPORTS} {body})"#), &["task"])
}

#[test]
fn a_module_that_names_every_import_of_the_list_links() {
    let types = |types: &[(&str, wasmpool_abi::ValType)]| -> String {
        types
            .iter()
            .map(|(_, ty)| match ty {
                wasmpool_abi::ValType::I32 => " i32",
                wasmpool_abi::ValType::I64 => " i64",
            })
            .collect()
    };
    let imports: String = wasmpool_abi::IMPORTS
        .iter()
        .map(|import| {
            let result: Vec<_> = import.result.iter().map(|ty| ("", *ty)).collect();
            format!(
                "(import \"wasmpool\" \"{}\" (func (param{}) (result{})))",
                import.name,
                types(import.params),
                types(&result)
            )
        })
        .collect();
    assert!(wasmpool_abi::IMPORTS.len() >= 7);
    let wat = format!("(module {imports})");
    assert!(World::start(&wat, &info([], false), false).is_ok());
    let unknown = r#"(module (import "wasmpool" "input_lenn" (func (result i32))))"#;
    let error = World::start(unknown, &info([], false), false)
        .err()
        .unwrap();
    assert!(error.to_string().contains("input_lenn"), "{error}");
    let wrong = r#"(module (import "wasmpool" "input_len" (func (result i64))))"#;
    assert!(World::start(wrong, &info([], false), false).is_err());
}

#[test]
fn a_description_that_does_not_fit_the_module_is_refused() {
    let wat =
        r#"(module (func (export "task") (result i64) (i64.const 0)) (memory (export "m") 1))"#;
    for (name, shape) in [
        ("task", TaskShape::Abi),
        ("task", TaskShape::Command),
        ("m", TaskShape::Abi),
        ("gone", TaskShape::Abi),
    ] {
        let error = World::start(wat, &info([(name, shape)], false), false).err();
        assert!(matches!(error, Some(StartError::Export { name: n }) if n == name));
    }
}

#[test]
fn input_and_output_are_copied_in_parts() {
    // Reads the input from its third byte in pieces of up to five and writes each as it comes.
    let mut world = task(
        r#"(func (export "task") (result i32) (local $at i32) (local $n i32)
            (local.set $at (i32.const 2))
            (loop $more
                (local.set $n (call $input_read (i32.const 100) (local.get $at) (i32.const 5)))
                (call $output_write (i32.const 100) (local.get $n))
                (local.set $at (i32.add (local.get $at) (local.get $n)))
                (br_if $more (local.get $n)))
            (i32.sub (call $input_len) (local.get $at)))"#,
    );
    let finished = world.run(&call(), b"hello, world and all");
    assert_eq!(finished.completion, Completion::Value);
    assert_eq!(finished.outbox.output, b"llo, world and all");
    // Past its end there is nothing, and nothing is added up past 32 bits.
    let finished = world.run(&call(), b"");
    assert!(matches!(
        finished.completion,
        Completion::Guest(GuestFailure { code: -2, .. })
    ));
}

#[test]
fn a_failure_carries_what_the_guest_said() {
    let run = |kind: i32, text: &str, code: i32| {
        let mut world = task(&format!(
            r#"(data (i32.const 16) "{text}")
            (func (export "task") (result i32)
                (call $output_write (i32.const 0) (i32.const 4))
                (call $fail (i32.const {kind}) (i32.const 16) (i32.const {}))
                (i32.const {code}))"#,
            text.replace("\\0a", "\n").len()
        ));
        world.run(&call(), b"")
    };
    let finished = run(0, "no such colour", 7);
    assert_eq!(finished.outbox.output, b"", "a failure has no output");
    assert_eq!(
        finished.completion,
        Completion::Guest(GuestFailure {
            message: "no such colour".to_owned(),
            code: 7,
            ..GuestFailure::default()
        })
    );
    assert_eq!(
        run(1, "two\\0alines\\0asrc/lib.rs\\0a42", 1).completion,
        Completion::Guest(GuestFailure {
            message: "two\nlines".to_owned(),
            panic: Some(("src/lib.rs".to_owned(), 42)),
            code: 1,
            ..GuestFailure::default()
        })
    );
    let Completion::Guest(failure) = run(2, "expected a list", 1).completion else {
        panic!("not a guest failure");
    };
    assert!(failure.input && failure.message == "expected a list");
    let Completion::Guest(failure) = run(3, "abc", -1).completion else {
        panic!("not a guest failure");
    };
    assert_eq!(
        (failure.data.as_deref(), failure.code),
        (Some(&b"abc"[..]), -1)
    );
    // Success is what the code says, whatever was said before.
    assert_eq!(run(0, "never mind", 0).completion, Completion::Value);
    let Completion::Trap(trap) = run(4, "?", 0).completion else {
        panic!("an unknown kind was taken");
    };
    assert_eq!(trap.message, "fail: there is no kind 4");
}

#[test]
fn a_trap_after_fail_is_that_failure_with_its_backtrace() {
    let mut world = task(
        r#"(data (i32.const 16) "lost\0asrc/main.rs\0a3")
        (func $inner (call $fail (i32.const 1) (i32.const 16) (i32.const 18)) unreachable)
        (func $_ZN4demo5outer17h0123456789abcdefE (export "task") (result i32)
            (call $inner) (i32.const 0))"#,
    );
    let Completion::Guest(failure) = world.run(&call(), b"").completion else {
        panic!("not a guest failure");
    };
    assert_eq!(failure.message, "lost");
    assert_eq!(failure.panic, Some(("src/main.rs".to_owned(), 3)));
    let names: Vec<_> = failure
        .backtrace
        .iter()
        .map(|it| &it.function[..])
        .collect();
    assert_eq!(names, ["inner", "demo::outer"]);
}

#[test]
fn what_a_guest_says_is_capped() {
    // The payloads: 1 MiB of 'x', as message, as panic, as value.
    let run = |kind: i32| {
        let mut world = World::abi(
            &format!(
                r#"(module (import "wasmpool" "fail" (func $fail (param i32 i32 i32)))
                (memory (export "memory") 17)
                (data (i32.const 1048575) "\0asrc/far.rs\0a9")
                (func (export "task") (result i32)
                    (memory.fill (i32.const 0) (i32.const 120) (i32.const 1048575))
                    (call $fail (i32.const {kind}) (i32.const 0) (i32.const 1048588))
                    (i32.const 1)))"#
            ),
            &["task"],
        );
        match world.run(&call(), b"").completion {
            Completion::Guest(failure) => failure,
            other => panic!("{other:?}"),
        }
    };
    use crate::worker::outcome::MAX_MESSAGE;
    let failure = run(0);
    assert!(failure.message.len() <= MAX_MESSAGE && failure.message.starts_with("xxx"));
    let failure = run(1);
    assert!(failure.message.len() <= MAX_MESSAGE && failure.message.starts_with("xxx"));
    assert_eq!(failure.panic, Some(("src/far.rs".to_owned(), 9)));
    let failure = run(3);
    assert_eq!(failure.data, None);
    assert!(failure.message.contains("1048588"), "{}", failure.message);
}

#[test]
fn emit_progress_and_log_arrive_in_order_and_capped() {
    let mut world = task(
        r#"(data (i32.const 0) "one two ")
        (func (export "task") (result i32)
            (call $emit (i32.const 0) (i32.const 4))
            (call $progress (i64.const 1) (i64.const -1))
            (call $emit (i32.const 4) (i32.const 4))
            (call $log (i32.const 2) (i32.const 0) (i32.const 3))
            (call $log (i32.const -9) (i32.const 4) (i32.const 3))
            (call $log (i32.const 99) (i32.const 0) (i32.const 65536))
            (i32.const 0))"#,
    );
    let finished = world.run(&call(), b"");
    assert_eq!(finished.completion, Completion::Value);
    assert_eq!(finished.outbox.emitted, [b"one ", b"two "]);
    assert_eq!(finished.outbox.progress, [(1, -1)]);
    let log = &finished.outbox.log;
    assert_eq!(log[0], (LogSource::Log, 2, "one".to_owned()));
    assert_eq!(log[1], (LogSource::Log, 1, "two".to_owned()));
    assert_eq!((log[2].1, log.len()), (5, 3));
    assert!(log[2].2.len() < 9000 && log[2].2.ends_with(" [cut: 65536 bytes]"));
}

#[test]
fn numbers_go_in_and_come_out_as_postcard() {
    use Number::{F32, F64, I32, I64};
    let wat = r#"(module (func (export "f") (param i32 i64 f32 f64) (result f64 i32 i64 f32)
        (local.get 3) (i32.add (local.get 0) (i32.const 1)) (local.get 1) (local.get 2)))"#;
    let mut world = World::numbers(wat, "f", &[I32, I64, F32, F64], &[F64, I32, I64, F32]);
    let input = postcard::to_allocvec(&(-1_i32, i64::MIN, 1.5_f32, 2.5_f64)).unwrap();
    for keep_instance in [false, true, true] {
        let finished = world.run(
            &CallSpec {
                keep_instance,
                ..call()
            },
            &input,
        );
        assert_eq!(finished.completion, Completion::Value);
        let output: (f64, i32, i64, f32) = postcard::from_bytes(&finished.outbox.output).unwrap();
        assert_eq!(output, (2.5, 0, i64::MIN, 1.5));
    }
    let finished = world.run(&call(), &input[..input.len() - 1]);
    let Completion::Refused { message } = finished.completion else {
        panic!("a bad input was taken");
    };
    assert!(message.starts_with("parameter 4 of 4"), "{message}");
    let finished = world.run(
        &CallSpec {
            output: 3,
            ..call()
        },
        &input,
    );
    assert!(matches!(
        finished.completion,
        Completion::Output { limit: 3, .. }
    ));
}

#[test]
fn a_call_of_a_task_that_is_not_there_is_refused() {
    let mut world = task(r#"(func (export "task") (result i32) (i32.const 0))"#);
    let finished = world.run(&CallSpec { task: 1, ..call() }, b"");
    assert!(matches!(finished.completion, Completion::Refused { .. }));
    let finished = world.run(
        &CallSpec {
            fuel: Some(5),
            ..call()
        },
        b"",
    );
    assert!(matches!(finished.completion, Completion::Refused { .. }));
}

/// Says a name and a word to the host, and returns what the import did, and what it can read of the reply.
fn caller(name: &str, word: &str) -> World {
    let body = format!(
        r#"(import "wasmpool" "host_call" (func $host_call (param i32 i32 i32 i32) (result i32)))
        (import "wasmpool" "message_read" (func $message_read (param i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 16) "{name}") (data (i32.const 512) "{word}")
        (import "wasmpool" "output_write" (func $output_write (param i32 i32)))
        (func (export "task") (result i32)
            (i32.store (i32.const 0) (call $host_call (i32.const 16) (i32.const {}) (i32.const 512) (i32.const {})))
            (i32.store (i32.const 4) (call $message_read (i32.const 1024) (i32.const 1) (i32.const 100)))
            (call $output_write (i32.const 0) (i32.const 8))
            (call $output_write (i32.const 1024) (i32.load (i32.const 4)))
            (i32.const 0))"#,
        name.len(),
        word.len()
    );
    // Imports come first in a text.
    let (imports, rest): (Vec<&str>, Vec<&str>) =
        body.lines().partition(|line| line.contains("(import"));
    World::abi(
        &format!("(module {} {})", imports.join(" "), rest.join(" ")),
        &["task"],
    )
}

#[test]
fn a_call_of_the_host_has_its_reply_in_the_message() {
    let mut world = caller("twice", "abc");
    let finished = world.run(&call(), b"");
    assert_eq!(finished.completion, Completion::Value);
    let calls = &finished.outbox.calls;
    assert_eq!(
        calls[..],
        [("Function(\"twice\")".to_owned(), b"abc".to_vec())]
    );
    assert_eq!(finished.outbox.output, b"\x06\0\0\0\x05\0\0\0bcabc");
}

#[test]
fn a_call_that_the_host_refuses_returns_the_code() {
    for name in ["none", &"x".repeat(256)] {
        let finished = caller(name, "abc").run(&call(), b"");
        assert_eq!(finished.outbox.output, b"\xf1\xff\xff\xff\0\0\0\0");
        let asked = name.len() <= 255;
        assert_eq!(finished.outbox.calls.len(), usize::from(asked), "{name}");
    }
}

#[test]
fn a_task_that_waits_for_the_host_can_be_stopped() {
    let finished = caller("silence", "").run_and_stop(&call(), Duration::from_millis(20));
    assert_eq!(finished.completion, Completion::Stopped);
}

#[test]
fn an_import_of_numbers_is_a_call_of_the_host() {
    let wat = r#"(module
        (import "env" "even" (func $even (param i32 f64)))
        (import "env" "odd" (func $odd (param i64) (result i64)))
        (import "env" "odd" (func $again (param i64) (result i64)))
        (func (export "nothing") (call $even (i32.const -5) (f64.const 0.5)))
        (func (export "one") (result i64) (call $again (i64.const 7))))"#;
    let mut world = World::numbers(wat, "one", &[], &[Number::I64]);
    let finished = world.run(&call(), b"");
    // The host of these tests says everything twice, and two numbers are no result of one.
    let Completion::Trap(trap) = &finished.completion else {
        panic!("{:?}", finished.completion)
    };
    let expected = "import `env` `odd`: 1 bytes follow the last of 1 parameters";
    assert!(trap.message.contains(expected), "{}", trap.message);
    let import = "Import { module: \"env\", name: \"odd\" }".to_owned();
    assert_eq!(finished.outbox.calls, [(import, vec![14])]);
}
