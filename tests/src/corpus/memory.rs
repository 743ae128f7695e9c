//! Guests that want more memory than they may have, or memory that is not theirs.

use guest_hostile::Act;

use super::Class::Memory;
use super::{Case, End, Lift, Relax, Run, Setting, Show, Source, again, case, work, work_with};

const LIMIT: &str = "`Limits::memory`";
const COUNTS: &str = "bounds on counts";
const SANDBOX: &str = "guard pages and checks of bounds";

pub(super) fn cases() -> Vec<Case> {
    let limited = |name, source| {
        case(
            name,
            Memory,
            Run::Work(source),
            LIMIT,
            End::Memory(64),
            again(Relax::Memory, End::Memory(128)),
        )
    };
    let counted = |name, fields: &str, what| {
        case(
            name,
            Memory,
            Run::Load(Source::Text(format!("(module {fields})"))),
            COUNTS,
            End::Bound(what),
            Lift::Shown {
                how: "wasmtime without these bounds",
                comes: End::Loads,
                show: Show::Engine,
            },
        )
    };
    let outside = |name, source| {
        case(
            name,
            Memory,
            Run::Work(source),
            SANDBOX,
            End::Traps("out of bounds"),
            Lift::Not("it is WebAssembly itself, and what wasmtime makes of it"),
        )
    };
    let plain = |name, source, ends| {
        case(
            name,
            Memory,
            Run::Work(source),
            "tables of 100,000 elements at most",
            ends,
            Lift::Shown {
                how: "wasmtime without that bound",
                comes: End::Answers,
                show: Show::PlainRun,
            },
        )
    };
    vec![
        case(
            "eats memory",
            Memory,
            Run::Act(Act::EatMemory),
            LIMIT,
            End::Memory(64),
            again(Relax::Memory, End::Memory(128)),
        ),
        case(
            "asks for too much and goes on with less",
            Memory,
            Run::Act(Act::CopeWithRefusedGrowth),
            LIMIT,
            End::Answers,
            again(Relax::AllMemory, End::Answers),
        ),
        limited(
            "grows to the limit",
            work(
                "(loop $again (br_if $again (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0)))) (unreachable)",
            ),
        ),
        limited(
            "four memories, each below the limit",
            work_with(
                "(memory (export \"memory\") 1) (memory $b 1) (memory $c 1) (memory $d 1)",
                "(loop $again
                    (br_if $again (i32.and (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0))
                        (i32.and (i32.ge_s (memory.grow $b (i32.const 1)) (i32.const 0))
                        (i32.and (i32.ge_s (memory.grow $c (i32.const 1)) (i32.const 0))
                            (i32.ge_s (memory.grow $d (i32.const 1)) (i32.const 0)))))))
                 (unreachable)",
            ),
        ),
        case(
            "a memory that is too large from the start",
            Memory,
            Run::Work(work_with(
                "(memory (export \"memory\") 16384)",
                "(i32.const 0)",
            )),
            LIMIT,
            End::Memory(64),
            again(Relax::AllMemory, End::Answers),
        ),
        case(
            "data at the end of a memory of 1 GiB",
            Memory,
            Run::Work(work_with(
                "(memory (export \"memory\") 16384) (data (i32.const 0x3fffffff) \"x\")",
                "(i32.const 0)",
            )),
            LIMIT,
            End::Memory(64),
            again(Relax::AllMemory, End::Answers),
        ),
        plain(
            "table.grow to the end",
            work_with(
                "(table $t 1 funcref)",
                "(if (i32.lt_s (table.grow $t (ref.null func) (i32.const 200000)) (i32.const 0)) (then unreachable))
                 (i32.const 0)",
            ),
            End::Fails("memory"),
        ),
        plain(
            "a table in many steps to the end",
            work_with(
                "(table $t 1 funcref)",
                "(local $left i32) (local.set $left (i32.const 100))
                 (loop $again
                    (if (i32.lt_s (table.grow $t (ref.null func) (i32.const 4096)) (i32.const 0)) (then unreachable))
                    (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
                 (i32.const 0)",
            ),
            End::Fails("memory"),
        ),
        counted("five memories", &"(memory 1) ".repeat(5), "memories"),
        counted("nine tables", &"(table 1 funcref) ".repeat(9), "tables"),
        counted(
            "a table that is too large from the start",
            "(table 100001 funcref)",
            "elements in a table from the start",
        ),
        outside(
            "reads past the end",
            work("(drop (i32.load (i32.const 65533))) (i32.const 0)"),
        ),
        outside(
            "writes past the end, with the largest offset",
            work("(i32.store offset=0xffffffff (i32.const -1) (i32.const 7)) (i32.const 0)"),
        ),
        outside(
            "reads 16 bytes across the end",
            work("(drop (v128.load (i32.const 65521))) (i32.const 0)"),
        ),
        outside(
            "fills past the end",
            work("(memory.fill (i32.const 65535) (i32.const 7) (i32.const 2)) (i32.const 0)"),
        ),
        outside(
            "copies over 2^32",
            work("(memory.copy (i32.const 1) (i32.const 0) (i32.const -1)) (i32.const 0)"),
        ),
        case(
            "gives an import a place past the end",
            Memory,
            Run::Work(Source::Wat("point_outside")),
            "every pointer is held against the memory",
            End::Traps("are outside of the memory"),
            Lift::Not("it is the sandbox itself"),
        ),
        outside(
            "a data segment outside of its memory",
            work_with(
                "(memory (export \"memory\") 1) (data (i32.const 65536) \"x\")",
                "(i32.const 0)",
            ),
        ),
        case(
            "calls a table's empty place",
            Memory,
            Run::Work(work_with(
                "(table 1 funcref) (type $f (func))",
                "(call_indirect (type $f) (i32.const 0)) (i32.const 0)",
            )),
            "checks of each indirect call",
            End::Traps("uninitialized element"),
            Lift::Not("it is WebAssembly itself, and what wasmtime makes of it"),
        ),
        case(
            "calls a function by another type",
            Memory,
            Run::Work(work_with(
                "(table 1 funcref) (type $f (func (param i64))) (func $g (param i32)) (elem (i32.const 0) $g)",
                "(call_indirect (type $f) (i64.const 0) (i32.const 0)) (i32.const 0)",
            )),
            "checks of each indirect call",
            End::Traps("indirect call type mismatch"),
            Lift::Not("it is WebAssembly itself, and what wasmtime makes of it"),
        ),
        case(
            "looks for what the last task left",
            Memory,
            Run::Elsewhere {
                file: "tests/tests/outcomes.rs",
                test: "nothing_is_left_behind_for_the_next_task",
            },
            "a fresh instance for each task",
            End::AsShown,
            Lift::Shown {
                how: "`Isolation::Batch`, which keeps the instance for a batch",
                comes: End::Says(&[1]),
                show: Show::Play(find_dirt),
            },
        ),
        case(
            "memory in a worker, past WebAssembly",
            Memory,
            Run::Native("private_memory", super::Argument::Number(1 << 40)),
            "`private_memory`",
            End::Errno(libc::ENOMEM),
            again(Relax::AllWalls, End::Through),
        ),
        limited(
            "a result that never ends in memory",
            work(
                "(local $n i32)
                 (loop $again
                    (local.set $n (memory.grow (i32.const 16)))
                    (if (i32.lt_s (local.get $n) (i32.const 0)) (then unreachable))
                    (memory.fill (i32.mul (local.get $n) (i32.const 65536)) (i32.const 7) (i32.const 1048576))
                    (br $again))
                 (i32.const 0)",
            ),
        ),
    ]
}

/// In one batch the second task finds what the first has left.
fn find_dirt(pools: &super::Pools) -> anyhow::Result<super::Came> {
    let pool = pools.pool(Setting::Ordinary)?;
    let module = pool.load_bytes(
        work_with(
            "(global $dirt (mut i32) (i32.const 0))",
            "(global.set $dirt (i32.add (global.get $dirt) (i32.const 1)))
             (call $say (i32.sub (global.get $dirt) (i32.const 1)))",
        )
        .bytes(),
    )?;
    let task = module
        .task::<Vec<u8>, Vec<u8>>("work")?
        .isolation(wasmpool::Isolation::Batch)
        .chunk_size(2);
    let mut last = Vec::new();
    for outcome in pool.map(&task, [Vec::<u8>::new(), Vec::new()]) {
        last = outcome?;
    }
    Ok(super::Came::Value(last))
}
