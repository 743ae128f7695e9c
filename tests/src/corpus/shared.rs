//! What host and tasks share, in the hands of those who do not keep to the rules.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use wasmpool::{
    Exit, Lock, Outcome, Pool, Queue, RawArray, ReadOnly, Receive, Task, TaskError, Typed,
};
use wasmpool_abi::section::type_bytes;

use super::Class::Shared;
use super::run::Program;
use super::windows::{escaped, objects};
use super::{Came, Case, End, Lift, Play, Pools, Run, Setting, Show, Source, case};
use crate::{DEADLINE, attack, lie};

pub(super) fn cases() -> Vec<Case> {
    let play = |name, stops, run: Play, ends, how, comes, show: Play| {
        case(
            name,
            Shared,
            Run::Play(run),
            stops,
            ends,
            Lift::Shown {
                how,
                comes,
                show: Show::Play(show),
            },
        )
    };
    let elsewhere = |name, stops, file, test, why| {
        case(
            name,
            Shared,
            Run::Elsewhere { file, test },
            stops,
            End::AsShown,
            Lift::Not(why),
        )
    };
    const KINDS: &str = "words are bounded by measures that the host made";
    vec![
        play(
            "a lost update",
            "`Lock`",
            |pools| count(pools, true),
            End::Says(b"none is lost"),
            "the same without the lock",
            End::Says(b"some are lost"),
            |pools| count(pools, false),
        ),
        play(
            "a torn write",
            "`Lock`",
            |pools| look(pools, true),
            End::Says(b"whole each time"),
            "the same without the lock",
            End::Says(b"torn"),
            |pools| look(pools, false),
        ),
        play(
            "a writer that dies holding the lock",
            "who holds a lock is a number that the host has given",
            |pools| die(pools, "(call $acquire (local.get $lock) (i64.const 0))"),
            End::Says(b"free, and told as abandoned"),
            "a word of one's own in the place of the lock",
            End::Says(b"taken for ever"),
            |pools| {
                die(
                    pools,
                    "(i32.wrap_i64 (call $rmw (local.get $array) (i32.const 2053) (i64.const 0) (i64.const 1)))",
                )
            },
        ),
        play(
            "writes to an array that it may read",
            "`ReadOnly`: a private copy, of a file that was opened to read",
            write_to_a_copy,
            End::Says(b"untouched"),
            "the whole array",
            End::Says(b"written"),
            write_to_the_array,
        ),
        case(
            "scrambles a lock and an array",
            Shared,
            Run::Play(scramble_lock),
            KINDS,
            End::Says(b"the host goes on"),
            Lift::Not(
                "measures that the worker made would be read past: no such code is there to run",
            ),
        ),
        case(
            "scrambles a queue",
            Shared,
            Run::Play(scramble_queue),
            KINDS,
            End::Says(b"the host goes on"),
            Lift::Not(
                "measures that the worker made would be read past: no such code is there to run",
            ),
        ),
        elsewhere(
            "a word flipped between check and use",
            "words are read once, then checked",
            "host/src/shared/ring_tests.rs",
            "hostile_words_are_an_error_at_worst",
            "shown in memory, word by word",
        ),
        elsewhere(
            "a reader while windows come and go",
            "the host's mapping is its own",
            "tests/tests/arrays_alone.rs",
            "arrays_come_and_go_beside_a_busy_allocator",
            "nothing refuses it",
        ),
        elsewhere(
            "a message that is torn by a kill",
            "a message is there when its last word is",
            "tests/tests/messages_killed.rs",
            "kills_neither_lose_nor_tear_nor_reorder_nor_wedge",
            "nothing refuses it",
        ),
        elsewhere(
            "machine code that can still be changed",
            "the host checks every seal of what a compiler sends",
            "host/src/module/sealed.rs",
            "every_seal_is_needed",
            "the kernel's own: without one the file is refused",
        ),
        elsewhere(
            "a file in the place of a memory file",
            "the host checks what it is sent",
            "host/src/module/sealed.rs",
            "other_files_are_refused",
            "without seals it is refused",
        ),
    ]
}

fn text(text: &'static [u8]) -> Result<Came> {
    Ok(Came::Value(text.to_vec()))
}

/// The task of the ordinary module of objects.
type Ordinary = Task<(Lock, Lock, RawArray<u64>), u8>;

fn ordinary(pool: &Pool, body: &str) -> Result<Ordinary> {
    Ok(pool.load_bytes(objects(body).bytes())?.task("work")?)
}

/// With the lock around it, or without.
fn guarded(lock: bool, body: &str) -> String {
    match lock {
        true => format!(
            "(drop (call $acquire (local.get $lock) (i64.const -1))) {body} (drop (call $release (local.get $lock)))"
        ),
        false => body.to_owned(),
    }
}

