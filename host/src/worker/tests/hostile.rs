//! Hostile guests: what each does, and how it must end.

use std::sync::{
    atomic::{AtomicU64, Ordering::SeqCst},
    mpsc,
};

use super::world::*;
use crate::wire::completion::{Completion, OutputKind};

const IMPORTS: &str = r#"
    (import "wasmpool" "input_len" (func $input_len (result i32)))
    (import "wasmpool" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
    (import "wasmpool" "output_write" (func $output_write (param i32 i32)))
    (import "wasmpool" "fail" (func $fail (param i32 i32 i32)))
    (import "wasmpool" "emit" (func $emit (param i32 i32)))
    (import "wasmpool" "log" (func $log (param i32 i32 i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_res_get" (func $res (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $fdstat (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_filestat_get" (func $filestat (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "proc_raise" (func $raise (param i32) (result i32)))"#;

/// A module with one page of memory whose task has this body.
fn guest(body: &str) -> String {
    format!(
        r#"(module {IMPORTS} (memory (export "memory") 1)
            (func (export "task") (result i32) {body}))"#
    )
}

fn is_trap(completion: &Completion, words: &str) -> bool {
    matches!(completion, Completion::Trap(trap) if trap.message.contains(words))
}

/// (what it does, the module, the call, whether it ended as it must)
type Row = (&'static str, String, CallSpec, fn(&Completion) -> bool);

fn one_mib() -> CallSpec {
    CallSpec {
        memory: 1 << 20,
        ..call()
    }
}

fn rows() -> Vec<Row> {
    vec![
        ("unreachable", guest("unreachable"), call(), |it| is_trap(it, "unreachable")),
        ("divide_by_zero", guest("(i32.div_s (i32.const 1) (i32.const 0))"), call(), |it| {
            is_trap(it, "divide by zero")
        }),
        ("load_outside", guest("(i32.load (i32.const -1))"), call(), |it| {
            is_trap(it, "out of bounds memory access")
        }),
        (
            "deep_recursion",
            r#"(module (func $f (export "task") (result i32)
                (i32.add (call $f) (i32.const 1))))"#.to_owned(),
            call(),
            |it| is_trap(it, "call stack exhausted"),
        ),
        (
            "deep_recursion_through_a_host_call",
            guest("(call $log (i32.const 1) (i32.const 0) (i32.const 0)) (call $f)").replace(
                "(func (export \"task\")",
                "(func $f (export \"task\")",
            ),
            call(),
            |it| is_trap(it, "call stack exhausted"),
        ),
        (
            "eat_memory_then_abort",
            guest("(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable"),
            one_mib(),
            |it| *it == Completion::Memory { limit: 1 << 20, wanted: 17 << 16 },
        ),
        (
            "eat_memory_then_fail",
            guest("(drop (memory.grow (i32.const 100))) (i32.const 3)"),
            one_mib(),
            |it| *it == Completion::Memory { limit: 1 << 20, wanted: 101 << 16 },
        ),
        (
            "grow_refused_and_coped_with",
            guest("(i32.xor (memory.grow (i32.const 100)) (i32.const -1))"),
            one_mib(),
            |it| *it == Completion::Value,
        ),
        (
            "grow_past_its_own_maximum_then_abort",
            r#"(module (memory 1 2) (func (export "task") (result i32)
                (drop (memory.grow (i32.const 2))) unreachable))"#.to_owned(),
            one_mib(),
            |it| is_trap(it, "unreachable"),
        ),
        (
            "two_memories_are_one_sum",
            r#"(module (memory $a 8) (memory $b 8) (func (export "task") (result i32)
                (if (i32.ne (memory.grow $b (i32.const 1)) (i32.const -1)) (then (return (i32.const 0))))
                unreachable))"#.to_owned(),
            one_mib(),
            |it| *it == Completion::Memory { limit: 1 << 20, wanted: 17 << 16 },
        ),
        (
            "minimum_over_the_limit",
            r#"(module (memory 17) (func (export "task") (result i32) (i32.const 0)))"#.to_owned(),
            one_mib(),
            |it| *it == Completion::Memory { limit: 1 << 20, wanted: 17 << 16 },
        ),
        (
            "table_grow_to_the_end",
            r#"(module (table $t 1 funcref) (func (export "task") (result i32)
                (loop $l (br_if $l (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))
                unreachable))"#.to_owned(),
            one_mib(),
            |it| *it == Completion::Memory { limit: 1 << 20, wanted: 66_001 * 16 },
        ),
        (
            "table_grow_past_the_pool",
            r#"(module (table $t 1 funcref) (func (export "task") (result i32)
                (drop (table.grow $t (ref.null func) (i32.const 0x7fffffff))) unreachable))"#.to_owned(),
            call(),
            |it| matches!(it, Completion::Memory { limit: 1_600_000, .. }),
        ),
        (
            "huge_output",
            guest("(loop $l (call $output_write (i32.const 0) (i32.const 65536)) (br $l)) unreachable"),
            call(),
            |it| {
                let limit = 1 << 20;
                *it == Completion::Output { what: OutputKind::Result, limit, wanted: limit + (1 << 16) }
            },
        ),
        (
            "huge_partials",
            guest("(loop $l (call $emit (i32.const 0) (i32.const 65536)) (br $l)) unreachable"),
            call(),
            |it| matches!(it, Completion::Output { what: OutputKind::Partial, limit: 1_048_576, .. }),
        ),
        ("exit", guest("(call $exit (i32.const 3)) (i32.const 0)"), call(), |it| {
            matches!(it, Completion::Guest(failure) if failure.code == 3)
        }),
        ("raise", guest("(call $raise (i32.const 9))"), call(), |it| is_trap(it, "signal 9")),
        (
            "data_outside_of_its_memory",
            r#"(module (memory 1) (data (i32.const 65535) "ab")
                (func (export "task") (result i32) (i32.const 0)))"#.to_owned(),
            call(),
            |it| is_trap(it, "out of bounds"),
        ),
        (
            "start_function_traps",
            r#"(module (func $s unreachable) (start $s)
                (func (export "task") (result i32) (i32.const 0)))"#.to_owned(),
            call(),
            |it| is_trap(it, "unreachable"),
        ),
        (
            "initialize_traps",
            r#"(module (func (export "_initialize") unreachable)
                (func (export "task") (result i32) (i32.const 0)))"#.to_owned(),
            call(),
            |it| is_trap(it, "unreachable"),
        ),
        (
            "no_memory",
            r#"(module (import "wasmpool" "output_write" (func $w (param i32 i32)))
                (func (export "task") (result i32) (call $w (i32.const 0) (i32.const 0)) (i32.const 0)))"#
                .to_owned(),
            call(),
            |it| is_trap(it, "exports no memory"),
        ),
        (
            "memory_is_a_function",
            r#"(module (import "wasmpool" "output_write" (func $w (param i32 i32)))
                (func (export "memory")) (func (export "task") (result i32)
                    (call $w (i32.const 0) (i32.const 0)) (i32.const 0)))"#.to_owned(),
            call(),
            |it| is_trap(it, "exports no memory"),
        ),
    ]
}

