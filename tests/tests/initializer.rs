//! Initializers: run once and kept as a snapshot, or run in each fresh instance.

use anyhow::{Context, Result, ensure};
use wasmpool::{
    Builder, ByteSize, InitError, Isolation, LoadError, Module, NameError, Pool, Process, Refusal,
    SessionError, TaskError,
};
use wasmpool_tests::kinds::{self, ISOLATIONS, START_METHODS};
use wasmpool_tests::witness::{Seen, Witness};
use wasmpool_tests::{TASK_TIMEOUT, guests};

fn load(pool: &Pool) -> Result<Module> {
    Ok(pool.load(guests::stateful())?)
}

/// How often guests have logged `built`.
fn built(witness: &Witness) -> usize {
    let is_it = |seen: &&Seen| matches!(seen, Seen::Log { text, .. } if text == "built");
    witness.seen().iter().filter(is_it).count()
}

#[test]
fn a_snapshot_runs_once_and_every_fresh_instance_starts_from_it() -> Result<()> {
    for start_method in START_METHODS {
        for isolation in ISOLATIONS {
            let witness = Witness::default();
            let builder = kinds::builder().workers(2).start_method(start_method);
            let pool = witness.watch(builder.isolation(isolation)).build()?;
            let plain = load(&pool)?;
            let module = plain.initialized("build", (100_u64, "squares".to_owned()))?;
            ensure!(built(&witness) == 1);
            let lookup = module.task::<u64, Option<u64>>("lookup")?;
            for (n, square) in (0..100).zip(pool.map(&lookup, 0..100)) {
                ensure!(square? == Some(n * n));
            }
            ensure!(lookup.call(100)?.is_none());
            let named = module.task::<String, Option<u64>>("named")?;
            ensure!(named.call("squares")? == Some(100) && named.call("cubes")?.is_none());
            ensure!(built(&witness) == 1, "it ran again");
            // What one task changes no other sees.
            let count = module.task::<u64, u64>("count")?;
            if isolation != Isolation::Batch {
                for outcome in pool.map(&count, vec![1; 20]) {
                    ensure!(outcome? == 1);
                }
            }
            // The module that it was made of is as it was.
            ensure!(plain.task::<u64, Option<u64>>("lookup")?.call(3)?.is_none());
            // A process and a session start from it too.
            ensure!(Process::spawn(&lookup, 7)?.result()? == Some(49));
            let session = module.session()?;
            ensure!(session.call(&lookup, 8)? == Some(64));
            ensure!(built(&witness) == 1);
        }
    }
    Ok(())
}

#[test]
fn a_snapshot_is_the_start_of_the_next() -> Result<()> {
    let witness = Witness::default();
    let pool = witness.watch(kinds::builder().workers(1)).build()?;
    let first = load(&pool)?.initialized("count", 5_u64)?;
    let second = first.initialized("count", 6_u64)?;
    let both = second.initialized("build", (4_u64, "four".to_owned()))?;
    ensure!(first.task::<u64, u64>("count")?.call(1)? == 6);
    ensure!(second.task::<u64, u64>("count")?.call(1)? == 12);
    ensure!(both.task::<u64, u64>("count")?.call(1)? == 12);
    ensure!(both.task::<u64, Option<u64>>("lookup")?.call(3)? == Some(9));
    // A plain initializer on top runs in each instance; one below is part of what is kept.
    let on_top = both.with_initializer("count", 100_u64)?;
    let count = on_top.task::<u64, u64>("count")?;
    ensure!(count.call(1)? == 112 && count.call(1)? == 112);
    let below = on_top
        .initialized("count", 1000_u64)?
        .task::<u64, u64>("count")?;
    ensure!(below.call(1)? == 1112 && below.call(1)? == 1112);
    Ok(())
}