/// Two tasks add to one element.
fn count(pools: &Pools, lock: bool) -> Result<Came> {
    const TIMES: u64 = 20_000;
    let pool = pools.pool(Setting::Ordinary)?;
    let add =
        "(i64.store (i32.const 131072) (i64.add (i64.load (i32.const 131072)) (i64.const 1)))";
    let body = format!(
        "(block (result i32)
            (drop (call $attach (local.get $array) (i64.const 0) (i32.const 131072) (i32.const 65536)))
            (loop $again
                {}
                (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const {TIMES}))))
            (call $detach (i32.const 131072)))",
        guarded(lock, add)
    );
    let task = ordinary(&pool, &body)?;
    let (one, other) = (Lock::new()?, Lock::new()?);
    let until = Instant::now() + DEADLINE;
    // Without the lock it takes as many rounds as it takes; with it a few show nothing that one does not.
    for round in 1.. {
        let array = RawArray::<u64>::zeroed(16_384)?;
        let calls = [(); 2].map(|()| task.start((&one, &other, &array)));
        for call in calls {
            ensure!(call.get()? == 0);
        }
        let lost = array.get(0) != Some(2 * TIMES);
        match lost {
            true => return text(b"some are lost"),
            false if lock && round == 3 => return text(b"none is lost"),
            false => ensure!(lock || Instant::now() < until, "nothing is lost"),
        }
    }
    bail!("there is no last round")
}

/// A task writes one number into eight elements while the host reads them.
fn look(pools: &Pools, lock: bool) -> Result<Came> {
    let pool = pools.pool(Setting::Ordinary)?;
    let writes: String = (0..8)
        .map(|at| {
            format!(
                "(i64.store offset={} (i32.const 131072) (i64.extend_i32_u (local.get $n)))",
                at * 8
            )
        })
        .collect();
    let body = format!(
        "(block (result i32)
            (drop (call $attach (local.get $array) (i64.const 0) (i32.const 131072) (i32.const 65536)))
            (loop $again
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                {}
                (br $again))
            (i32.const 0))",
        guarded(lock, &writes)
    );
    let task = ordinary(&pool, &body)?;
    let (one, other, array) = (Lock::new()?, Lock::new()?, RawArray::<u64>::zeroed(16_384)?);
    let call = task.start((&one, &other, &array));
    let until = Instant::now() + DEADLINE;
    let (mut reads, mut last, mut changes) = (0_u32, 0, 0);
    let came = loop {
        let mut eight = [0_u64; 8];
        {
            let _guard = match lock {
                true => Some(one.acquire_timeout(DEADLINE)?),
                false => None,
            };
            array.read(0, &mut eight)?;
        }
        if eight.iter().any(|number| *number != eight[0]) {
            break text(b"torn");
        }
        reads += 1;
        if eight[0] != last {
            (last, changes) = (eight[0], changes + 1);
        }
        // Enough of what the writer does meanwhile has been seen.
        if lock && reads > 2_000 && changes > 50 {
            break text(b"whole each time");
        }
        ensure!(
            Instant::now() < until,
            "{reads} reads, {changes} changes, and no end"
        );
    };
    call.cancel();
    let _ = call.get();
    came
}

/// A task takes the lock, and its worker crashes.
fn die(pools: &Pools, take: &str) -> Result<Came> {
    let pool = pools.of(Program::Liar, Setting::Ordinary, None)?;
    let crash = attack::len_of("crash");
    let body = format!(
        "(block (result i32) (drop {take}) (call $random_get (i32.const 8) (i32.const {crash})))"
    );
    let task = ordinary(&pool, &body)?;
    let (one, other, array) = (Lock::new()?, Lock::new()?, RawArray::<u64>::zeroed(16_384)?);
    let outcome = task.call((&one, &other, &array));
    ensure!(
        matches!(
            outcome,
            Err(TaskError::WorkerLost {
                exit: Some(Exit::Signal(libc::SIGSEGV)),
                ..
            })
        ),
        "{outcome:?}"
    );
    if array.get(0) == Some(1) {
        return text(b"taken for ever");
    }
    let guard = one.acquire_timeout(DEADLINE).context("the lock")?;
    ensure!(guard.was_abandoned());
    text(b"free, and told as abandoned")
}

