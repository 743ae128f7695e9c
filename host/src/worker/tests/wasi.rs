//! WASI in tasks that are no commands: every function links, streams become records, clocks and waits.

use super::world::*;
use crate::wire::completion::{Completion, GuestFailure};

/// The functions of preview 1 with parameters and result, as its specification has them (`l` is `i64`, `i` is `i32`).
const FUNCTIONS: &[(&str, &str, &str)] = &[
    ("args_get", "ii", "i"),
    ("args_sizes_get", "ii", "i"),
    ("clock_res_get", "ii", "i"),
    ("clock_time_get", "ili", "i"),
    ("environ_get", "ii", "i"),
    ("environ_sizes_get", "ii", "i"),
    ("fd_advise", "illi", "i"),
    ("fd_allocate", "ill", "i"),
    ("fd_close", "i", "i"),
    ("fd_datasync", "i", "i"),
    ("fd_fdstat_get", "ii", "i"),
    ("fd_fdstat_set_flags", "ii", "i"),
    ("fd_fdstat_set_rights", "ill", "i"),
    ("fd_filestat_get", "ii", "i"),
    ("fd_filestat_set_size", "il", "i"),
    ("fd_filestat_set_times", "illi", "i"),
    ("fd_pread", "iiili", "i"),
    ("fd_prestat_dir_name", "iii", "i"),
    ("fd_prestat_get", "ii", "i"),
    ("fd_pwrite", "iiili", "i"),
    ("fd_read", "iiii", "i"),
    ("fd_readdir", "iiili", "i"),
    ("fd_renumber", "ii", "i"),
    ("fd_seek", "ilii", "i"),
    ("fd_sync", "i", "i"),
    ("fd_tell", "ii", "i"),
    ("fd_write", "iiii", "i"),
    ("path_create_directory", "iii", "i"),
    ("path_filestat_get", "iiiii", "i"),
    ("path_filestat_set_times", "iiiilli", "i"),
    ("path_link", "iiiiiii", "i"),
    ("path_open", "iiiiillii", "i"),
    ("path_readlink", "iiiiii", "i"),
    ("path_remove_directory", "iii", "i"),
    ("path_rename", "iiiiii", "i"),
    ("path_symlink", "iiiii", "i"),
    ("path_unlink_file", "iii", "i"),
    ("poll_oneoff", "iiii", "i"),
    ("proc_exit", "i", ""),
    ("proc_raise", "i", "i"),
    ("random_get", "ii", "i"),
    ("sched_yield", "", "i"),
    ("sock_accept", "iii", "i"),
    ("sock_recv", "iiiiii", "i"),
    ("sock_send", "iiiii", "i"),
    ("sock_shutdown", "ii", "i"),
];

fn types(letters: &str) -> String {
    letters
        .chars()
        .map(|letter| if letter == 'l' { " i64" } else { " i32" })
        .collect()
}

