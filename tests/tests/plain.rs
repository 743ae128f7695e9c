//! Modules that know nothing of the pool: numbers, WASI commands, and the raw ABI without an SDK.

use anyhow::{Context, Result, bail, ensure};
use wasmpool::{ByteSize, CommandInput, Encoded, Pool, TaskError};
use wasmpool_tests::kinds::Kind;
use wasmpool_tests::{guests, kinds};

fn pool() -> Result<Pool> {
    Ok(kinds::builder().workers(2).build()?)
}

#[test]
fn exports_of_numbers_are_typed_tasks() -> Result<()> {
    let pool = pool()?;
    let module = pool.load(guests::wat("numbers"))?;
    let add = module.task::<(i32, i32), i32>("add")?;
    ensure!(add.call((40, 2))? == 42);
    ensure!(add.call((i32::MAX, 1))? == i32::MIN);
    ensure!(module.task::<i64, i64>("negate")?.call(i64::MAX)? == -i64::MAX);
    ensure!(module.task::<f64, f64>("half")?.call(5.0)? == 2.5);
    ensure!(module.task::<f32, f32>("quarter")?.call(5.0)? == 1.25);
    module.task::<(), ()>("nothing")?.call(())?;
    let divide = module.task::<(i32, i32), i32>("divide")?;
    match divide.call((1, 0)) {
        Err(TaskError::Trap { message, .. }) => {
            ensure!(message.contains("divide by zero"), "{message}")
        }
        other => bail!("{other:?}"),
    }
    let sums = pool.map(&add, (0..500).map(|n| (n, n)));
    for (n, sum) in (0..).zip(sums) {
        ensure!(sum? == n * 2);
    }
    Ok(())
}

#[test]
fn numbers_work_in_every_kind_of_pool() -> Result<()> {
    for kind in Kind::all(&[2]) {
        let pool = kind.builder().build()?;
        let add = pool
            .load(guests::wat("numbers"))?
            .task::<(i32, i32), i32>("add")?;
        for (n, sum) in (0..100).zip(pool.map(&add, (0..100).map(|n| (n, -1)))) {
            ensure!(sum.with_context(|| kind.to_string())? == n - 1);
        }
    }
    Ok(())
}

#[test]
fn a_raw_task_gets_and_gives_bytes() -> Result<()> {
    let pool = pool()?;
    let module = pool.load(guests::wat("raw_reverse"))?;
    let reverse = module.task::<Vec<u8>, Vec<u8>>("reverse")?;
    ensure!(reverse.call(&b"drawer"[..])? == b"reward");
    ensure!(reverse.call(Vec::<u8>::new())?.is_empty());
    let long: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let mut backwards = long.clone();
    backwards.reverse();
    ensure!(reverse.call(&long)? == backwards);
    ensure!(
        module.dynamic("reverse")?.call(Encoded(long))?.0 == backwards,
        "named without its types"
    );
    Ok(())
}

fn input(args: &[&str], stdin: &str) -> CommandInput {
    CommandInput {
        args: args.iter().map(ToString::to_string).collect(),
        stdin: stdin.as_bytes().to_vec(),
    }
}

#[test]
fn a_command_gets_arguments_and_input_and_leaves_output_and_a_code() -> Result<()> {
    for kind in Kind::all(&[1, 2]) {
        let pool = kind.builder().build()?;
        let find = pool.load(guests::command())?.command()?;
        let found = find
            .call(input(&["find", "an"], "one\nbanana\ncan\n"))
            .with_context(|| kind.to_string())?;
        ensure!(
            (found.code, &found.stdout[..]) == (0, b"2:banana\n3:can\n"),
            "{found:?}"
        );
        let nothing = find.call(input(&["find", "xyz"], "one\n"))?;
        ensure!(
            (nothing.code, nothing.stdout.len()) == (1, 0),
            "{nothing:?}"
        );
        let usage = find.call(input(&["find"], ""))?;
        ensure!(usage.code == 2, "{usage:?}");
        ensure!(usage.stderr.starts_with(b"usage: find"), "{usage:?}");
    }
    Ok(())
}

#[test]
fn commands_run_in_a_map() -> Result<()> {
    let pool = pool()?;
    let find = pool.load(guests::command())?.command()?;
    let inputs: Vec<CommandInput> = (0..100)
        .map(|n| input(&["find", &n.to_string()], &format!("line {n}\n")))
        .collect();
    for (n, outcome) in (0..).zip(pool.map(&find, &inputs)) {
        ensure!(outcome?.stdout == format!("1:line {n}\n").into_bytes());
    }
    Ok(())
}

#[test]
fn a_commands_output_is_capped() -> Result<()> {
    let pool = kinds::builder()
        .workers(1)
        .max_output(ByteSize::kib(64))
        .build()?;
    let find = pool.load(guests::command())?.command()?;
    let outcome = find.call(input(
        &["find", "a"],
        &"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n".repeat(10_000),
    ));
    ensure!(
        matches!(outcome, Err(TaskError::Output { .. })),
        "{outcome:?}"
    );
    Ok(())
}

#[test]
fn a_command_that_never_ends_is_stopped() -> Result<()> {
    let pool = kinds::builder()
        .workers(1)
        .timeout(wasmpool_tests::TASK_TIMEOUT)
        .build()?;
    let spin = pool.load(guests::wat("command_spin"))?.command()?;
    let outcome = spin.call(input(&["spin"], ""));
    ensure!(
        matches!(outcome, Err(TaskError::Timeout { .. })),
        "{outcome:?}"
    );
    Ok(())
}
