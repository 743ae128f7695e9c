//! The table: what a guest does, and how its task ends, in every kind of pool.

use anyhow::{Context, Result, ensure};
use guest_hostile::{Act, answer};
use wasmpool::{ByteSize, Encoded, Module, Outcome, Pool, Side, Task, TaskError};
use wasmpool_tests::kinds::Kind;
use wasmpool_tests::{TASK_TIMEOUT, guests};

/// How a task of the table ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// With the right answer.
    Answer,
    /// With an error of this kind.
    Fails(&'static str),
}
use End::{Answer, Fails};

/// What `guest-hostile` does, and how that ends.
const ACTS: &[(Act, End)] = &[
    (Act::Behave, Answer),
    (Act::Spin, Fails("timeout")),
    (Act::Trap, Fails("trap")),
    (Act::Panic, Fails("guest")),
    (Act::Exit, Fails("guest")),
    (Act::DeepRecursion, Fails("trap")),
    (Act::EatMemory, Fails("memory")),
    (Act::CopeWithRefusedGrowth, Answer),
    (Act::HugeOutput, Fails("output")),
    (Act::FloodPartials, Fails("output")),
    (Act::FloodLog, Answer),
    (Act::FloodStdout, Answer),
    (Act::FloodStderr, Answer),
    (Act::FloodProgress, Answer),
    (Act::SleepForever, Fails("timeout")),
    (Act::LeaveDirt, Answer),
];

/// Guests of `tests/wat/` with a raw task `work`, and how it ends.
const TEXTS: &[(&str, End)] = &[
    ("divide_by_zero", Fails("trap")),
    ("grow_table", Fails("memory")),
    ("point_outside", Fails("trap")),
    ("recurse", Fails("trap")),
    ("return_failure", Fails("guest")),
    ("spin_in_start", Fails("timeout")),
];

#[test]
fn every_act_ends_as_the_table_says_in_every_kind_of_pool() -> Result<()> {
    for kind in Kind::all(&[1, 2, 4]) {
        let pool = kind.builder().build()?;
        let work = guests::work(&pool)?;
        for &(act, end) in ACTS {
            let context = || format!("{act:?} with {kind}");
            let answers = act_between_honest_ones(&pool, &limited(&work, end), act);
            for (n, outcome) in (0_u64..).zip(&answers) {
                let wanted = if n == 1 { end } else { Answer };
                check(outcome, answer(n), wanted)
                    .with_context(|| format!("item {n}"))
                    .with_context(context)?;
            }
        }
    }
    Ok(())
}

#[test]
fn every_text_ends_as_the_table_says_in_every_kind_of_pool() -> Result<()> {
    for kind in Kind::all(&[1, 2, 4]) {
        let pool = kind.builder().build()?;
        let honest = guests::work(&pool)?;
        for &(name, end) in TEXTS {
            let context = || format!("{name} with {kind}");
            let work = limited(
                &raw(&pool.load(guests::wat(name)).with_context(context)?)?,
                end,
            );
            let outcome = pool.apply(&work, Vec::<u8>::new()).map(|_| 0);
            check(&outcome, 0, end).with_context(context)?;
            check(&pool.apply(&honest, (5, Act::Behave)), answer(5), Answer)
                .with_context(context)?;
        }
    }
    Ok(())
}

/// No epoch interrupts one call over all of memory: the process has to end.
#[test]
fn filling_four_gigabytes_ends_at_the_deadline() -> Result<()> {
    for kind in Kind::all(&[1]) {
        let pool = kind
            .builder()
            .memory(ByteSize::gib(4))
            .timeout(TASK_TIMEOUT)
            .build()?;
        let work = raw(&pool.load(guests::wat("fill_4gib"))?)?;
        let outcome = pool.apply(&work, Vec::<u8>::new()).map(|_| 0);
        check(&outcome, 0, Fails("timeout")).with_context(|| kind.to_string())?;
    }
    Ok(())
}

#[test]
fn a_task_without_fuel_ends_with_fuel() -> Result<()> {
    for kind in Kind::all(&[1, 2]) {
        let pool = kind.builder().fuel(10_000_000).build()?;
        let work = guests::work(&pool)?;
        let answers = act_between_honest_ones(&pool, &work, Act::Spin);
        for (n, outcome) in (0_u64..).zip(&answers) {
            let wanted = if n == 1 { Fails("fuel") } else { Answer };
            check(outcome, answer(n), wanted).with_context(|| format!("item {n} with {kind}"))?;
        }
    }
    Ok(())
}

/// On either side: who is asked, and where to look.
#[test]
fn what_does_not_decode_is_told_with_its_task_and_its_module() -> Result<()> {
    let pool = Pool::builder().workers(1).build()?;
    let module = pool.load(guests::hostile())?;
    let text = module.task::<(), String>("lie_about_text")?;
    let work = module.dynamic("work")?;
    let told = |outcome: Option<TaskError>, side: Side, task: &str| {
        let error = outcome.context("it is no value")?;
        let words = error.to_string();
        ensure!(
            matches!(error, TaskError::Codec { side: told, .. } if told == side),
            "{error:?}"
        );
        for part in [task, "guest_hostile.wasm", "wasmpool inspect"] {
            ensure!(words.contains(part), "it does not say {part:?}: {words}");
        }
        Ok(())
    };
    told(text.call(()).err(), Side::Host, "`lie_about_text`")?;
    told(
        pool.map(&text, [()]).remove(0).err(),
        Side::Host,
        "`lie_about_text`",
    )?;
    told(work.call(Encoded(vec![7])).err(), Side::Guest, "`work`")
}

