//! WASI commands: arguments, standard input, captured output, exit codes.

use super::world::*;
use crate::module::info::{CommandInput, CommandOutput};
use crate::wire::completion::{Completion, OutputKind};

/// Writes its arguments to standard output, copies its input there, a word to standard error, and exits with 7 when it
/// has more than one argument.
const ECHO: &str = r#"(module
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 2)
    (data (i32.const 60000) "warning: tail")
    (func $out (param $fd i32) (param $at i32) (param $len i32)
        (i32.store (i32.const 0) (local.get $at))
        (i32.store (i32.const 4) (local.get $len))
        (if (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable)))
    (func (export "_start")
        (if (call $sizes (i32.const 100) (i32.const 104)) (then unreachable))
        (if (call $args (i32.const 200) (i32.const 1000)) (then unreachable))
        (call $out (i32.const 1) (i32.load (i32.const 200)) (i32.load (i32.const 104)))
        (loop $more
            (i32.store (i32.const 0) (i32.const 70000))
            (i32.store (i32.const 4) (i32.const 7))
            (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 300)) (then unreachable))
            (call $out (i32.const 1) (i32.const 70000) (i32.load (i32.const 300)))
            (br_if $more (i32.load (i32.const 300))))
        (call $out (i32.const 2) (i32.const 60000) (i32.const 13))
        (if (i32.gt_u (i32.load (i32.const 100)) (i32.const 1)) (then (call $exit (i32.const 7))))))"#;

fn input(args: &[&str], stdin: &[u8]) -> Vec<u8> {
    postcard::to_allocvec(&CommandInput {
        args: args.iter().map(|&it| it.to_owned()).collect(),
        stdin: stdin.to_vec(),
    })
    .unwrap()
}

#[test]
fn a_command_gets_arguments_and_input_and_leaves_output_and_code() {
    let mut world = World::command(ECHO);
    for keep_instance in [false, true, true] {
        let call = CallSpec {
            keep_instance,
            stderr: 4,
            ..call()
        };
        let finished = world.run(&call, &input(&["echo", "ä"], b"a longer input"));
        assert_eq!(finished.completion, Completion::Value);
        let output: CommandOutput = postcard::from_bytes(&finished.outbox.output).unwrap();
        assert_eq!(
            output,
            CommandOutput {
                code: 7,
                stdout: "echo\0ä\0a longer input".into(),
                stderr: b"tail".to_vec(),
                stderr_dropped: 9,
            }
        );
        assert_eq!(finished.outbox.stderr, b"warning: tail");
        assert_eq!(finished.outbox.log, []);
    }
    let finished = world.run(&call(), &input(&["echo"], b""));
    let output: CommandOutput = postcard::from_bytes(&finished.outbox.output).unwrap();
    assert_eq!((output.code, &output.stdout[..]), (0, &b"echo\0"[..]));
}

#[test]
fn an_output_over_the_cap_is_an_error() {
    let mut world = World::command(ECHO);
    let call = CallSpec {
        output: 10,
        ..call()
    };
    let finished = world.run(&call, &input(&["echo"], b"12345678"));
    let (what, limit) = (OutputKind::Result, 10);
    assert_eq!(
        finished.completion,
        Completion::Output {
            what,
            limit,
            wanted: 12
        }
    );
    assert_eq!(finished.outbox.output, b"");
    assert_eq!(
        world.run(&call, &input(&["echo"], b"12345")).completion,
        Completion::Value
    );
}

#[test]
fn an_input_that_is_none_is_refused() {
    let mut world = World::command(ECHO);
    for (bytes, word) in [
        (b"\xff\xff".to_vec(), "did not decode"),
        (input(&["ok", "a\0b"], b""), "argument 1"),
        (
            [&input(&["ok"], b"in")[..], b"more"].concat(),
            "2 bytes of standard input follow, but there are 6",
        ),
        (
            input(&["ok"], b"in")[..6].to_vec(),
            "2 bytes of standard input follow, but there are 1",
        ),
    ] {
        let Completion::Refused { message } = world.run(&call(), &bytes).completion else {
            panic!("it was taken");
        };
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn a_command_that_traps_has_trapped() {
    let mut world = World::command(
        r#"(module (memory (export "memory") 1) (func (export "_start") unreachable))"#,
    );
    assert!(matches!(
        world.run(&call(), &input(&[], b"")).completion,
        Completion::Trap(_)
    ));
}
