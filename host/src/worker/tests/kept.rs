//! Instances between tasks: fresh ones have nothing of the last, kept ones have all of it until they must go.

use std::rc::Rc;

use wasmpool_abi::{Code, ObjectKind};

use super::world::*;
use crate::wire::{
    completion::Completion,
    message::{Access, ObjectSpec, Shape},
};
use crate::worker::objects::{Entry, TaskObject};

/// Counts calls in a global, fills memory, and does what the input's first byte says after that.
const COUNTER: &str = r#"(module
    (import "wasmpool" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
    (import "wasmpool" "output_write" (func $output_write (param i32 i32)))
    (import "wasmpool" "fail" (func $fail (param i32 i32 i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 4)
    (table 4 funcref)
    (elem declare func $here)
    (func $here)
    (global $calls (mut i32) (i32.const 0))
    (func (export "_initialize") (global.set $calls (i32.const 100)))
    (func (export "other") (result i32) (call $count))
    (func (export "task") (result i32) (call $count))
    (func $count (result i32) (local $do i32)
        (drop (call $input_read (i32.const 0) (i32.const 0) (i32.const 1)))
        (local.set $do (i32.load8_u (i32.const 0)))
        (i32.store8 (i32.const 0) (i32.const 0))
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (i32.store (i32.const 8) (global.get $calls))
        (call $output_write (i32.const 8) (i32.const 4))
        (call $output_write (i32.const 70000) (i32.const 4))
        (call $output_write (i32.const 262140) (i32.const 4))
        (i32.store8 (i32.const 16) (ref.is_null (table.get 0 (i32.const 1))))
        (call $output_write (i32.const 16) (i32.const 1))
        (i32.store (i32.const 70000) (i32.const 0x5ec2e7))
        (i32.store (i32.const 262140) (i32.const 0x5ec2e7))
        (table.set 0 (i32.const 1) (ref.func $here))
        (if (i32.eq (local.get $do) (i32.const 116)) (then unreachable))
        (if (i32.eq (local.get $do) (i32.const 101)) (then (call $exit (i32.const 0))))
        (if (i32.eq (local.get $do) (i32.const 111)) (then (call $output_write (i32.const 0) (i32.const 200000))))
        (if (i32.eq (local.get $do) (i32.const 103)) (then (drop (memory.grow (i32.const 6)))))
        (if (i32.eq (local.get $do) (i32.const 102)) (then
            (call $fail (i32.const 0) (i32.const 0) (i32.const 0)) (return (i32.const 5))))
        (i32.const 0)))"#;

/// The output of a first call in a fresh instance.
const FRESH: [u8; 13] = [101, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

fn again(calls: u8) -> Vec<u8> {
    [calls, 0, 0, 0, 0xe7, 0xc2, 0x5e, 0, 0xe7, 0xc2, 0x5e, 0, 0].to_vec()
}

#[test]
fn a_fresh_instance_has_nothing_of_the_last() {
    let mut world = World::abi(COUNTER, &["task", "other"]);
    for task in [0, 1, 0, 0, 1] {
        for end in ["", "t", "e", "g"] {
            let finished = world.run(&CallSpec { task, ..call() }, end.as_bytes());
            if finished.completion == Completion::Value {
                assert_eq!(finished.outbox.output, FRESH);
            }
        }
    }
}

#[test]
fn a_kept_instance_keeps_its_state_through_values_and_ordinary_errors() {
    let mut world = World::abi(COUNTER, &["task", "other"]);
    let keep = CallSpec {
        keep_instance: true,
        ..call()
    };
    assert_eq!(world.run(&keep, b"").outbox.output, FRESH);
    assert_eq!(world.run(&keep, b"").outbox.output, again(102));
    assert!(matches!(
        world.run(&keep, b"f").completion,
        Completion::Guest(_)
    ));
    let other = CallSpec { task: 1, ..keep };
    assert_eq!(world.run(&other, b"").outbox.output, again(104));
    assert_eq!(world.run(&keep, b"").outbox.output, again(105));
    world.runner.end_batch();
    assert_eq!(world.run(&keep, b"").outbox.output, FRESH);
    // A call that wants its own never sees the kept one, nor does what follows it.
    assert_eq!(world.run(&call(), b"").outbox.output, FRESH);
    assert_eq!(world.run(&keep, b"").outbox.output, FRESH);
}

#[test]
fn any_other_end_drops_the_instance() {
    let mut world = World::abi(COUNTER, &["task", "other"]);
    let keep = CallSpec {
        keep_instance: true,
        output: 100_000,
        ..call()
    };
    for (end, kind) in [("t", "Trap"), ("e", "Guest"), ("o", "Output")] {
        assert_eq!(world.run(&keep, b"").outbox.output, FRESH);
        assert_eq!(world.run(&keep, b"").outbox.output, again(102));
        let ended = match world.run(&keep, end.as_bytes()).completion {
            Completion::Trap(_) => "Trap",
            Completion::Guest(_) => "Guest",
            Completion::Output { .. } => "Output",
            other => panic!("{end}: {other:?}"),
        };
        assert_eq!(ended, kind);
        assert_eq!(world.run(&keep, b"").outbox.output, FRESH);
        world.runner.end_batch();
    }
}

#[test]
fn an_instance_that_grew_past_half_of_its_limit_is_dropped() {
    let mut world = World::abi(COUNTER, &["task"]);
    let limited = |pages: u64| CallSpec {
        keep_instance: true,
        memory: (pages << 16) + 64,
        ..call()
    };
    // From 4 to 10 pages: half of 20 is not passed but for the table.
    world.run(&limited(21), b"g");
    assert_eq!(world.run(&limited(21), b"").outbox.output, again(102));
    world.runner.end_batch();
    world.run(&limited(19), b"g");
    assert_eq!(world.run(&limited(19), b"").outbox.output, FRESH);
    world.runner.end_batch();
    // One that starts past half is no smaller when it is made anew.
    world.run(&limited(5), b"");
    assert_eq!(world.run(&limited(5), b"").outbox.output, again(102));
    // The next call's limit may be smaller than what is in use.
    world.runner.end_batch();
    world.run(&limited(21), b"g");
    let finished = world.run(&limited(9), b"");
    assert_eq!(finished.outbox.output, FRESH);
}

#[test]
fn per_call_marks_do_not_pass_to_the_next_call() {
    // A growth refused in a call that succeeds says nothing of a later one that fails.
    let mut world = World::abi(
        r#"(module (import "wasmpool" "input_len" (func $len (result i32)))
            (import "wasmpool" "emit" (func $emit (param i32 i32)))
            (memory (export "memory") 1)
            (func (export "task") (result i32)
                (call $emit (i32.const 0) (i32.const 60000))
                (if (call $len) (then (return (i32.const 9))))
                (drop (memory.grow (i32.const 100))) (i32.const 0)))"#,
        &["task"],
    );
    let keep = CallSpec {
        keep_instance: true,
        memory: 1 << 20,
        partial: 100_000,
        ..call()
    };
    assert_eq!(world.run(&keep, b"").completion, Completion::Value);
    let Completion::Guest(failure) = world.run(&keep, b"x").completion else {
        panic!("not a guest failure");
    };
    assert_eq!(failure.code, 9);
}

#[test]
fn a_session_keeps_its_instance_over_batches_and_limits() {
    let mut world = World::abi(COUNTER, &["task", "other"]);
    let session = CallSpec {
        keep_instance: true,
        kind: CallKind::Session,
        ..call()
    };
    assert_eq!(world.run(&session, b"").outbox.output, FRESH);
    for calls in 102..105 {
        assert!(world.runner.keeps_instance());
        assert_eq!(world.run(&session, b"").outbox.output, again(calls));
    }
    // Grown past half of its limit, and given a lower one than what it has.
    let tight = CallSpec {
        memory: (10 << 16) + 64,
        ..session
    };
    assert_eq!(world.run(&tight, b"g").outbox.output, again(105));
    let low = CallSpec {
        memory: 1 << 16,
        ..session
    };
    assert_eq!(world.run(&low, b"").outbox.output, again(106));
    assert!(matches!(
        world.run(&session, b"f").completion,
        Completion::Guest(_)
    ));
    assert!(world.runner.keeps_instance());
}

#[test]
fn a_session_whose_instance_is_gone_gets_no_other() {
    for end in ["t", "e"] {
        let mut world = World::abi(COUNTER, &["task"]);
        let session = CallSpec {
            keep_instance: true,
            kind: CallKind::Session,
            ..call()
        };
        assert_eq!(world.run(&session, b"").outbox.output, FRESH);
        let _ended = world.run(&session, end.as_bytes());
        assert!(!world.runner.keeps_instance());
        for _ in 0..2 {
            let after = world.run(&session, b"").completion;
            assert!(
                matches!(&after, Completion::Refused { message } if message.contains("gone")),
                "{after:?}"
            );
        }
    }
}

/// Keeps the handle of its first object in a global at the first call, and tells what giving it up comes to at the next.
const KEEPS_HANDLE: &str = r#"(module
    (import "wasmpool" "handle" (func $handle (param i32) (result i32)))
    (import "wasmpool" "handle_drop" (func $drop (param i32) (result i32)))
    (import "wasmpool" "output_write" (func $output_write (param i32 i32)))
    (memory (export "memory") 1)
    (global $kept (mut i32) (i32.const 0))
    (func (export "task") (result i32)
        (if (global.get $kept)
            (then (i32.store (i32.const 0) (call $drop (global.get $kept))))
            (else
                (global.set $kept (call $handle (i32.const 0)))
                (i32.store (i32.const 0) (global.get $kept))))
        (call $output_write (i32.const 0) (i32.const 4))
        (i32.const 0)))"#;

#[test]
fn a_handle_that_a_session_keeps_is_stale_in_the_next_call() {
    let mut world = World::abi(KEEPS_HANDLE, &["task"]);
    let session = CallSpec {
        keep_instance: true,
        kind: CallKind::Session,
        ..call()
    };
    let spec = ObjectSpec {
        kind: ObjectKind::Event as u8,
        file: 0,
        shape: Shape::Plain,
    };
    let object = Rc::new(TaskObject::new(&spec, None).unwrap());
    let mut number = || {
        // Each call is given the same object.
        world.runner.give(vec![Entry {
            object: Rc::clone(&object),
            access: Access::Whole,
        }]);
        let output = world.run(&session, b"").outbox.output;
        i32::from_le_bytes(output.try_into().unwrap())
    };
    assert!(number() > 0);
    assert_eq!(number(), i32::from(Code::Stale));
    assert_eq!(number(), i32::from(Code::Stale));
}

/// Adds its input to a global and returns the sum; fails in two ways when it is told to.
const SUM: &str = r#"(module
    (import "wasmpool" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
    (import "wasmpool" "output_write" (func $output_write (param i32 i32)))
    (memory (export "memory") 1)
    (global $sum (mut i32) (i32.const 0))
    (func (export "task") (result i32)
        (drop (call $input_read (i32.const 0) (i32.const 0) (i32.const 1)))
        (if (i32.eq (i32.load8_u (i32.const 0)) (i32.const 255)) (then (return (i32.const 3))))
        (if (i32.eq (i32.load8_u (i32.const 0)) (i32.const 254)) (then unreachable))
        (global.set $sum (i32.add (global.get $sum) (i32.load8_u (i32.const 0))))
        (i32.store8 (i32.const 1) (global.get $sum))
        (call $output_write (i32.const 1) (i32.const 1))
        (i32.const 0)))"#;

#[test]
fn an_initializer_runs_once_in_each_fresh_instance_and_leaves_no_output() {
    let mut world = World::abi(SUM, &["task"]);
    world.runner.initialize_with(Some((0, [40].into())));
    assert_eq!(world.run(&call(), &[2]).outbox.output, [42]);
    assert_eq!(world.run(&call(), &[3]).outbox.output, [43]);
    let keep = CallSpec {
        keep_instance: true,
        ..call()
    };
    assert_eq!(world.run(&keep, &[2]).outbox.output, [42]);
    assert_eq!(world.run(&keep, &[1]).outbox.output, [43]);
    world.runner.end_batch();
    world.runner.initialize_with(None);
    assert_eq!(world.run(&keep, &[2]).outbox.output, [2]);
}

#[test]
fn an_initializer_that_fails_is_the_end_of_the_task_and_of_its_instance() {
    for (input, wanted) in [(255, "it returned 3"), (254, "unreachable")] {
        let mut world = World::abi(SUM, &["task"]);
        world.runner.initialize_with(Some((0, [input].into())));
        let keep = CallSpec {
            keep_instance: true,
            ..call()
        };
        for _ in 0..2 {
            let finished = world.run(&keep, &[2]);
            assert!(finished.outbox.output.is_empty());
            let message = match finished.completion {
                Completion::Guest(failure) => failure.message,
                Completion::Trap(trap) => trap.message,
                other => panic!("{other:?}"),
            };
            assert!(message.starts_with("the initializer failed: "), "{message}");
            assert!(message.contains(wanted), "{message}");
            assert!(!world.runner.keeps_instance());
        }
    }
}
