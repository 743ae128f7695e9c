//! Windows, copies and atomic operations: what may be done with an array, what may not, and that nothing of it is left.

use std::{rc::Rc, sync::Arc};

use wasmpool_abi::{Code, Integer, ObjectKind, RmwOp, WINDOW_ALIGN, code};

use super::world::*;
use crate::{
    shared::object::{CONTROL, Object},
    wire::{
        completion::Completion,
        message::{Access, Shape},
    },
    worker::{
        objects::{Entry, TaskObject},
        window::MAX_WINDOWS,
    },
};

/// Does what its input says, in steps of 32 bytes (what; handle; x; y; z; v), and appends a number for each.
/// A handle is that of the object of this index, or the number itself when bit 8 of what is set.
const SCRIPT: &str = r#"(module
    (import "wasmpool" "input_len" (func $input_len (result i32)))
    (import "wasmpool" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
    (import "wasmpool" "output_write" (func $output_write (param i32 i32)))
    (import "wasmpool" "handle" (func $handle (param i32) (result i32)))
    (import "wasmpool" "handle_drop" (func $handle_drop (param i32) (result i32)))
    (import "wasmpool" "shm_len" (func $len (param i32) (result i64)))
    (import "wasmpool" "shm_attach" (func $attach (param i32 i64 i32 i32) (result i32)))
    (import "wasmpool" "shm_detach" (func $detach (param i32) (result i32)))
    (import "wasmpool" "shm_read" (func $read (param i32 i64 i32 i32) (result i32)))
    (import "wasmpool" "shm_write" (func $write (param i32 i64 i32 i32) (result i32)))
    (import "wasmpool" "shm_rmw" (func $rmw (param i32 i32 i64 i64) (result i64)))
    (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
    (memory (export "memory") 16)
    (data (i32.const 65536) "initial data")
    (func (export "spin") (result i32)
        (drop (call $attach (call $handle (i32.const 0)) (i64.const 0) (i32.const 131072) (i32.const 65536)))
        (i64.store (i32.const 131072) (i64.const 77))
        (loop $again (br $again)) (i32.const 0))
    (func (export "task") (result i32)
        (local $at i32) (local $what i32) (local $h i32) (local $x i64) (local $y i32) (local $z i32) (local $v i64)
        (block $done (loop $next
            (br_if $done (i32.ge_u (local.get $at) (call $input_len)))
            (drop (call $input_read (i32.const 0) (local.get $at) (i32.const 32)))
            (local.set $at (i32.add (local.get $at) (i32.const 32)))
            (local.set $what (i32.load (i32.const 0)))
            (local.set $h (i32.load (i32.const 4)))
            (if (i32.eqz (i32.and (local.get $what) (i32.const 256)))
                (then (local.set $h (call $handle (local.get $h)))))
            (local.set $x (i64.load (i32.const 8)))
            (local.set $y (i32.load (i32.const 16)))
            (local.set $z (i32.load (i32.const 20)))
            (local.set $v (i64.load (i32.const 24)))
            (i64.store (i32.const 32) (call $do (i32.and (local.get $what) (i32.const 255))
                (local.get $h) (local.get $x) (local.get $y) (local.get $z) (local.get $v)))
            (call $output_write (i32.const 32) (i32.const 8))
            (br $next)))
        (i32.const 0))
    (func $do (param $what i32) (param $h i32) (param $x i64) (param $y i32) (param $z i32) (param $v i64) (result i64)
        (block $trap (block $store (block $load (block $fill (block $copy (block $random (block $input (block $grow
        (block $output (block $drop (block $rmw (block $write (block $read (block $detach (block $attach (block $len
        (block $handle_of
            (br_table $handle_of $len $attach $detach $read $write $rmw $drop $output $grow $input $random $copy $fill
                $load $store $trap (local.get $what)))
            (return (i64.extend_i32_s (local.get $h))))
            (return (call $len (local.get $h))))
            (return (i64.extend_i32_s (call $attach (local.get $h) (local.get $x) (local.get $y) (local.get $z)))))
            (return (i64.extend_i32_s (call $detach (local.get $y)))))
            (return (i64.extend_i32_s (call $read (local.get $h) (local.get $x) (local.get $y) (local.get $z)))))
            (return (i64.extend_i32_s (call $write (local.get $h) (local.get $x) (local.get $y) (local.get $z)))))
            (return (call $rmw (local.get $h) (local.get $y) (local.get $x) (local.get $v))))
            (return (i64.extend_i32_s (call $handle_drop (local.get $h)))))
            (call $output_write (local.get $y) (local.get $z)) (return (i64.const 0)))
            (return (i64.extend_i32_s (memory.grow (local.get $y)))))
            (return (i64.extend_i32_s (call $input_read (local.get $y) (local.get $z) (i32.wrap_i64 (local.get $x))))))
            (return (i64.extend_i32_s (call $random_get (local.get $y) (local.get $z)))))
            (memory.copy (local.get $y) (local.get $z) (i32.wrap_i64 (local.get $x))) (return (i64.const 0)))
            (memory.fill (local.get $y) (local.get $z) (i32.wrap_i64 (local.get $x))) (return (i64.const 0)))
            (return (i64.load (local.get $y))))
            (i64.store (local.get $y) (local.get $v)) (return (i64.const 0)))
        unreachable))"#;

/// One step of the script.
#[derive(Clone, Copy, Debug)]
enum Step {
    Handle(i32),
    Len(i32),
    Attach(i32, i64, u32, u32),
    Detach(u32),
    Read(i32, i64, u32, u32),
    Write(i32, i64, u32, u32),
    Rmw(i32, i32, i64, i64),
    Drop(i32),
    Output(u32, u32),
    Grow(i32),
    Input(u32, u32, u32),
    Random(u32, u32),
    Copy(u32, u32, u32),
    Fill(u32, u8, u32),
    Load(u32),
    Store(u32, i64),
    Trap,
}
use Step::*;

/// The number itself, and not the handle of the object of this index.
const RAW: i32 = 1 << 20;

impl Step {
    fn encode(self) -> [u8; 32] {
        let u = u32::cast_signed;
        let (what, h, x, y, z, v) = match self {
            Handle(h) => (0, h, 0, 0, 0, 0),
            Len(h) => (1, h, 0, 0, 0, 0),
            Attach(h, offset, addr, len) => (2, h, offset, u(addr), u(len), 0),
            Detach(addr) => (3, 0, 0, u(addr), 0, 0),
            Read(h, offset, dst, len) => (4, h, offset, u(dst), u(len), 0),
            Write(h, offset, src, len) => (5, h, offset, u(src), u(len), 0),
            Rmw(h, op, offset, value) => (6, h, offset, op, 0, value),
            Drop(h) => (7, h, 0, 0, 0, 0),
            Output(at, len) => (8, 0, 0, u(at), u(len), 0),
            Grow(pages) => (9, 0, 0, pages, 0, 0),
            Input(dst, offset, len) => (10, 0, i64::from(len), u(dst), u(offset), 0),
            Random(at, len) => (11, 0, 0, u(at), u(len), 0),
            Copy(dst, src, len) => (12, 0, i64::from(len), u(dst), u(src), 0),
            Fill(at, byte, len) => (13, 0, i64::from(len), u(at), i32::from(byte), 0),
            Load(at) => (14, 0, 0, u(at), 0, 0),
            Store(at, value) => (15, 0, 0, u(at), 0, value),
            Trap => (16, 0, 0, 0, 0, 0),
        };
        let (what, h) = match h >= RAW / 2 {
            true => (what | 256, h - RAW),
            false => (what, h),
        };
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&i32::to_le_bytes(what));
        bytes[4..8].copy_from_slice(&h.to_le_bytes());
        bytes[8..16].copy_from_slice(&x.to_le_bytes());
        bytes[16..20].copy_from_slice(&y.to_le_bytes());
        bytes[20..24].copy_from_slice(&z.to_le_bytes());
        bytes[24..].copy_from_slice(&v.to_le_bytes());
        bytes
    }
}