/// A module with all functions as `$name`, whose task has this body.
fn world(body: &str) -> World {
    let imports: String = FUNCTIONS
        .iter()
        .map(|(name, params, results)| {
            format!(
                "(import \"wasi_snapshot_preview1\" \"{name}\" (func ${name} (param{}) (result{})))\n",
                types(params),
                types(results)
            )
        })
        .collect();
    let wat = format!(
        r#"(module {imports} (memory (export "memory") 1)
        (data (i32.const 1000) "first\nsec") (data (i32.const 1010) "ond\n\nlast")
        (func $print (param $fd i32) (param $at i32) (param $len i32) (result i32)
            (i32.store (i32.const 0) (local.get $at))
            (i32.store (i32.const 4) (local.get $len))
            (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
        (func (export "task") (result i32) {body}))"#
    );
    World::abi(&wat, &["task"])
}

/// What the body leaves as the task's code.
fn code(body: &str) -> i32 {
    match world(body).run(&call(), b"").completion {
        Completion::Value => 0,
        Completion::Guest(GuestFailure { code, .. }) => code,
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn every_function_of_preview_1_links_with_its_signature() {
    assert_eq!(FUNCTIONS.len(), 46);
    assert_eq!(code("(i32.const 0)"), 0);
}

#[test]
fn what_needs_a_file_a_directory_or_a_socket_says_that_there_is_none() {
    let (badf, notdir, notsock, spipe) = (8, 54, 57, 70);
    for (name, params, _) in FUNCTIONS {
        let standard = match *name {
            _ if name.starts_with("path_") => notdir,
            _ if name.starts_with("sock_") => notsock,
            "fd_seek" | "fd_tell" | "fd_pread" | "fd_pwrite" | "fd_advise" | "fd_allocate" => spipe,
            "fd_prestat_get" | "fd_prestat_dir_name" => badf,
            "fd_readdir" => notdir,
            _ => continue,
        };
        for (fd, expected) in [(1, standard), (3, badf), (-1, badf)] {
            let arguments: String = params
                .chars()
                .map(|letter| {
                    // Every number is the descriptor: `path_symlink` has it in the third place.
                    if letter == 'l' {
                        "(i64.const -1)".to_owned()
                    } else {
                        format!("(i32.const {fd})")
                    }
                })
                .collect();
            assert_eq!(
                code(&format!("(call ${name} {arguments})")),
                expected,
                "{name} {fd}"
            );
        }
    }
}

#[test]
fn lines_on_the_standard_streams_become_records() {
    let mut world = world(
        "(drop (call $print (i32.const 1) (i32.const 1000) (i32.const 9)))
        (drop (call $print (i32.const 2) (i32.const 1000) (i32.const 6)))
        (drop (call $print (i32.const 1) (i32.const 1010) (i32.const 9)))
        (i32.const 0)",
    );
    let record = |stream, text: &str| (stream, 3, text.to_owned());
    for keep_instance in [false, true, true] {
        let finished = world.run(
            &CallSpec {
                keep_instance,
                ..call()
            },
            b"",
        );
        assert_eq!(finished.completion, Completion::Value);
        assert_eq!(
            finished.outbox.log,
            [
                record(LogSource::Stdout, "first"),
                record(LogSource::Stderr, "first"),
                record(LogSource::Stdout, "second"),
                record(LogSource::Stdout, ""),
                record(LogSource::Stdout, "last"),
            ]
        );
        assert_eq!(finished.outbox.stderr, b"first\n");
        assert_eq!(finished.outbox.output, b"");
    }
}

#[test]
fn a_task_that_gives_up_is_told_with_its_last_words() {
    let message = |end: &str| {
        let told = "(drop (call $print (i32.const 2) (i32.const 1010) (i32.const 9)))";
        match world(&format!("{told} {end}")).run(&call(), b"").completion {
            Completion::Trap(report) => report.message,
            other => panic!("{end}: {other:?}"),
        }
    };
    let given_up = message("unreachable");
    assert!(
        given_up
            .ends_with("unreachable` instruction executed, after these last words:\nond\n\nlast"),
        "{given_up}"
    );
    // A fault is not what the words before it are about.
    let fault = message("(i32.div_s (i32.const 1) (i32.const 0))");
    assert!(fault.ends_with("integer divide by zero"), "{fault}");
}

#[test]
fn a_line_without_end_goes_out_in_pieces() {
    let mut world = world(
        "(memory.fill (i32.const 2000) (i32.const 120) (i32.const 20000))
        (drop (call $print (i32.const 1) (i32.const 1000) (i32.const 9)))
        (call $print (i32.const 1) (i32.const 2000) (i32.const 20000))",
    );
    let log = world.run(&call(), b"").outbox.log;
    let lengths: Vec<_> = log.iter().map(|(_, _, text)| text.len()).collect();
    assert_eq!(lengths, [5, 8192, 8192, 20_003 - 2 * 8192]);
}

#[test]
fn descriptors_close_and_renumber() {
    let write = |fd: i32| format!("(call $print (i32.const {fd}) (i32.const 1000) (i32.const 1))");
    let (ok, badf) = (0, 8);
    assert_eq!(code(&write(1)), ok);
    assert_eq!(code(&write(0)), badf);
    assert_eq!(code(&write(3)), badf);
    assert_eq!(code("(call $fd_close (i32.const 1))"), ok);
    assert_eq!(
        code(&format!(
            "(drop (call $fd_close (i32.const 1))) {}",
            write(1)
        )),
        badf
    );
    assert_eq!(
        code(&format!(
            "(drop (call $fd_close (i32.const 1))) {}",
            write(2)
        )),
        ok
    );
    assert_eq!(
        code("(drop (call $fd_close (i32.const 1))) (call $fd_close (i32.const 1))"),
        badf
    );
    for (from, to, expected) in [
        (1, 2, ok),
        (1, 1, ok),
        (1, 3, badf),
        (3, 1, badf),
        (-1, -1, badf),
    ] {
        let renumber = format!("(call $fd_renumber (i32.const {from}) (i32.const {to}))");
        assert_eq!(code(&renumber), expected, "{from} {to}");
    }
    // Standard output under the number of standard input.
    let moved = "(drop (call $fd_renumber (i32.const 1) (i32.const 0)))";
    assert_eq!(code(&format!("{moved} {}", write(0))), ok);
    assert_eq!(code(&format!("{moved} {}", write(1))), badf);
}

#[test]
fn standard_input_of_a_task_is_at_its_end_and_no_stream_is_a_terminal() {
    let read = "(i64.store (i32.const 0) (i64.const 0x800000100))
        (i32.store (i32.const 16) (i32.const 99))
        (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
        (i32.load (i32.const 16))";
    assert_eq!(code(read), 0);
    for fd in 0..3 {
        let kind = format!(
            "(i32.store (i32.const 64) (i32.const -1))
            (drop (call $fd_fdstat_get (i32.const {fd}) (i32.const 64))) (i32.load8_u (i32.const 64))"
        );
        assert_ne!(code(&kind), 2, "a character device");
    }
}

#[test]
fn clocks_show_whole_microseconds_and_go_on() {
    for clock in 0..4 {
        let rest = format!(
            "(drop (call $clock_time_get (i32.const {clock}) (i64.const 1) (i32.const 16)))
            (i32.wrap_i64 (i64.rem_u (i64.load (i32.const 16)) (i64.const 1000)))"
        );
        assert_eq!(code(&rest), 0);
        let resolution = format!(
            "(drop (call $clock_res_get (i32.const {clock}) (i32.const 16))) (i32.load (i32.const 16))"
        );
        assert_eq!(code(&resolution), 1000);
    }
    assert_eq!(
        code("(call $clock_time_get (i32.const 4) (i64.const 1) (i32.const 16))"),
        28
    );
    // Monotonic time passes zero before anybody asks; the year is at least this project's first.
    let positive = "(drop (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 16)))
        (i64.gt_u (i64.load (i32.const 16)) (i64.const 0))";
    assert_eq!(code(positive), 1);
    let year = "(drop (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 16)))
        (i64.gt_u (i64.load (i32.const 16)) (i64.const 1700000000000000000))";
    assert_eq!(code(year), 1);
}

/// A clock subscription at `at`.
fn clock_subscription(at: u32, userdata: u32, clock: u32, nanos: i64, flags: u32) -> String {
    format!(
        "(i32.store (i32.const {at}) (i32.const {userdata}))
        (i32.store (i32.const {}) (i32.const {clock}))
        (i64.store (i32.const {}) (i64.const {nanos}))
        (i32.store16 (i32.const {}) (i32.const {flags}))",
        at + 16,
        at + 24,
        at + 40
    )
}

#[test]
fn poll_waits_for_the_first_clock_and_says_which() {
    let body = format!(
        "{} {} (drop (call $poll_oneoff (i32.const 0) (i32.const 400) (i32.const 2) (i32.const 800)))
        (i32.add (i32.mul (i32.const 100) (i32.load (i32.const 800))) (i32.load (i32.const 400)))",
        clock_subscription(0, 7, 1, 1_000_000_000_000, 0),
        clock_subscription(48, 9, 0, 20_000_000, 0),
    );
    let began = Instant::now();
    assert_eq!(code(&body), 109, "one event, of the second");
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(20) && took < LONG, "{took:?}");
    // A point in the past does not wait.
    let past = format!(
        "{} (drop (call $poll_oneoff (i32.const 0) (i32.const 400) (i32.const 1) (i32.const 800)))
        (i32.load (i32.const 800))",
        clock_subscription(0, 7, 0, 1, 1),
    );
    assert_eq!(code(&past), 1);
    // The events may lie over the subscriptions.
    let over = format!(
        "{} (drop (call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 800)))
        (i32.load (i32.const 0))",
        clock_subscription(0, 7, 1, 1, 0),
    );
    assert_eq!(code(&over), 7);
}

#[test]
fn poll_of_streams_is_ready_at_once_and_bad_ones_say_so() {
    let subscription = |kind: u32, fd: i32| {
        format!(
            "(i32.store8 (i32.const 8) (i32.const {kind})) (i32.store (i32.const 16) (i32.const {fd}))
            {} (drop (call $poll_oneoff (i32.const 0) (i32.const 400) (i32.const 2) (i32.const 800)))
            (i32.load16_u (i32.const 408))",
            clock_subscription(48, 9, 1, 1_000_000_000_000, 0),
        )
    };
    for (kind, fd, expected) in [
        (1, 0, 0),
        (2, 1, 0),
        (2, 2, 0),
        (1, 1, 8),
        (2, 0, 8),
        (1, 5, 8),
    ] {
        assert_eq!(code(&subscription(kind, fd)), expected, "{kind} {fd}");
    }
    let poll = |count: u32| {
        format!("(call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const {count}) (i32.const 0))")
    };
    for count in [0, 1025, 1_000_000, u32::MAX] {
        assert_eq!(code(&poll(count)), 28, "{count}");
    }
    assert_eq!(code(&subscription(3, 0)), 0, "no event was written");
}

#[test]
fn random_bytes_fill_all_of_it_and_differ() {
    let mut world = World::abi(
        r#"(module (import "wasmpool" "output_write" (func $w (param i32 i32)))
            (import "wasi_snapshot_preview1" "random_get" (func $r (param i32 i32) (result i32)))
            (memory (export "memory") 4)
            (func (export "task") (result i32)
                (drop (call $r (i32.const 10) (i32.const 200000)))
                (call $w (i32.const 0) (i32.const 200020)) (i32.const 0)))"#,
        &["task"],
    );
    let first = world.run(&call(), b"").outbox.output;
    let second = world.run(&call(), b"").outbox.output;
    assert_eq!(first[..10], [0; 10]);
    assert_eq!(first[200_010..], [0; 10]);
    assert_ne!(first, second);
    for part in first[10..200_010].chunks(100) {
        assert_ne!(part, [0; 100]);
    }
}
