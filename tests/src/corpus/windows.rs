//! Guests with shared objects: windows where none may be, and numbers that are no handle of theirs.

use wasmpool::__private::{RecordShape, record_len, write_record};
use wasmpool::{Code, Codec, Lock, RawArray, Typed};

use super::Class::{Frame, Memory};
use super::{Case, End, Lift, Run, Show, Source, case};

/// `work(lock, lock, array) -> u8`, the array of 128 KiB.
const SHAPE: RecordShape = RecordShape {
    name: "work",
    export: "work",
    codec: Codec::Postcard,
    args: &[
        &<Lock as Typed>::SCHEMA,
        &<Lock as Typed>::SCHEMA,
        &<RawArray<u64> as Typed>::SCHEMA,
    ],
    output: &<u8 as Typed>::SCHEMA,
    error: None,
};
const RECORD: [u8; record_len(&SHAPE)] = write_record(&SHAPE);

/// Bytes as a text of WebAssembly has them.
pub(super) fn escaped(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\{byte:02x}");
        text
    })
}

/// A module whose task answers with the code that `body` comes to, as a positive number. `$lock`, `$other` and `$array` are
/// its handles.
pub(super) fn objects(body: &str) -> Source {
    Source::Text(format!(
        r#"(module
    (import "wasmpool" "output_write" (func $output_write (param i32 i32)))
    (import "wasmpool" "handle" (func $handle (param i32) (result i32)))
    (import "wasmpool" "handle_drop" (func $drop (param i32) (result i32)))
    (import "wasmpool" "lock_acquire" (func $acquire (param i32 i64) (result i32)))
    (import "wasmpool" "lock_release" (func $release (param i32) (result i32)))
    (import "wasmpool" "shm_attach" (func $attach (param i32 i64 i32 i32) (result i32)))
    (import "wasmpool" "shm_detach" (func $detach (param i32) (result i32)))
    (import "wasmpool" "shm_read" (func $read (param i32 i64 i32 i32) (result i32)))
    (import "wasmpool" "shm_rmw" (func $rmw (param i32 i32 i64 i64) (result i64)))
    (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
    (memory (export "memory") 400)
    (data (i32.const 70000) "data of the module")
    (@custom "wasmpool.tasks" "{record}")
    (func (export "work") (result i32)
        (local $lock i32) (local $other i32) (local $array i32) (local $n i32)
        (local.set $lock (call $handle (i32.const 0)))
        (local.set $other (call $handle (i32.const 1)))
        (local.set $array (call $handle (i32.const 2)))
        (i32.store8 (i32.const 0) (i32.sub (i32.const 0) {body}))
        (call $output_write (i32.const 0) (i32.const 1))
        (i32.const 0)))"#,
        record = escaped(&RECORD)
    ))
}

const PLACES: &str = "the list of open windows";