fn world() -> World {
    let exports = [("task", TaskShape::Abi), ("spin", TaskShape::Abi)];
    let mut info = info(exports, false);
    info.data_end = 65536 + 12;
    World::start(SCRIPT, &info, false).unwrap()
}

/// Runs the steps with these objects; what each step said, and how it ended.
fn run(
    world: &mut World,
    call: &CallSpec,
    given: &[(&Arc<Object>, Access)],
    steps: &[Step],
) -> (Vec<i64>, Completion) {
    world.runner.give(entries(given));
    let input: Vec<u8> = steps.iter().flat_map(|step| step.encode()).collect();
    let finished = world.run(call, &input);
    let said = finished.outbox.output.chunks(8);
    (
        said.map(|it| i64::from_le_bytes(it.try_into().unwrap()))
            .collect(),
        finished.completion,
    )
}

fn entries(given: &[(&Arc<Object>, Access)]) -> Vec<Entry> {
    let entry = |(object, access): &(&Arc<Object>, Access)| Entry {
        object: Rc::new(task_object(object)),
        access: *access,
    };
    given.iter().map(entry).collect()
}

fn task_object(object: &Arc<Object>) -> TaskObject {
    let file = object.file().unwrap().try_clone_to_owned().unwrap();
    TaskObject::new(&object.spec(), Some(file)).unwrap()
}