#[test]
fn every_hostile_guest_ends_as_it_must_and_the_next_task_runs() {
    for (name, wat, call, ended_well) in rows() {
        let mut world = World::abi(&wat, &["task"]);
        for keep_instance in [false, true, false] {
            let finished = world.run(
                &CallSpec {
                    keep_instance,
                    ..call
                },
                b"",
            );
            assert!(
                ended_well(&finished.completion),
                "{name}: {:?}",
                finished.completion
            );
            if finished.completion != Completion::Value {
                assert_eq!(finished.outbox.output, b"", "{name}");
            }
        }
    }
}

#[test]
fn a_pointer_outside_of_memory_traps_in_every_import() {
    let far = "(i32.const 65533)";
    for (call_text, function) in [
        (format!("(call $input_read {far} (i32.const 0) (i32.const 4))"), "input_read"),
        ("(call $input_read (i32.const -1) (i32.const 0) (i32.const -1))".into(), "input_read"),
        (format!("(call $output_write {far} (i32.const 4)) (i32.const 0)"), "output_write"),
        ("(call $output_write (i32.const 1) (i32.const -1)) (i32.const 0)".into(), "output_write"),
        (format!("(call $fail (i32.const 0) {far} (i32.const 4)) (i32.const 0)"), "fail"),
        (format!("(call $emit {far} (i32.const 4)) (i32.const 0)"), "emit"),
        (format!("(call $log (i32.const 1) {far} (i32.const 4)) (i32.const 0)"), "log"),
        // The list of buffers, a buffer, and the result.
        (format!("(call $fd_write (i32.const 1) {far} (i32.const 1) (i32.const 0))"), "fd_write"),
        ("(call $fd_write (i32.const 1) (i32.const -8) (i32.const 1024) (i32.const 0))".into(), "fd_write"),
        (format!("(i64.store (i32.const 0) (i64.const 0x10000ffff)) (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) {far}))"), "fd_write"),
        ("(i64.store (i32.const 0) (i64.const -1)) (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8))".into(), "fd_write"),
        ("(i64.store (i32.const 0) (i64.const -1)) (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))".into(), "fd_read"),
        (format!("(call $fd_read (i32.const 0) (i32.const 0) (i32.const 0) {far})"), "fd_read"),
        (format!("(call $random_get {far} (i32.const 4))"), "random_get"),
        ("(call $random_get (i32.const 0) (i32.const -1))".into(), "random_get"),
        (format!("(call $poll {far} (i32.const 0) (i32.const 1) (i32.const 0))"), "poll_oneoff"),
        (format!("(call $poll (i32.const 0) {far} (i32.const 1) (i32.const 0))"), "poll_oneoff"),
        (format!("(call $poll (i32.const 0) (i32.const 0) (i32.const 1) {far})"), "poll_oneoff"),
        (format!("(call $clock (i32.const 0) (i64.const 0) {far})"), "clock_time_get"),
        (format!("(call $res (i32.const 0) {far})"), "clock_res_get"),
        (format!("(call $args (i32.const 0) {far})"), "args_sizes_get"),
        (format!("(call $environ {far} (i32.const 0))"), "environ_sizes_get"),
        (format!("(call $fdstat (i32.const 1) {far})"), "fd_fdstat_get"),
        (format!("(call $filestat (i32.const 1) {far})"), "fd_filestat_get"),
    ] {
        // A body may leave results of earlier calls behind.
        let body = format!("{call_text} (return)");
        let mut world = World::abi(&guest(&body), &["task"]);
        let finished = world.run(&call(), b"0123456789");
        let Completion::Trap(trap) = &finished.completion else {
            panic!("{call_text}: {:?}", finished.completion);
        };
        assert!(trap.message.starts_with(&format!("{function}: ")), "{call_text}: {}", trap.message);
        assert!(trap.message.ends_with("outside of the memory of 65536 bytes"), "{}", trap.message);
        assert_eq!(trap.backtrace.len(), 1, "{call_text}");
    }
}