pub(super) fn cases() -> Vec<Case> {
    let window = |name, body: &str, code, how, lifted: &str| {
        case(
            name,
            Memory,
            Run::Objects(objects(body)),
            PLACES,
            End::Code(code),
            there(how, lifted),
        )
    };
    // A window of 64 KiB, then another one; the address of the second.
    let second = |address: u32| {
        format!(
            "(block (result i32)
                (drop (call $attach (local.get $array) (i64.const 0) (i32.const 131072) (i32.const 131072)))
                (call $attach (local.get $array) (i64.const 0) (i32.const {address}) (i32.const 65536)))"
        )
    };
    let one = |offset: i64, address: u32, len: i64| {
        format!(
            "(call $attach (local.get $array) (i64.const {offset}) (i32.const {address}) (i32.const {len}))"
        )
    };
    let right = one(0, 131_072, 65_536);
    let apart = second(262_144);
    vec![
        window("a window over another", &second(131_072), Code::BadAddress, "one beside it", &apart),
        window("a window over the end of another", &second(196_608), Code::BadAddress, "one beside it", &apart),
        window(
            "a window over the module's data and stack",
            &one(0, 65_536, 65_536),
            Code::BadAddress,
            "one above them",
            &right,
        ),
        window("a window at an odd address", &one(0, 131_076, 65_536), Code::BadAddress, "a multiple of 64 KiB", &right),
        window("a window from an odd place of the array", &one(8, 131_072, 65_536), Code::Invalid, "a multiple of 64 KiB", &right),
        window("a window past the end of memory", &one(0, 26_148_864, 131_072), Code::BadAddress, "one that ends with it", &one(0, 26_148_864, 65_536)),
        window("a window past 4 GiB", &one(0, 0xffff_0000, 131_072), Code::BadAddress, "one inside", &right),
        window("a window past the end of the array", &one(65_536, 131_072, 65_537), Code::TooLarge, "one that ends with it", &one(65_536, 131_072, 65_536)),
        window("a window from before the array", &one(-65_536, 131_072, 65_536), Code::Invalid, "one from its beginning", &right),
        window("a window of no bytes", &one(0, 131_072, 0), Code::Invalid, "one of some", &right),
        window("a window of 4 GiB", &one(0, 131_072, -1), Code::TooLarge, "one of some", &right),
        window(
            "a window after the handle was given up",
            "(block (result i32) (drop (call $drop (local.get $array)))
                (call $attach (local.get $array) (i64.const 0) (i32.const 131072) (i32.const 65536)))",
            Code::Stale,
            "one before it",
            "(block (result i32)
                (drop (call $attach (local.get $array) (i64.const 0) (i32.const 131072) (i32.const 65536)))
                (call $drop (local.get $array)))",
        ),
        window(
            "closes a window twice",
            &format!(
                "(block (result i32) (drop {right}) (drop (call $detach (i32.const 131072))) (call $detach (i32.const 131072)))"
            ),
            Code::BadAddress,
            "once",
            &format!("(block (result i32) (drop {right}) (call $detach (i32.const 131072)))"),
        ),
        window(
            "closes the middle of a window",
            &format!("(block (result i32) (drop {}) (call $detach (i32.const 196608)))", one(0, 131_072, 131_072)),
            Code::BadAddress,
            "the beginning",
            &format!("(block (result i32) (drop {}) (call $detach (i32.const 131072)))", one(0, 131_072, 131_072)),
        ),
        window(
            "more windows than may be open",
            &row_of_windows(241),
            Code::TooLarge,
            "as many as may be",
            &row_of_windows(240),
        ),
        window(
            "a window of a lock",
            "(call $attach (local.get $lock) (i64.const 0) (i32.const 131072) (i32.const 65536))",
            Code::Invalid,
            "of an array",
            &right,
        ),
        case(
            "reads an array over the end of memory",
            Memory,
            Run::Objects(objects(
                "(call $read (local.get $array) (i64.const 0) (i32.const 26214396) (i32.const 8))",
            )),
            "every pointer is held against the memory",
            End::Traps("shm_read"),
            there(
                "up to its end",
                "(call $read (local.get $array) (i64.const 0) (i32.const 26214392) (i32.const 8))",
            ),
        ),
        case(
            "an atomic operation between two elements",
            Memory,
            Run::Objects(objects(
                "(i32.wrap_i64 (call $rmw (local.get $array) (i32.const 2048) (i64.const 3) (i64.const 1)))",
            )),
            "offsets are held against the element",
            End::Traps("shm_rmw"),
            there(
                "on one",
                "(i32.wrap_i64 (call $rmw (local.get $array) (i32.const 2048) (i64.const 0) (i64.const 0)))",
            ),
        ),
        case(
            "an atomic operation that there is none of",
            Memory,
            Run::Objects(objects(
                "(i32.wrap_i64 (call $rmw (local.get $array) (i32.const 9999) (i64.const 0) (i64.const 1)))",
            )),
            "the list of operations",
            End::Traps("shm_rmw"),
            there(
                "one that there is",
                "(i32.wrap_i64 (call $rmw (local.get $array) (i32.const 2048) (i64.const 0) (i64.const 0)))",
            ),
        ),
        handle(
            "a handle too many",
            "(call $handle (i32.const 3))",
            Code::BadHandle,
            "the last one",
            "(i32.eqz (call $handle (i32.const 2)))",
        ),
        handle(
            "a handle before the first",
            "(call $handle (i32.const -1))",
            Code::BadHandle,
            "the first",
            "(i32.eqz (call $handle (i32.const 0)))",
        ),
        handle(
            "a number for a handle",
            "(call $acquire (i32.const 0x7fffffff) (i64.const 0))",
            Code::BadHandle,
            "a handle that it was given",
            "(call $acquire (local.get $lock) (i64.const 0))",
        ),
        handle(
            "a handle that was given up",
            "(block (result i32) (drop (call $drop (local.get $lock))) (call $acquire (local.get $lock) (i64.const 0)))",
            Code::Stale,
            "before it was",
            "(call $acquire (local.get $lock) (i64.const 0))",
        ),
        handle(
            "a handle given up twice",
            "(block (result i32) (drop (call $drop (local.get $lock))) (call $drop (local.get $lock)))",
            Code::Stale,
            "once",
            "(call $drop (local.get $lock))",
        ),
        handle(
            "a handle of another kind",
            "(call $acquire (local.get $array) (i64.const 0))",
            Code::Invalid,
            "of a lock",
            "(call $acquire (local.get $lock) (i64.const 0))",
        ),
        handle(
            "a lock that it does not hold",
            "(call $release (local.get $lock))",
            Code::NotHeld,
            "one that it does",
            "(block (result i32) (drop (call $acquire (local.get $lock) (i64.const 0))) (call $release (local.get $lock)))",
        ),
        case(
            "ten thousand numbers for handles of other tasks",
            Frame,
            // Those that open a lock, its own two left out.
            Run::Objects(objects(&numbers_that_open(false))),
            "handles are good for one task, and numbers are used once in a process",
            End::Code0,
            Lift::Shown {
                how: "with its own two among them",
                comes: End::Says(&[0xfe]),
                show: Show::Objects(objects(&numbers_that_open(true))),
            },
        ),
    ]
}