/// A module whose task has one argument, an object, and does `body` with `$object`.
fn one_object<T: Typed>(body: &str) -> Result<Source> {
    // A record: its length, version, codec, name, export, one argument, the result's type, no error.
    let mut record = vec![1, wasmpool::Codec::Postcard as u8];
    record.extend(b"\x04work\x04work\x01");
    record.extend(type_bytes(&T::SCHEMA));
    record.extend(type_bytes(&u8::SCHEMA));
    record.push(0);
    let len = u32::try_from(record.len())?.to_le_bytes();
    let record = escaped(&[&len, &record[..]].concat());
    Ok(Source::Text(format!(
        r#"(module
    (import "wasmpool" "output_write" (func $output_write (param i32 i32)))
    (import "wasmpool" "handle" (func $handle (param i32) (result i32)))
    (import "wasmpool" "shm_attach" (func $attach (param i32 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
    (memory (export "memory") 10)
    (@custom "wasmpool.tasks" "{record}")
    (func (export "work") (result i32)
        (local $object i32)
        (local.set $object (call $handle (i32.const 0)))
        (i32.store8 (i32.const 0) (i32.sub (i32.const 0) {body}))
        (call $output_write (i32.const 0) (i32.const 1))
        (i32.const 0)))"#
    )))
}

/// Writes a 7 through a window.
const WRITE: &str = "(block (result i32)
    (if (call $attach (local.get $object) (i64.const 0) (i32.const 131072) (i32.const 65536)) (then unreachable))
    (i64.store (i32.const 131072) (i64.const 7))
    (i32.const 0))";

fn write_to_a_copy(pools: &Pools) -> Result<Came> {
    let pool = pools.pool(Setting::Ordinary)?;
    let source = one_object::<ReadOnly<'static, u64>>(WRITE)?;
    let task: Task<ReadOnly<'static, u64>, u8> = pool.load_bytes(source.bytes())?.task("work")?;
    let array = RawArray::<u64>::zeroed(16_384)?;
    ensure!(task.call(array.read_only())? == 0);
    written(&array)
}

fn write_to_the_array(pools: &Pools) -> Result<Came> {
    let pool = pools.pool(Setting::Ordinary)?;
    let source = one_object::<RawArray<u64>>(WRITE)?;
    let task: Task<RawArray<u64>, u8> = pool.load_bytes(source.bytes())?.task("work")?;
    let array = RawArray::<u64>::zeroed(16_384)?;
    ensure!(task.call(&array)? == 0);
    written(&array)
}

fn written(array: &RawArray<u64>) -> Result<Came> {
    match array.get(0) {
        Some(0) => text(b"untouched"),
        _ => text(b"written"),
    }
}

/// The worker that has the object writes over all of its memory, natively.
fn scrambling() -> String {
    let len = lie::len_of("scrambles its objects");
    format!("(call $random_get (i32.const 8) (i32.const {len}))")
}

/// It may have been lost, and may have answered: its own library stumbles over the words as well.
fn over<T: Receive>(outcome: Outcome<T>) -> Result<()> {
    match outcome {
        Ok(_)
        | Err(TaskError::WorkerLost { .. } | TaskError::Guest { .. } | TaskError::Trap { .. }) => {
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn scramble_lock(pools: &Pools) -> Result<Came> {
    let pool = pools.of(Program::Liar, Setting::Ordinary, None)?;
    let task = ordinary(&pool, &scrambling())?;
    for _ in 0..5 {
        let (one, other, array) = (Lock::new()?, Lock::new()?, RawArray::<u64>::zeroed(16_384)?);
        let call = task.start((&one, &other, &array));
        while !call.ready() {
            let _ = one.acquire_timeout(Duration::from_millis(1)).map(drop);
            let _ = array.to_vec();
        }
        over(call.get())?;
        ensure!(array.get(1) != Some(0), "nothing was written");
        let _ = one.acquire_timeout(Duration::from_millis(10)).map(drop);
        let _ = other.try_acquire().map(drop);
    }
    honest(pools)
}

fn scramble_queue(pools: &Pools) -> Result<Came> {
    let pool = pools.of(Program::Liar, Setting::Ordinary, None)?;
    let source = one_object::<Queue<String>>(&scrambling())?;
    let task: Task<Queue<String>, u8> = pool.load_bytes(source.bytes())?.task("work")?;
    for _ in 0..5 {
        let queue = Queue::<String>::bounded(100)?;
        for number in 0..50 {
            queue.put(format!("message {number}"))?;
        }
        let call = task.start(&queue);
        while !call.ready() {
            let _ = queue.get_timeout(Duration::from_millis(1));
            let _ = queue.put_timeout("more".to_owned(), Duration::from_millis(1));
        }
        over(call.get())?;
        for _ in 0..50 {
            let _ = queue.get_timeout(Duration::from_millis(1));
            let _ = (queue.len(), queue.is_full());
        }
        queue.close();
    }
    honest(pools)
}

/// The pool still does its work.
fn honest(pools: &Pools) -> Result<Came> {
    let pool = pools.of(Program::Liar, Setting::Ordinary, None)?;
    let task = ordinary(&pool, "(call $acquire (local.get $lock) (i64.const 0))")?;
    let (one, other, array) = (Lock::new()?, Lock::new()?, RawArray::<u64>::zeroed(16_384)?);
    ensure!(task.call((&one, &other, &array))? == 0);
    text(b"the host goes on")
}