#[test]
fn a_trap_has_its_backtrace_and_a_deep_one_is_cut() {
    let mut world = World::abi(
        r#"(module (func $leaf unreachable)
            (func $f (param i32) (result i32)
                (if (i32.eqz (local.get 0)) (then (call $leaf)))
                (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))))
            (func (export "task") (result i32) (call $f (i32.const 500))))"#,
        &["task"],
    );
    let Completion::Trap(trap) = world.run(&call(), b"").completion else {
        panic!("no trap");
    };
    assert_eq!(
        trap.message,
        "wasm trap: wasm `unreachable` instruction executed"
    );
    assert_eq!(trap.backtrace[0].function, "leaf");
    assert_eq!(trap.backtrace[1].function, "f");
    assert!((10..=crate::worker::outcome::MAX_FRAMES).contains(&trap.backtrace.len()));
}

#[test]
fn names_in_a_backtrace_are_capped() {
    let name = "n".repeat(100_000);
    let wat = format!(r#"(module (func ${name} (export "task") (result i32) unreachable))"#);
    let mut world = World::abi(&wat, &["task"]);
    let Completion::Trap(trap) = world.run(&call(), b"").completion else {
        panic!("no trap");
    };
    assert!(trap.backtrace[0].function.len() <= crate::worker::outcome::MAX_NAME);
}

#[test]
fn fuel_runs_out_call_by_call() {
    let mut world = World::abi_with_fuel(
        r#"(module (import "wasmpool" "input_len" (func $len (result i32)))
            (func (export "task") (result i32)
                (if (call $len) (then (loop $l (br $l)))) (i32.const 0)))"#,
    );
    for keep_instance in [false, true, true] {
        let call = CallSpec {
            fuel: Some(10_000),
            keep_instance,
            ..call()
        };
        let finished = world.run(&call, b"");
        assert_eq!(finished.completion, Completion::Value);
        let finished = world.run(&call, b"x");
        assert_eq!(finished.completion, Completion::Fuel { limit: 10_000 });
    }
    // The amount is that of each call, however small.
    let call = CallSpec {
        fuel: Some(1),
        ..call()
    };
    let finished = world.run(&call, b"");
    assert_eq!(finished.completion, Completion::Fuel { limit: 1 });
}