/// What steps say that all succeed.
fn values(world: &mut World, given: &[(&Arc<Object>, Access)], steps: &[Step]) -> Vec<i64> {
    let (said, completion) = run(world, &call(), given, steps);
    assert_eq!(completion, Completion::Value, "{steps:?} said {said:?}");
    said
}

const K64: u32 = WINDOW_ALIGN;
/// The first address for a window: above the initial data.
const LOW: u32 = 2 * K64;

fn array(len: usize) -> Arc<Object> {
    let shape = Shape::Array { len: len as u64 };
    Object::in_memory(ObjectKind::RawArray, shape, len).unwrap()
}

/// The number at a byte of the array.
fn at(array: &Object, byte: usize) -> i64 {
    let mut number = [0; 8];
    array.map().copy_out(CONTROL + byte, &mut number);
    i64::from_le_bytes(number)
}

fn put(array: &Object, byte: usize, number: i64) {
    array.map().copy_in(CONTROL + byte, &number.to_le_bytes());
}

#[test]
fn a_window_shows_the_array_and_leaves_zeros() {
    let array = array(3 * K64 as usize);
    put(&array, 0, 5);
    put(&array, 2 * K64 as usize, 6);
    let mut world = world();
    let steps = [
        Len(0),
        Store(LOW, 99),
        Attach(0, 0, LOW, 3 * K64),
        Load(LOW),
        Load(LOW + 2 * K64),
        Store(LOW + 8, 7),
        // A second window shows the same.
        Attach(0, 0, 8 * K64, K64),
        Load(8 * K64 + 8),
        // Growing moves nothing.
        Grow(10),
        Store(8 * K64 + 16, 8),
        Detach(LOW),
        Load(LOW),
        Load(8 * K64 + 8),
        Detach(8 * K64),
        Load(8 * K64 + 8),
        // And again, from elsewhere in the array.
        Attach(0, i64::from(2 * K64), LOW, 8),
        Load(LOW),
    ];
    assert_eq!(
        values(&mut world, &[(&array, Access::Whole)], &steps),
        [3 * 65536, 0, 0, 5, 6, 0, 0, 7, 16, 0, 0, 0, 7, 0, 0, 0, 6]
    );
    assert_eq!((at(&array, 8), at(&array, 16)), (7, 8));
}