/// The point of it: what is dear to compute is computed once. Told by the turns of the guest, which are the same on any machine.
#[test]
fn a_snapshot_is_faster_than_computing_it_in_each_instance() -> Result<()> {
    let pool = kinds::builder().workers(1).fuel(1 << 40).build()?;
    let module = load(&pool)?;
    let fuel = |module: &Module| -> Result<u64> {
        let lookup = module.task::<u64, Option<u64>>("lookup")?;
        let mut used = 0;
        // The first one is like all others.
        for _ in 0..3 {
            let reported = lookup.call_reported(3);
            ensure!(reported.outcome?.is_some());
            let report = reported.report.context("it ran")?;
            used += report.fuel.context("it has fuel")?;
        }
        Ok(used)
    };
    let rounds = 300_000_u64;
    let once = fuel(&module.initialized("build_slowly", rounds)?)?;
    let each = fuel(&module.with_initializer("build_slowly", rounds)?)?;
    ensure!(each > 3 * rounds, "{each} for three times {rounds} rounds");
    ensure!(once < each / 100, "{once} with a snapshot, {each} without");
    Ok(())
}

/// Constructors and the start function have run before the snapshot was taken, and run no second time after it.
#[test]
fn nothing_runs_before_the_task_of_a_restored_module() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load_bytes(
        br#"(module (memory (export "memory") 1) (global $n (mut i32) (i32.const 0))
            (func $start (global.set $n (i32.add (global.get $n) (i32.const 1000))))
            (start $start)
            (func (export "_initialize") (global.set $n (i32.add (global.get $n) (i32.const 100))))
            (func (export "init") (param i32)
                (drop (memory.grow (i32.const 2)))
                (i32.store (i32.const 196604) (local.get 0))
                (global.set $n (i32.add (global.get $n) (local.get 0))))
            (func (export "n") (result i32 i32 i32)
                (global.get $n) (memory.size) (i32.load (i32.const 196604))))"#,
    )?;
    let restored = module.initialized("init", 7)?;
    let n = restored.task::<(), (i32, i32, i32)>("n")?;
    ensure!(n.call(())? == (1107, 3, 7));
    // The task that initialized it can still be called, in an instance of its own.
    restored.task::<i32, ()>("init")?.call(3)?;
    ensure!(n.call(())? == (1107, 3, 7));
    ensure!(restored.memories().next() == Some((ByteSize::kib(192), None)));
    let plain = module.with_initializer("init", 7)?;
    ensure!(plain.task::<(), (i32, i32, i32)>("n")?.call(())? == (1107, 3, 7));
    Ok(())
}

#[test]
fn random_state_of_a_snapshot_is_the_same_in_every_instance() -> Result<()> {
    let pool = kinds::builder().workers(2).build()?;
    let module = load(&pool)?;
    let random = module.task::<(), u64>("random")?;
    ensure!(
        random.call(())? != random.call(())?,
        "each instance draws its own"
    );
    let random = module
        .initialized("random", ())?
        .task::<(), u64>("random")?;
    let first = random.call(())?;
    for _ in 0..10 {
        ensure!(random.call(())? == first);
    }
    Ok(())
}

#[test]
fn the_plain_form_runs_in_each_fresh_instance() -> Result<()> {
    let fresh = |isolation| -> Result<(Witness, Pool, Module)> {
        let witness = Witness::default();
        let pool = witness
            .watch(kinds::builder().workers(1).isolation(isolation))
            .build()?;
        let module = load(&pool)?.with_initializer("build", (9_u64, "nine".to_owned()))?;
        Ok((witness, pool, module))
    };
    for isolation in [Isolation::Task, Isolation::Process] {
        let (witness, pool, module) = fresh(isolation)?;
        let lookup = module.task::<u64, Option<u64>>("lookup")?;
        for outcome in pool.map(&lookup, vec![8; 10]) {
            ensure!(outcome? == Some(64));
        }
        ensure!(built(&witness) == 10, "{} times", built(&witness));
    }
    let (witness, pool, module) = fresh(Isolation::Batch)?;
    let lookup = module.task::<u64, Option<u64>>("lookup")?.chunk_size(5);
    for outcome in pool.map(&lookup, vec![8; 10]) {
        ensure!(outcome? == Some(64));
    }
    ensure!(built(&witness) == 2, "once a batch");
    let session = module.session()?;
    for _ in 0..3 {
        ensure!(session.call(&lookup, 8)? == Some(64));
    }
    ensure!(built(&witness) == 3, "once a session");
    ensure!(Process::spawn(&lookup, 8)?.result()? == Some(64));
    // What it returns is not part of the result, whatever its size is.
    let loud = load(&pool)?.with_initializer("bytes", 1_000_000_u64)?;
    ensure!(loud.task::<u64, u64>("count")?.call(1)? == 1);
    Ok(())
}