fn there(how: &'static str, body: &str) -> Lift {
    Lift::Shown {
        how,
        comes: End::Code0,
        show: Show::Objects(objects(body)),
    }
}

fn handle(name: &'static str, body: &str, code: Code, how: &'static str, lifted: &str) -> Case {
    case(
        name,
        Frame,
        Run::Objects(objects(body)),
        "the task's own table of handles",
        End::Code(code),
        there(how, lifted),
    )
}

/// So many windows side by side; the code of the last.
fn row_of_windows(count: u32) -> String {
    format!(
        "(block (result i32)
            (loop $again
                (local.set $other (call $attach (local.get $array) (i64.const 0)
                    (i32.add (i32.const 131072) (i32.mul (local.get $n) (i32.const 65536))) (i32.const 65536)))
                (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const {count}))))
            (local.get $other))"
    )
}

/// How many of ten thousand numbers are handles of locks.
fn numbers_that_open(with_own: bool) -> String {
    let own = match with_own {
        true => "(i32.const 0)",
        false => {
            "(i32.or (i32.eq (local.get $n) (local.get $lock)) (i32.eq (local.get $n) (local.get $other)))"
        }
    };
    format!(
        "(block (result i32)
            (local.set $array (i32.const 0))
            (loop $again
                (if (i32.eqz {own}) (then
                    (if (i32.ge_s (call $acquire (local.get $n) (i64.const 0)) (i32.const 0)) (then
                        (local.set $array (i32.add (local.get $array) (i32.const 1)))))))
                (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 10000))))
            (local.get $array))"
    )
}