#[test]
fn a_window_that_does_not_fit_is_refused() {
    let (one, other) = (array(2 * K64 as usize), array(100));
    let event = Object::in_memory(ObjectKind::Event, Shape::Plain, 0).unwrap();
    let mut world = world();
    let given = [
        (&one, Access::Whole),
        (&other, Access::Whole),
        (&event, Access::Whole),
        (
            &one,
            Access::Range {
                offset: u64::from(K64),
                len: 10,
            },
        ),
    ];
    for (wrong, why) in [
        // Unaligned in the guest's memory, and in the array.
        (Attach(0, 0, LOW + 4096, 8), Code::BadAddress),
        (Attach(0, 0, LOW + 1, 8), Code::BadAddress),
        (Attach(0, 4096, LOW, 8), Code::Invalid),
        (Attach(0, 1, LOW, 8), Code::Invalid),
        // Over initial data.
        (Attach(0, 0, K64, 8), Code::BadAddress),
        (Attach(0, 0, 0, 8), Code::BadAddress),
        // Outside of the memory, or partly so.
        (Attach(0, 0, 15 * K64, K64 + 1), Code::BadAddress),
        (Attach(0, 0, 16 * K64, 8), Code::BadAddress),
        (Attach(0, 0, u32::MAX - K64 + 1, K64), Code::BadAddress),
        // Over another window.
        (Attach(1, 0, 10 * K64, 8), Code::BadAddress),
        (Attach(1, 0, 11 * K64, 8), Code::BadAddress),
        (Attach(0, 0, 9 * K64, K64 + 1), Code::BadAddress),
        // Outside of the array.
        (Attach(0, 0, LOW, 2 * K64 + 1), Code::TooLarge),
        (Attach(0, i64::from(2 * K64), LOW, 1), Code::TooLarge),
        (Attach(0, i64::MAX - 65535, LOW, K64), Code::TooLarge),
        (Attach(0, -i64::from(K64), LOW, 8), Code::Invalid),
        (Attach(1, 0, LOW, 101), Code::TooLarge),
        (Attach(1, 0, LOW, 0), Code::Invalid),
        (Attach(1, 0, LOW, u32::MAX), Code::TooLarge),
        // Outside of what was granted of it.
        (Attach(3, 0, LOW, 11), Code::TooLarge),
        (Attach(3, i64::from(K64), LOW, 1), Code::TooLarge),
        (Attach(3, -i64::from(K64), LOW, 1), Code::Invalid),
        // No array, and no object.
        (Attach(2, 0, LOW, 8), Code::Invalid),
        (Attach(9, 0, LOW, 8), Code::BadHandle),
        (Attach(RAW + 1_000_000, 0, LOW, 8), Code::BadHandle),
        (Attach(RAW - 1, 0, LOW, 8), Code::BadHandle),
        // Nothing that could be detached.
        (Detach(LOW), Code::BadAddress),
        (Detach(11 * K64), Code::BadAddress),
        (Detach(10 * K64 + 1), Code::BadAddress),
    ] {
        let steps = [
            Attach(0, 0, 10 * K64, 2 * K64),
            wrong,
            Store(LOW, 1),
            Store(10 * K64, 3),
            Load(10 * K64),
        ];
        let said = values(&mut world, &given, &steps);
        assert_eq!(said, [0, i64::from(i32::from(why)), 0, 0, 3], "{wrong:?}");
        assert_eq!(at(&one, 0), 3);
    }
    assert_eq!(at(&other, 0), 0);
}

#[test]
fn a_window_closes_once_and_with_its_object() {
    let (one, other) = (array(10), array(10));
    let mut world = world();
    let given = [(&one, Access::Whole), (&other, Access::Whole)];
    let steps = [
        Attach(0, 0, LOW, 10),
        Attach(0, 0, LOW + K64, 10),
        Attach(1, 0, LOW + 2 * K64, 10),
        Store(LOW, 1),
        Store(LOW + 2 * K64, 2),
        Detach(LOW),
        Detach(LOW),
        Drop(0),
        Load(LOW + K64),
        Load(LOW + 2 * K64),
        Store(LOW + K64, 3),
        Detach(LOW + K64),
        Attach(0, 0, LOW, 10),
        Drop(0),
    ];
    let (bad, stale) = (i64::from(code::BAD_ADDRESS), i64::from(code::STALE));
    assert_eq!(
        values(&mut world, &given, &steps),
        [0, 0, 0, 0, 0, 0, bad, 0, 0, 2, 0, bad, stale, stale]
    );
    assert_eq!((at(&one, 0), at(&other, 0)), (1, 2));
}

#[test]
fn there_are_so_many_windows_at_most() {
    let array = array(10);
    let mut world = world();
    let windows = u32::try_from(MAX_WINDOWS).unwrap();
    let mut steps = vec![Grow(300)];
    steps.extend((0..=windows).map(|n| Attach(0, 0, LOW + n * K64, 10)));
    let said = values(&mut world, &[(&array, Access::Whole)], &steps);
    assert!(said[1..=MAX_WINDOWS].iter().all(|&it| it == 0));
    assert_eq!(said[MAX_WINDOWS + 1], i64::from(code::TOO_LARGE));
}

/// How a task ends while it has windows, and what it must come to.
const ENDS: [(&[Step], bool); 5] = [
    (&[], true),
    (&[Trap], false),
    (&[Load(u32::MAX - 7)], false),
    (&[Output(0, 2 << 20)], false),
    (&[Rmw(0, -1, 0, 0)], false),
];