/// Large inputs go another way than small ones, and the initializer goes along with both.
#[test]
fn an_initializer_goes_along_with_inputs_of_any_size() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let name = "n".repeat(30_000);
    let module = load(&pool)?.with_initializer("build", (9_u64, name.clone()))?;
    let named = module.task::<String, Option<u64>>("named")?;
    for len in [1, 10_000, 20_000, 30_000, 48_000, 100_000, 1_000_000] {
        let wanted = (len == name.len()).then_some(9);
        ensure!(named.call("n".repeat(len))? == wanted, "{len}");
    }
    let too_large = load(&pool)?.with_initializer("build", (9_u64, "n".repeat(40_000)));
    ensure!(
        matches!(too_large, Err(InitError::ArgumentSize { .. })),
        "{too_large:?}"
    );
    // A snapshot has no such bound.
    let name = "n".repeat(1_000_000);
    let module = load(&pool)?.initialized("build", (9_u64, name.clone()))?;
    ensure!(module.task::<String, Option<u64>>("named")?.call(name)? == Some(9));
    Ok(())
}

fn limited(builder: Builder) -> Builder {
    builder.workers(1).memory(ByteSize::mib(8))
}

#[test]
fn an_initializer_that_fails_says_how() -> Result<()> {
    let pool = limited(kinds::builder()).build()?;
    let module = load(&pool)?;
    // For those that end by it, and not for those that a busy machine may make wait for as long.
    let mut limits = module.limits().clone();
    limits.timeout = Some(TASK_TIMEOUT);
    let short = module.with_limits(limits)?;
    let fails = |task: &str, outcome: Result<Module, InitError>, kind: &str| -> Result<()> {
        match outcome {
            Err(InitError::Task(error)) if error.kind() == kind => Ok(()),
            other => anyhow::bail!("{task}: {other:?}"),
        }
    };
    let message = "not today".to_owned();
    fails("fail", module.initialized("fail", message.clone()), "guest")?;
    fails("trap", module.initialized("trap", ()), "trap")?;
    fails("panic", module.initialized("panic", ()), "guest")?;
    fails(
        "spin",
        short.initialized("spin", "here".to_owned()),
        "timeout",
    )?;
    fails("keep", module.initialized("keep", 64_u64 << 20), "memory")?;

    // The plain form: as the outcome of each task, with words that say whose fault it is.
    let count = |module: Module| -> Result<TaskError> {
        match module.task::<u64, u64>("count")?.call(1) {
            Ok(count) => anyhow::bail!("{count}"),
            Err(error) => Ok(error),
        }
    };
    let error = count(module.with_initializer("fail", message)?)?;
    ensure!(
        matches!(&error, TaskError::Guest { message, data: None, .. }
            if message.contains("the initializer failed") && message.contains("not today")),
        "{error:?}"
    );
    let error = count(module.with_initializer("trap", ())?)?;
    ensure!(
        matches!(&error, TaskError::Trap { message, .. } if message.contains("the initializer failed")),
        "{error:?}"
    );
    let error = count(module.with_initializer("panic", ())?)?;
    ensure!(
        matches!(&error, TaskError::Guest { message, .. } if message.contains("the initializer failed")),
        "{error:?}"
    );
    let spinning = short.with_initializer("spin", "here".to_owned())?;
    ensure!(
        matches!(count(spinning)?, TaskError::Timeout { .. }),
        "it is the task's time"
    );
    let eating = module.with_initializer("keep", 64_u64 << 20)?;
    ensure!(
        matches!(count(eating)?, TaskError::Memory { .. }),
        "it is the task's memory"
    );
    // In a session it is the first call's outcome, and the end.
    let session = module.with_initializer("trap", ())?.session()?;
    let count = session.task::<u64, u64>("count")?;
    ensure!(matches!(
        count.call(1),
        Err(SessionError::Task(TaskError::Trap { .. }))
    ));
    ensure!(matches!(count.call(1), Err(SessionError::Ended(_))));
    // The module itself is as well as before.
    ensure!(module.task::<u64, u64>("count")?.call(1)? == 1);
    Ok(())
}

