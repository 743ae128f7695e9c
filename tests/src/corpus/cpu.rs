//! Guests that never end, or go deeper than there is stack.

use std::fmt::Write as _;

use guest_hostile::Act;

use super::Class::Cpu;
use super::{Case, End, Lift, Relax, Run, Setting, Show, Source, again, case, work, work_with};

const TIME: &str = "`Limits::timeout`";
const STACK: &str = "`Limits::stack`";
const PROPOSALS: &str = "the list of proposals";

pub(super) fn cases() -> Vec<Case> {
    let endless = |name, source| {
        case(
            name,
            Cpu,
            Run::Work(source),
            TIME,
            End::Fails("timeout"),
            again(Relax::Time, End::RunsOn),
        )
    };
    let deep = |name, source| {
        case(
            name,
            Cpu,
            Run::Work(source),
            STACK,
            End::Traps("call stack exhausted"),
            again(Relax::Stack, End::Answers),
        )
    };
    let refused = |name, fields: &str| {
        case(
            name,
            Cpu,
            Run::Load(Source::Text(format!("(module {fields})"))),
            PROPOSALS,
            End::Proposal("threads"),
            Lift::Shown {
                how: "a validator with every proposal on",
                comes: End::Loads,
                show: Show::EveryProposal,
            },
        )
    };
    vec![
        case(
            "endless loop",
            Cpu,
            Run::Act(Act::Spin),
            TIME,
            End::Fails("timeout"),
            again(Relax::Time, End::RunsOn),
        ),
        case(
            "endless loop, with fuel",
            Cpu,
            Run::Work(work("(loop $again (br $again)) (i32.const 0)")),
            "`Limits::fuel`",
            End::Fails("fuel"),
            again(Relax::Fuel, End::RunsOn),
        )
        .on(Setting::Fuel),
        case(
            "endless loop, with processor time",
            Cpu,
            Run::Work(work("(loop $again (br $again)) (i32.const 0)")),
            "`Limits::cpu_time`",
            End::Fails("cpu_time"),
            again(Relax::CpuTime, End::RunsOn),
        )
        .on(Setting::Cpu),
        endless("endless loop of one instruction", work("(loop $again (br $again)) (i32.const 0)")),
        endless("loop in the start function", Source::Wat("spin_in_start")),
        endless(
            "loop in _initialize",
            work_with(
                "(memory (export \"memory\") 1) (func (export \"_initialize\") (loop $again (br $again)))",
                "(i32.const 0)",
            ),
        ),
        endless(
            "endless tail calls",
            work_with(
                "(func $a (param i32) (result i32) (return_call $b (i32.add (local.get 0) (i32.const 1))))
                 (func $b (param i32) (result i32) (return_call $a (i32.add (local.get 0) (i32.const 1))))",
                "(call $a (i32.const 0))",
            ),
        ),
        endless(
            "endless indirect tail calls",
            work_with(
                "(type $f (func (result i32))) (table 1 funcref) (elem (i32.const 0) $f)
                 (func $f (type $f) (return_call_indirect (type $f) (i32.const 0)))",
                "(call $f)",
            ),
        ),
        endless("br_table storm", br_table_storm()),
        endless(
            "endless imports",
            work("(loop $again (drop (call $input_len)) (br $again)) (i32.const 0)"),
        ),
        endless(
            "endless copies of a table",
            work_with(
                "(table $t 100000 100000 funcref)",
                "(loop $again (table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 99999)) (br $again)) (i32.const 0)",
            ),
        ),
        endless(
            "refused growth, over and over",
            work_with(
                "(memory (export \"memory\") 1 2)",
                "(loop $again (drop (memory.grow (i32.const 100))) (br $again)) (i32.const 0)",
            ),
        ),
        case(
            "memory.fill of 4 GiB",
            Cpu,
            Run::Work(Source::Wat("fill_4gib")),
            "`Limits::timeout`, by the end of the process: no code of the guest runs meanwhile",
            End::Fails("timeout"),
            again(Relax::Time, End::RunsOn),
        )
        .on(Setting::Wide),
        case(
            "memory.copy of 2 GiB",
            Cpu,
            Run::Work(work_with(
                "(memory (export \"memory\") 65536)",
                "(loop $again
                    (memory.copy (i32.const 0x7ffffff0) (i32.const 0) (i32.const 0x7ffffff0))
                    (br $again)) (i32.const 0)",
            )),
            "`Limits::timeout`, by the end of the process",
            End::Fails("timeout"),
            again(Relax::Time, End::RunsOn),
        )
        .on(Setting::Wide),
        deep(
            "deep recursion",
            work_with(
                "(func $deeper (param i32) (result i32)
                    (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
                    (i32.add (call $deeper (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))",
                "(drop (call $deeper (i32.const 40000))) (i32.const 0)",
            ),
        ),
        deep(
            "mutual recursion",
            work_with(
                "(func $a (param i32) (result i32)
                    (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
                    (i32.add (call $b (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
                 (func $b (param i32) (result i32) (i32.add (call $a (local.get 0)) (i32.const 1)))",
                "(drop (call $a (i32.const 20000))) (i32.const 0)",
            ),
        ),
        deep("huge frames", huge_frames()),
        case(
            "recursion in a compiled language",
            Cpu,
            Run::Act(Act::DeepRecursion),
            STACK,
            End::Fails("trap"),
            Lift::Not("it has no end: a larger stack is used up as well"),
        ),
        refused("shared memory", "(memory 1 1 shared)"),
        refused("an atomic load", "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))"),
        refused(
            "waiting on an address",
            "(memory 1 1 shared) (func (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))",
        ),
        refused("a fence", "(func atomic.fence)"),
    ]
}

/// A jump to one of ten thousand places, for ever.
fn br_table_storm() -> Source {
    let mut targets = String::new();
    for place in 0..10_000 {
        let _ = write!(targets, "{} ", place % 3);
    }
    work(&format!(
        "(local $n i32)
         (loop $again
            (block $c (block $b (block $a
                (br_table {targets} (i32.rem_u (local.get $n) (i32.const 10000))))))
            (local.set $n (i32.add (local.get $n) (i32.const 7919)))
            (br $again))
         (i32.const 0)"
    ))
}

/// A function with a thousand numbers that it needs again after it has called itself.
fn huge_frames() -> Source {
    const NUMBERS: usize = 1_000;
    let locals = "(local i64)".repeat(NUMBERS);
    let (mut load, mut store) = (String::new(), String::new());
    for number in 1..=NUMBERS {
        let place = number * 8;
        let _ = write!(load, "(local.set {number} (i64.load (i32.const {place})))");
        let _ = write!(
            store,
            "(i64.store (i32.const {place}) (local.get {number}))"
        );
    }
    work_with(
        &format!(
            "(memory (export \"memory\") 1)
             (func $deeper (param i32) {locals}
                (if (i32.eqz (local.get 0)) (then return))
                {load} (call $deeper (i32.sub (local.get 0) (i32.const 1))) {store})"
        ),
        "(call $deeper (i32.const 250)) (i32.const 0)",
    )
}