#[test]
fn whatever_ends_a_task_the_next_sees_its_own_memory() {
    for keep_instance in [false, true] {
        let array = array(2 * K64 as usize);
        put(&array, 0, 5);
        let mut world = world();
        let call = CallSpec {
            keep_instance,
            output: 1 << 20,
            ..call()
        };
        let given = [(&array, Access::Whole)];
        for n in 0..1000u32 {
            // Not always in the same place.
            let window = LOW + (n % 7) * K64;
            let mut steps = vec![
                Load(window),
                Load(window + K64),
                Load(window + 2 * K64),
                Attach(0, 0, window, 2 * K64),
                Load(window),
                Store(window + 8, i64::from(n)),
                // What lies behind it is the instance's own.
                Store(window + 2 * K64, 77),
            ];
            let (end, is_value) = ENDS[n as usize % ENDS.len()];
            steps.extend(end);
            let (said, completion) = run(&mut world, &call, &given, &steps);
            assert_eq!(completion == Completion::Value, is_value, "{completion:?}");
            if is_value {
                let own = said[2];
                assert!(own == 0 || (keep_instance && own == 77), "{own}");
                // An instance that lives on has put 77 there itself before.
                let before = &said[..2];
                assert!(
                    before
                        .iter()
                        .all(|&it| it == 0 || (keep_instance && it == 77)),
                    "{before:?}"
                );
                assert_eq!(said[3..], [0, 5, 0, 0]);
            }
            assert_eq!((at(&array, 0), at(&array, 8)), (5, i64::from(n)));
            assert_eq!(at(&array, K64 as usize), 0);
            // One without the array looks where it was, and fills all that it has.
            if n % 3 == 0 {
                let look = [Load(window + 8), Fill(LOW, 0xff, 14 * K64), Load(K64)];
                let (said, _) = run(
                    &mut world,
                    &CallSpec {
                        keep_instance: false,
                        ..call
                    },
                    &[],
                    &look,
                );
                assert_eq!((said[0], said[2]), (0, i64::from_le_bytes(*b"initial ")));
                assert_eq!((at(&array, 0), at(&array, 8)), (5, i64::from(n)));
            }
        }
    }
}

#[test]
fn a_task_that_is_stopped_leaves_nothing_either() {
    let array = array(K64 as usize);
    let mut world = world();
    for keep_instance in [false, true, false] {
        world.runner.give(entries(&[(&array, Access::Whole)]));
        let spin = CallSpec {
            task: 1,
            keep_instance,
            ..call()
        };
        put(&array, 0, 0);
        let finished = world.run_and_stop_when(&spin, || at(&array, 0) == 77);
        assert_eq!(finished.completion, Completion::Stopped);
        assert_eq!(at(&array, 0), 77);
        let look = [Load(LOW), Store(LOW, 1), Load(LOW)];
        assert_eq!(values(&mut world, &[], &look), [0, 0, 1]);
        assert_eq!(at(&array, 0), 77);
    }
}

#[test]
fn a_read_only_window_writes_through_by_no_way() {
    let array = array(2 * K64 as usize);
    // The file that cannot be written to, and the one that can.
    writes_through_by_no_way(&array, &array);
    writes_through_by_no_way(&array, &array.read_only().unwrap());
}

/// `given` is `array` to read only.
fn writes_through_by_no_way(array: &Arc<Object>, given: &Arc<Object>) {
    put(array, 0, 5);
    put(array, K64 as usize, 6);
    let mut world = world();
    for write in [
        Store(LOW, 1),
        Fill(LOW, 9, 2 * K64),
        Copy(LOW, K64, 100),
        Input(LOW, 0, 32),
        Random(LOW, 2 * K64),
        Read(0, i64::from(K64), LOW, 8),
    ] {
        let steps = [Attach(0, 0, LOW, 2 * K64), Load(LOW), write, Load(LOW)];
        let said = values(&mut world, &[(given, Access::ReadOnly)], &steps);
        assert_eq!(said[..2], [0, 5]);
        assert_ne!(said[3], 5, "{write:?} changed nothing");
        assert_eq!((at(array, 0), at(array, K64 as usize)), (5, 6), "{write:?}");
    }
    let denied = i64::from(code::DENIED);
    let steps = [
        Len(0),
        Write(0, 0, K64, 8),
        Write(0, 0, K64, 100_000),
        Read(0, 0, 1024, 8),
        Load(1024),
    ];
    assert_eq!(
        values(&mut world, &[(given, Access::ReadOnly)], &steps),
        [2 * 65536, denied, denied, 0, 5]
    );
    let rmw = Rmw(0, u64::operation(RmwOp::Add), 0, 1);
    let (_, completion) = run(&mut world, &call(), &[(given, Access::ReadOnly)], &[rmw]);
    let Completion::Trap(trap) = completion else {
        panic!("{completion:?}");
    };
    assert_eq!(trap.message, "shm_rmw: not allowed by the grant");
    assert_eq!(at(array, 0), 5);
}