#[test]
fn processor_time_is_used_up_call_by_call_and_only_by_running() {
    // It spins when it has input.
    let mut world = World::abi(
        r#"(module (import "wasmpool" "input_len" (func $len (result i32)))
            (func (export "task") (result i32)
                (if (call $len) (then (loop $l (br $l)))) (i32.const 0)))"#,
        &["task"],
    );
    let (engine, (done, over)) = (world.engine.clone(), std::sync::mpsc::channel::<()>());
    // The host asks now and then, and tells nobody to stop.
    let asker = std::thread::spawn(move || {
        while over.recv_timeout(Duration::from_millis(1)).is_err() {
            engine.increment_epoch();
        }
    });
    // More than one that does not spin uses up on any machine.
    let limit = 200_000_000;
    for keep_instance in [false, true, true] {
        let call = CallSpec {
            cpu: Some(limit),
            keep_instance,
            ..call()
        };
        assert_eq!(world.run(&call, b"").completion, Completion::Value);
        match world.run(&call, b"x").completion {
            Completion::CpuTime { used } => assert!(used >= limit, "{used}"),
            other => panic!("{other:?}"),
        }
    }
    done.send(()).unwrap();
    asker.join().unwrap();
}

#[test]
fn too_many_log_records_end_the_task_and_those_before_are_told() {
    for (name, text) in [
        ("log", "(call $log (i32.const 1) (i32.const 0) (i32.const 36))"),
        (
            "stdout",
            "(i64.store (i32.const 0) (i64.const 0x2400000064)) (i32.store8 (i32.const 135) (i32.const 10))
             (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))",
        ),
    ] {
        let body = format!("(loop $l {text} (br $l)) (i32.const 0)");
        let mut world = World::abi(&guest(&body), &["task"]);
        let call = CallSpec {
            logs: 1000,
            ..call()
        };
        let finished = world.run(&call, b"");
        match finished.completion {
            Completion::Output {
                what: OutputKind::Logs,
                limit: 1000,
                wanted,
            } => assert!(wanted > 1000, "{name}: {wanted}"),
            other => panic!("{name}: {other:?}"),
        }
        let told: usize = finished.outbox.log.iter().map(|(_, _, text)| text.len() + 64).sum();
        assert!((900..=1000).contains(&told), "{name}: {told}");
    }
}

#[test]
fn a_last_line_that_is_too_much_is_no_secret() {
    // 36 bytes without an end.
    let body = "(i64.store (i32.const 0) (i64.const 0x2400000064))
        (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))";
    let mut world = World::abi(&guest(body), &["task"]);
    for (logs, fits) in [(100, true), (99, false)] {
        let finished = world.run(&CallSpec { logs, ..call() }, b"");
        assert_eq!(
            finished.completion == Completion::Value,
            fits,
            "{finished:?}"
        );
        assert_eq!(finished.outbox.log.len(), usize::from(fits));
    }
}