#[test]
fn a_task_s_own_error_value_is_not_mixed_up_with_the_initializer_s() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let module = load(&pool)?.with_initializer("fail", "text".to_owned())?;
    let task = module.task::<(u64, Option<String>), u64>("count_or_fail")?;
    let error = task.call((1, None::<String>)).unwrap_err();
    ensure!(
        matches!(&error, TaskError::Guest { data: None, .. }),
        "{error:?}"
    );
    Ok(())
}

#[test]
fn names_and_arguments_are_checked_like_a_task_s() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let module = load(&pool)?;
    for checked in [
        module.initialized("buld", ()),
        module.with_initializer("buld", ()),
    ] {
        ensure!(
            matches!(&checked, Err(InitError::Name(NameError::Unknown { known, .. })) if known[0] == "build"),
            "{checked:?}"
        );
    }
    for checked in [
        module.initialized("build", 5_u64),
        module.with_initializer("build", (5_u64, 5_u64)),
        module.initialized("lookup", "text".to_owned()),
    ] {
        ensure!(
            matches!(&checked, Err(InitError::Name(NameError::Types { .. }))),
            "{checked:?}"
        );
    }
    let command = pool.load(guests::command())?;
    for checked in [
        command.initialized("_start", ()),
        command.with_initializer("_start", ()),
    ] {
        ensure!(matches!(&checked, Err(InitError::Command)), "{checked:?}");
    }
    Ok(())
}

#[test]
fn what_no_snapshot_shows_is_refused_by_name_and_runs_in_the_plain_form() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load_bytes(
        br#"(module (table 2 funcref) (elem declare func $f) (func $f)
            (func (export "init") (table.set 0 (i32.const 1) (ref.func $f)))
            (func (export "is_null") (result i32) (ref.is_null (table.get 0 (i32.const 1)))))"#,
    )?;
    let refused = module.initialized("init", ());
    ensure!(
        matches!(&refused, Err(InitError::Load(LoadError::Refused(Refusal::Snapshot { message })))
            if message.contains("table.set")),
        "{refused:?}"
    );
    ensure!(module.task::<(), i32>("is_null")?.call(())? == 1);
    let plain = module.with_initializer("init", ())?;
    ensure!(plain.task::<(), i32>("is_null")?.call(())? == 0);
    Ok(())
}

#[test]
fn a_state_that_is_too_large_is_refused() -> Result<()> {
    let mut limits = wasmpool::Limits::default();
    // The module itself has more than half of it.
    limits.module_size = ByteSize::mib(4);
    let pool = kinds::builder().limits(limits).workers(1).build()?;
    let module = load(&pool)?;
    let ready = module.initialized("keep", 1_u64 << 20)?;
    ensure!(ready.task::<u64, u64>("keep")?.call(1)? == (1 << 20) + 1);
    let refused = module.initialized("keep", 16_u64 << 20);
    ensure!(
        matches!(refused, Err(InitError::StateSize { limit }) if limit == ByteSize::mib(4)),
        "{refused:?}"
    );
    // One that would pass alone, and not with the rest of the module.
    let refused = module.initialized("keep", 3_u64 << 20);
    ensure!(
        matches!(
            refused,
            Err(InitError::Load(LoadError::Refused(
                Refusal::TooLarge { .. }
            )))
        ),
        "{refused:?}"
    );
    Ok(())
}

#[test]
fn a_closed_pool_initializes_nothing() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let module = load(&pool)?;
    pool.terminate();
    let refused = module.initialized("count", 1_u64);
    ensure!(
        matches!(refused, Err(InitError::Task(TaskError::Closed))),
        "{refused:?}"
    );
    Ok(())
}