#[test]
fn a_part_shows_its_own_bytes_and_no_others() {
    let array = array(3 * K64 as usize);
    for (page, number) in [(0, 5), (1, 6), (2, 7)] {
        put(&array, page * K64 as usize, number);
    }
    let part = Access::Range {
        offset: u64::from(K64),
        len: u64::from(K64),
    };
    let large = i64::from(code::TOO_LARGE);
    let mut world = world();
    let steps = [
        Len(0),
        Attach(0, 0, LOW, K64),
        Load(LOW),
        Load(LOW + K64),
        Store(LOW + K64, 1),
        Store(LOW + 8, 8),
        Read(0, 8, 1024, 8),
        Load(1024),
        Read(0, i64::from(K64) - 7, 0, 8),
        Write(0, i64::from(K64), 0, 1),
        Write(0, -1, 0, 1),
        Rmw(0, i64::operation(RmwOp::Sub), 8, 10),
        Load(LOW + 8),
    ];
    let invalid = i64::from(code::INVALID);
    assert_eq!(
        values(&mut world, &[(&array, part)], &steps),
        [65536, 0, 6, 0, 0, 0, 0, 8, large, large, invalid, 8, -2]
    );
    assert_eq!((at(&array, 0), at(&array, 2 * K64 as usize)), (5, 7));
    assert_eq!(at(&array, K64 as usize + 8), -2);
    // The host gives no other; a worker that were told so still keeps to the array.
    let past = Access::Range {
        offset: u64::from(2 * K64),
        len: u64::from(K64) + 1,
    };
    let denied = i64::from(code::DENIED);
    let steps = [Len(0), Attach(0, 0, LOW, 1), Read(0, 0, 0, 1)];
    assert_eq!(
        values(&mut world, &[(&array, past)], &steps),
        [denied, denied, denied]
    );
}

#[test]
fn what_lies_in_a_window_can_be_sent_and_filled_as_any_memory() {
    let array = array(K64 as usize);
    put(&array, 0, 5);
    let mut world = world();
    let steps = [
        Attach(0, 0, LOW, K64),
        // Across its beginning.
        Store(LOW - 8, 4),
        Output(LOW - 8, 16),
        Input(LOW + 8, 32, 8),
        Write(0, 16, LOW, 8),
        Read(0, 0, LOW + 24, 8),
    ];
    let said = values(&mut world, &[(&array, Access::Whole)], &steps);
    assert_eq!(said, [0, 0, 4, 5, 0, 8, 0, 0]);
    assert_eq!((at(&array, 16), at(&array, 24)), (5, 5));
    // What the second step is.
    assert_eq!(at(&array, 8), 15);
}

#[test]
fn copies_and_operations_stay_inside_the_array() {
    let array = array(100);
    let mut world = world();
    let given = [(&array, Access::Whole)];
    let (large, invalid) = (i64::from(code::TOO_LARGE), i64::from(code::INVALID));
    let add = i32::operation(RmwOp::Add);
    let steps = [
        Write(0, 92, K64, 8),
        Read(0, 93, 0, 8),
        Read(0, 0, 0, 101),
        Read(0, i64::MAX, 0, 8),
        Read(0, -1, 0, 8),
        Read(0, 100, 0, 0),
        Rmw(0, add, 4, -5),
        Rmw(0, add, 4, 2),
        Rmw(0, add, 96, 0),
    ];
    let initial = i64::from(i32::from_le_bytes(*b"ial "));
    assert_eq!(
        values(&mut world, &given, &steps),
        [0, large, large, large, invalid, 0, 0, -5, initial]
    );
    assert_eq!(at(&array, 92), i64::from_le_bytes(*b"initial "));
    for (wrong, why) in [
        (Rmw(0, add, 97, 0), "too large"),
        (Rmw(0, add, 2, 0), "invalid argument"),
        (Rmw(0, 5 << 8, 0, 0), "invalid argument"),
        (Rmw(0, add, -4, 0), "invalid argument"),
        (Rmw(3, add, 0, 0), "not a handle of this task"),
    ] {
        let (_, completion) = run(&mut world, &call(), &given, &[wrong]);
        let Completion::Trap(trap) = completion else {
            panic!("{wrong:?}: {completion:?}");
        };
        assert_eq!(trap.message, format!("shm_rmw: {why}"));
    }
    // A pointer outside of the memory traps, as everywhere.
    for wrong in [Read(0, 0, 16 * K64 - 7, 8), Write(0, 0, u32::MAX, 8)] {
        let (_, completion) = run(&mut world, &call(), &given, &[wrong]);
        assert!(matches!(completion, Completion::Trap(_)), "{completion:?}");
    }
}