/// What a guest says of its result is checked before anything is made of it.
#[test]
fn a_result_that_is_not_what_was_declared_is_a_codec_error() -> Result<()> {
    for kind in Kind::all(&[1]) {
        let pool = kind.builder().build()?;
        let module = pool.load(guests::hostile())?;
        let text = module.task::<(), String>("lie_about_text")?;
        let number = module.task::<(), u64>("say_too_much")?;
        for _ in 0..3 {
            check(&pool.apply(&text, ()).map(|_| 0), 0, Fails("codec"))
                .with_context(|| kind.to_string())?;
            check(&pool.apply(&number, ()), 0, Fails("codec")).with_context(|| kind.to_string())?;
        }
    }
    Ok(())
}

#[test]
fn what_the_errors_carry() -> Result<()> {
    let kind = Kind::all(&[1]).next().context("a kind")?;
    let pool = kind.builder().build()?;
    let work = guests::work(&pool)?;
    let end = |act| pool.apply(&work, (1, act));
    let short = work.timeout(TASK_TIMEOUT);

    match end(Act::Panic) {
        Err(TaskError::Guest {
            message,
            panic: Some((file, line)),
            ..
        }) => {
            ensure!(message.contains("asked to panic"), "{message}");
            ensure!(file.ends_with("acts.rs") && line > 0, "{file}:{line}");
        }
        other => anyhow::bail!("a panic ended as {other:?}"),
    }
    match end(Act::Trap) {
        Err(TaskError::Trap {
            message, backtrace, ..
        }) => {
            ensure!(message.contains("unreachable"), "{message}");
            ensure!(
                backtrace
                    .iter()
                    .any(|frame| frame.function.contains("trap")),
                "{backtrace:?}"
            );
        }
        other => anyhow::bail!("a trap ended as {other:?}"),
    }
    match end(Act::EatMemory) {
        Err(TaskError::Memory { limit, wanted, .. }) => {
            ensure!(
                limit.bytes() == 64 << 20 && wanted.bytes() > 64 << 20,
                "{limit:?}, {wanted:?}"
            );
        }
        other => anyhow::bail!("eating memory ended as {other:?}"),
    }
    match end(Act::HugeOutput) {
        Err(TaskError::Output { limit, wanted, .. }) => {
            ensure!(
                limit.bytes() == 4 << 20 && wanted.bytes() > 4 << 20,
                "{limit:?}, {wanted:?}"
            );
        }
        other => anyhow::bail!("a huge result ended as {other:?}"),
    }
    match short.call((1, Act::Spin)) {
        Err(TaskError::Timeout { limit, .. }) => ensure!(limit == TASK_TIMEOUT, "{limit:?}"),
        other => anyhow::bail!("a loop ended as {other:?}"),
    }
    Ok(())
}

/// A fresh instance sees nothing of the last one; a batch is the deliberate exception.
#[test]
fn nothing_is_left_behind_for_the_next_task() -> Result<()> {
    for kind in Kind::all(&[1]).filter(|kind| kind.isolation != wasmpool::Isolation::Batch) {
        let pool = kind.builder().build()?;
        let module = pool.load(guests::hostile())?;
        let work = module.task::<(u64, Act), u64>("work")?;
        let dirt = module.task::<(), u64>("dirt")?;
        for _ in 0..5 {
            pool.apply(&work, (1, Act::LeaveDirt))?;
            ensure!(
                pool.apply(&dirt, ())? == 0,
                "dirt was left behind with {kind}"
            );
        }
    }
    Ok(())
}

/// A map over three items, the one in the middle bad: what it does shows on itself and not on its neighbours.
fn act_between_honest_ones(
    pool: &Pool,
    work: &Task<(u64, Act), u64>,
    act: Act,
) -> Vec<Outcome<u64>> {
    pool.map(work, [(0, Act::Behave), (1, act), (2, Act::Behave)])
}

/// A raw task: bytes in, bytes out.
fn raw(module: &Module) -> Result<Task<Vec<u8>, Vec<u8>>> {
    Ok(module.task("work")?)
}

/// With a short time limit when that is what the task is to run into, else with none that it could meet.
fn limited<In, Out>(task: &Task<In, Out>, end: End) -> Task<In, Out> {
    if end == Fails("timeout") {
        task.timeout(TASK_TIMEOUT)
    } else {
        task.clone()
    }
}

/// Compares an outcome with the table.
fn check(outcome: &Outcome<u64>, answer: u64, wanted: End) -> Result<()> {
    let got = match outcome {
        Ok(value) => {
            ensure!(*value == answer, "the answer is {value}, not {answer}");
            Answer
        }
        Err(error) => Fails(error.kind()),
    };
    ensure!(
        got == wanted,
        "it ends as {got:?} ({outcome:?}), the table says {wanted:?}"
    );
    Ok(())
}