/// What a task may be doing when it is told to stop.
fn endless() -> Vec<(&'static str, String)> {
    let spin = "(loop $l (br $l)) (i32.const 0)";
    // One clock subscription of 2⁶⁴ - 1 nanoseconds, relative and absolute.
    let sleep = |flags: u32| {
        format!(
            "(i64.store (i32.const 24) (i64.const -1)) (i32.store (i32.const 16) (i32.const 1))
            (i32.store16 (i32.const 40) (i32.const {flags}))
            (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 200))"
        )
    };
    let module = |more: &str| format!("(module {IMPORTS} (memory (export \"memory\") 1) {more})");
    vec![
        ("spin", guest(spin)),
        (
            "spin_in_start",
            module(&format!(
                r#"(func $s (drop (block (result i32) {spin}))) (start $s)
                (func (export "task") (result i32) (i32.const 0))"#
            )),
        ),
        (
            "spin_in_initialize",
            module(&format!(
                r#"(func (export "_initialize") (drop (block (result i32) {spin})))
                (func (export "task") (result i32) (i32.const 0))"#
            )),
        ),
        (
            "tail_calls",
            r#"(module (func $f (export "task") (result i32) (return_call $f)))"#.to_owned(),
        ),
        ("sleep", guest(&sleep(0))),
        ("sleep_until", guest(&sleep(1))),
        (
            "random_flood",
            guest("(loop $l (drop (call $random_get (i32.const 0) (i32.const 65536))) (br $l)) unreachable"),
        ),
        (
            "random_4_gib",
            r#"(module (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
                (memory (export "memory") 65536)
                (func (export "task") (result i32) (call $random_get (i32.const 0) (i32.const -1))))"#
                .to_owned(),
        ),
        (
            "stdout_flood",
            guest("(i64.store (i32.const 0) (i64.const 0x1000000000000))
                (loop $l (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))) (br $l)) unreachable"),
        ),
        (
            "log_flood",
            guest("(loop $l (call $log (i32.const 1) (i32.const 0) (i32.const 65536)) (br $l)) unreachable"),
        ),
    ]
}

#[test]
fn a_stop_ends_whatever_the_task_does() {
    for (name, wat) in endless() {
        let mut world = World::abi(&wat, &["task"]);
        for keep_instance in [false, true] {
            let call = CallSpec {
                keep_instance,
                memory: 5 << 30,
                ..call()
            };
            let began = Instant::now();
            let finished = world.run_and_stop(&call, Duration::from_millis(20));
            assert_eq!(finished.completion, Completion::Stopped, "{name}");
            assert!(began.elapsed() < LONG, "{name}: {:?}", began.elapsed());
        }
    }
}

#[test]
fn a_stop_that_came_before_the_task_ends_it_and_not_the_next() {
    let mut world = World::abi(&guest("(i32.const 0)"), &["task"]);
    for keep_instance in [false, true, true] {
        let call = CallSpec {
            keep_instance,
            ..call()
        };
        world.stop.set(true);
        world.engine.increment_epoch();
        assert_eq!(world.run(&call, b"").completion, Completion::Stopped);
        world.stop.set(false);
        assert_eq!(world.run(&call, b"").completion, Completion::Value);
    }
}

#[test]
fn an_epoch_that_was_meant_for_another_task_ends_nothing() {
    let mut world = World::abi(
        &guest(
            "(local $i i32) (loop $l (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 30000000)))) (i32.const 0)",
        ),
        &["task"],
    );
    let engine = world.engine.clone();
    let signals = AtomicU64::new(0);
    std::thread::scope(|scope| {
        // Over when it is dropped, also by a panic.
        let (_running, over) = mpsc::channel::<()>();
        let signals = &signals;
        scope.spawn(move || {
            while over.try_recv() == Err(mpsc::TryRecvError::Empty) {
                engine.increment_epoch();
                signals.fetch_add(1, SeqCst);
                std::thread::yield_now();
            }
        });
        // On a busy machine a task may run from its beginning to its end while the noise does not.
        let began = Instant::now();
        let mut outcomes = Vec::new();
        let mut disturbed = false;
        while !disturbed && began.elapsed() < LONG {
            let before = signals.load(SeqCst);
            outcomes.push(world.run(&call(), b"").completion);
            disturbed = signals.load(SeqCst) > before + 1;
        }
        assert!(disturbed, "no signal in {} tasks", outcomes.len());
        assert!(outcomes.iter().all(|it| *it == Completion::Value));
    });
}