#[test]
fn handles_of_others_are_known_as_that() {
    let array = array(100);
    let event = Object::in_memory(ObjectKind::Event, Shape::Plain, 0).unwrap();
    let mut world = world();
    let given = [(&array, Access::Whole), (&event, Access::Whole)];
    let own = values(&mut world, &given, &[Handle(0), Handle(1), Handle(2)]);
    let [first, _, bad] = own[..] else {
        panic!("{own:?}");
    };
    assert_eq!(bad, i64::from(code::BAD_HANDLE));
    let earlier = RAW + i32::try_from(first).unwrap();
    for (handle, why) in [
        (earlier, Code::Stale),
        (earlier + 1, Code::Stale),
        (earlier + 1000, Code::BadHandle),
        (RAW, Code::BadHandle),
        (1, Code::Invalid),
    ] {
        let why = i64::from(i32::from(why));
        let steps = [
            Len(handle),
            Attach(handle, 0, LOW, 8),
            Read(handle, 0, 0, 8),
            Write(handle, 0, 0, 8),
        ];
        let said = values(&mut world, &given, &steps);
        assert_eq!(said, [why; 4], "{handle}");
    }
    // One that was given up, in the same task.
    let steps = [Drop(0), Len(0), Attach(0, 0, LOW, 8), Read(0, 0, 0, 8)];
    let stale = i64::from(code::STALE);
    assert_eq!(values(&mut world, &given, &steps), [0, stale, stale, stale]);
}

#[test]
fn a_window_goes_when_its_instance_never_came_to_be() {
    let wat = r#"(module
        (import "wasmpool" "handle" (func $handle (param i32) (result i32)))
        (import "wasmpool" "shm_attach" (func $attach (param i32 i64 i32 i32) (result i32)))
        (memory (export "memory") 4)
        (func $start (if (i32.eqz (call $attach (call $handle (i32.const 0)) (i64.const 0) (i32.const 65536) (i32.const 8)))
            (then (i32.store (i32.const 65536) (i32.const 3)) unreachable)))
        (start $start)
        (func (export "task") (result i32) (i32.load (i32.const 65536))))"#;
    let array = array(8);
    let mut world = World::abi(wat, &["task"]);
    for _ in 0..3 {
        world.runner.give(entries(&[(&array, Access::Whole)]));
        assert!(matches!(
            world.run(&call(), b"").completion,
            Completion::Trap(_)
        ));
        assert_eq!(at(&array, 0), 3);
        assert_eq!(world.run(&call(), b"").completion, Completion::Value);
    }
}

/// The list names one window twice, and all of it is more than a call may copy.
#[test]
fn of_what_lies_in_windows_no_more_is_copied_than_is_written() {
    let len = 65 << 20;
    let array = array(len);
    let wat = format!(
        r#"(module
        (import "wasmpool" "handle" (func $handle (param i32) (result i32)))
        (import "wasmpool" "shm_attach" (func $attach (param i32 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1100)
        (func (export "task") (result i32)
            (i64.store (i32.const 0) (i64.const {iovec}))
            (i64.store (i32.const 8) (i64.const {iovec}))
            (if (call $attach (call $handle (i32.const 0)) (i64.const 0) (i32.const {K64}) (i32.const {len}))
                (then (return (i32.const 1))))
            (if (call $write (i32.const 1) (i32.const 0) (i32.const 2) (i32.const 16)) (then (return (i32.const 2))))
            (i32.sub (i32.load (i32.const 16)) (i32.const 1048576))))"#,
        iovec = (len << 32) | K64 as usize,
    );
    let mut world = World::abi(&wat, &["task"]);
    let call = CallSpec {
        memory: 128 << 20,
        ..call()
    };
    let (_, completion) = run(&mut world, &call, &[(&array, Access::Whole)], &[]);
    assert_eq!(completion, Completion::Value);
}
