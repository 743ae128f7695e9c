//! Each limit: a task just below it passes, one just above ends with the outcome that names the limit, at every level of
//! isolation; and whose setting counts.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use wasmpool::{
    Builder, ByteSize, Capped, Code, LimitError, Limits, LoadError, Module, Outcome, Pool, Process,
    ProcessExit, Queue, Refusal, SessionError, Task, TaskError,
};
use wasmpool_tests::kinds::{self, Kind};
use wasmpool_tests::{DEADLINE, guests};

/// A task of `use_up.wat`: its input is how much it uses up.
type UseUp = Task<Vec<u8>, Vec<u8>>;

/// What never ends.
const FOR_EVER: u32 = u32::MAX;
/// A limit of time that a busy machine does not reach by itself, and a test does in no time.
const SHORT: Duration = Duration::from_millis(300);

fn use_up(module: &Module, name: &str) -> Result<UseUp> {
    Ok(module.task(name)?)
}

fn run(task: &UseUp, amount: u32) -> Outcome<Vec<u8>> {
    task.call(amount.to_le_bytes().to_vec())
}

/// One that ends well behind and before one that does not, in one batch where there are batches.
fn run_between(pool: &Pool, task: &UseUp, amounts: [u32; 3]) -> Vec<Outcome<Vec<u8>>> {
    pool.map(
        &task.chunk_size(3),
        amounts.map(|amount| amount.to_le_bytes().to_vec()),
    )
}

/// Each kind of pool with this much set, and the module in it.
fn everywhere(
    set: impl Fn(Builder) -> Builder,
    test: impl Fn(&Pool, &Module) -> Result<()>,
) -> Result<()> {
    for kind in Kind::all(&[1]) {
        let pool = set(kind.builder()).build()?;
        let module = pool.load(guests::wat("use_up"))?;
        test(&pool, &module).with_context(|| kind.to_string())?;
    }
    Ok(())
}

#[test]
fn a_busy_task_is_stopped_by_its_processor_time() -> Result<()> {
    everywhere(
        |builder| builder.cpu_time(SHORT),
        |pool, module| {
            let spin = use_up(module, "spin")?;
            let outcomes = run_between(pool, &spin, [1000, FOR_EVER, 1000]);
            for (place, outcome) in outcomes.into_iter().enumerate() {
                match outcome {
                    Ok(_) if place != 1 => {}
                    Err(TaskError::CpuTime { limit, used, .. }) if place == 1 => {
                        ensure!(limit == SHORT && used >= SHORT, "{limit:?}, {used:?}");
                        ensure!(used < DEADLINE, "{used:?}");
                    }
                    other => bail!("item {place}: {other:?}"),
                }
            }
            Ok(())
        },
    )
}

#[test]
fn a_task_that_sleeps_uses_no_processor_time() -> Result<()> {
    everywhere(
        |builder| builder.cpu_time(SHORT),
        |_, module| {
            let begun = Instant::now();
            run(&use_up(module, "sleep")?, 400)?;
            ensure!(begun.elapsed() >= Duration::from_millis(400));
            Ok(())
        },
    )
}

/// Each of them uses less than half of what one may, and a batch of them more.
#[test]
fn each_task_of_a_batch_has_its_own_processor_time() -> Result<()> {
    let limit = Duration::from_millis(400);
    let pool = kinds::builder().workers(1).cpu_time(limit).build()?;
    let spin = use_up(&pool.load(guests::wat("use_up"))?, "spin")?
        .isolation(wasmpool::Isolation::Batch)
        .chunk_size(8);
    // More and more turns, until a batch of eight has used more than one task may: each of them an eighth to a quarter.
    let mut turns = 1_000_000_u32;
    loop {
        let items = vec![turns.to_le_bytes().to_vec(); 8];
        let mut used = Duration::ZERO;
        for (place, item) in pool.map_reported(&spin, items).into_iter().enumerate() {
            item.outcome.with_context(|| format!("item {place}"))?;
            let cpu = item.report.and_then(|report| report.cpu_time);
            used += cpu.context("it is reported")?;
        }
        if used > limit {
            return Ok(());
        }
        turns = turns.checked_mul(2).context("turns that cost nothing")?;
    }
}

#[test]
fn processes_and_sessions_have_their_processor_time() -> Result<()> {
    let pool = kinds::builder().workers(1).cpu_time(SHORT).build()?;
    let module = pool.load(guests::wat("use_up"))?;
    let spin = use_up(&module, "spin")?;
    let process = Process::spawn(&spin, FOR_EVER.to_le_bytes().to_vec())?;
    ensure!(process.join() == ProcessExit::Limit("cpu_time"));
    let session = module.session()?;
    for _ in 0..3 {
        session.call(&spin, 1000_u32.to_le_bytes().to_vec())?;
    }
    match session.call(&spin, FOR_EVER.to_le_bytes().to_vec()) {
        Err(SessionError::Task(TaskError::CpuTime { limit: SHORT, .. })) => Ok(()),
        other => bail!("{other:?}"),
    }
}

#[test]
fn one_call_over_all_of_memory_ends_by_its_processor_time() -> Result<()> {
    let pool = kinds::builder()
        .workers(1)
        .memory(ByteSize::gib(4))
        .cpu_time(Duration::from_millis(50))
        .build()?;
    let fill: UseUp = pool.load(guests::wat("fill_4gib"))?.task("work")?;
    match fill.call(Vec::<u8>::new()) {
        Err(TaskError::CpuTime { .. }) => Ok(()),
        other => bail!("{other:?}"),
    }
}

#[test]
fn wall_time_goes_on_while_a_task_sleeps() -> Result<()> {
    everywhere(
        |builder| builder.timeout(SHORT),
        |_, module| {
            let sleep = use_up(module, "sleep")?;
            let begun = Instant::now();
            match run(&sleep, 10) {
                Ok(_) => {}
                // On a busy machine it may have slept for so long indeed.
                Err(TaskError::Timeout { .. }) if begun.elapsed() >= SHORT => {}
                other => bail!("{other:?}"),
            }
            match run(&sleep, 3_600_000) {
                Err(TaskError::Timeout { limit: SHORT, .. }) => Ok(()),
                other => bail!("{other:?}"),
            }
        },
    )
}

#[test]
fn memories_and_tables_count_together() -> Result<()> {
    // Four pages and one element are there.
    let limit = ByteSize::new((8 << 16) + 16);
    everywhere(
        |builder| builder.memory(limit),
        |_, module| {
            for (name, most) in [("grow", 4), ("grow_table", (4 << 16) / 16)] {
                let task = use_up(module, name)?;
                run(&task, most).context(name)?;
                match run(&task, most + 1) {
                    Err(TaskError::Memory {
                        limit: told,
                        wanted,
                        ..
                    }) => {
                        ensure!(told == limit && wanted > limit, "{name}: {told}, {wanted}");
                    }
                    other => bail!("{name}: {other:?}"),
                }
            }
            Ok(())
        },
    )
}

#[test]
fn a_deeper_stack_takes_a_deeper_recursion() -> Result<()> {
    // Frames of the least and of the most are about 16 to 48 bytes.
    let (shallow, deep) = (500, 40_000);
    for kind in Kind::all(&[1]) {
        let stacks = [(ByteSize::kib(64), false), (ByteSize::mib(4), true)];
        for (stack, enough) in stacks {
            let mut limits = Limits::default();
            limits.stack = stack;
            let pool = kind.builder().limits(limits).build()?;
            let recurse = use_up(&pool.load(guests::wat("use_up"))?, "recurse")?;
            run(&recurse, shallow).with_context(|| format!("{kind}, {stack}"))?;
            match run(&recurse, deep) {
                Ok(_) if enough => {}
                Err(TaskError::Trap { message, .. }) if !enough => {
                    ensure!(message.contains("call stack exhausted"), "{message}");
                }
                other => bail!("{kind}, {stack}: {other:?}"),
            }
            match run(&recurse, FOR_EVER) {
                Err(TaskError::Trap { .. }) => {}
                other => bail!("{kind}, {stack}: {other:?}"),
            }
        }
    }
    Ok(())
}

#[test]
fn fuel_is_used_turn_by_turn() -> Result<()> {
    everywhere(
        |builder| builder.fuel(100_000),
        |_, module| {
            let spin = use_up(module, "spin")?;
            run(&spin, 1000)?;
            match run(&spin, 100_000) {
                Err(TaskError::Fuel { limit: 100_000, .. }) => Ok(()),
                other => bail!("{other:?}"),
            }
        },
    )
}

#[test]
fn what_a_task_writes_has_limits_of_its_own() -> Result<()> {
    /// What a record costs beside its text.
    const RECORD: u64 = 64;
    let limit = ByteSize::new(10 * RECORD);
    let mut limits = Limits::default();
    (limits.output, limits.partial, limits.logs) = (limit, limit, limit);
    everywhere(
        |builder| builder.limits(limits.clone()).timeout(DEADLINE),
        |_, module| {
            for (name, what, most) in [
                ("write", Capped::Result, 640),
                ("emit", Capped::Partials, 640),
                ("log", Capped::Logs, 10),
                ("print", Capped::Logs, 10),
            ] {
                let task = use_up(module, name)?;
                run(&task, most).context(name)?;
                match run(&task, most + 1) {
                    Err(TaskError::Output {
                        what: told,
                        limit: of,
                        wanted,
                        ..
                    }) => {
                        ensure!(
                            told == what && of == limit && wanted > limit,
                            "{name}: {wanted}"
                        );
                    }
                    other => bail!("{name}: {other:?}"),
                }
            }
            Ok(())
        },
    )
}

#[test]
fn arguments_over_their_limit_are_not_sent() -> Result<()> {
    let mut limits = Limits::default();
    limits.input = ByteSize::kib(1);
    let pool = kinds::builder().workers(1).limits(limits).build()?;
    let take = use_up(&pool.load(guests::wat("use_up"))?, "take")?;
    take.call(vec![0; 1024])?;
    for outcome in [
        take.call(vec![0; 1025]),
        take.start(vec![0; 1025]).get(),
        pool.map(&take, [vec![0; 1025]]).remove(0),
    ] {
        match outcome {
            Err(TaskError::Input { limit, size, .. }) => {
                ensure!(
                    (limit.bytes(), size.bytes()) == (1024, 1025),
                    "{limit}, {size}"
                );
            }
            other => bail!("{other:?}"),
        }
    }
    Ok(())
}

#[test]
fn messages_over_their_limit_are_refused_to_the_guest() -> Result<()> {
    let mut limits = Limits::default();
    limits.message = ByteSize::kib(64);
    let pool = kinds::builder()
        .workers(1)
        .limits(limits)
        .host_function("echo", |_, bytes: Vec<u8>| Ok::<_, Infallible>(bytes))
        .build()?;
    let put = pool
        .load(guests::messages())?
        .task::<(Queue<Vec<u8>>, u32), ()>("put_bytes")?;
    let queue = Queue::<Vec<u8>>::unbounded()?;
    // Beside the bytes travels their length.
    put.call((&queue, 60 << 10))?;
    let error = put.call((&queue, 64 << 10)).expect_err("it is too long");
    ensure!(error.kind() == "guest", "{error}");
    ensure!(queue.get()?.len() == 60 << 10 && queue.is_empty());
    let echo = pool
        .load(guests::callers())?
        .task::<(String, u64), u64>("echo_bytes")?;
    ensure!(echo.call(("echo", 60 << 10))? == 60 << 10);
    let error = echo.call(("echo", 64 << 10)).expect_err("it is too long");
    ensure!(
        error.to_string().contains("larger than the host allows"),
        "{error}"
    );
    ensure!(i32::from(Code::TooLarge) < 0);
    Ok(())
}

#[test]
fn a_module_has_limits_when_it_is_loaded() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let text =
        r#"(module (memory 1) (memory 1) (table 1 funcref) (table 1 funcref) (func (export "f")))"#;
    let load = |set: &dyn Fn(&mut Limits)| {
        let mut limits = pool.limits().clone();
        set(&mut limits);
        pool.load_bytes_with(text, limits)
    };
    let size = text.len() as u64;
    load(&|it| it.module_size = ByteSize::new(size))?;
    match load(&|it| it.module_size = ByteSize::new(size - 1)) {
        Err(LoadError::TooLarge { size: told, limit }) => {
            ensure!(told.bytes() == size && limit.bytes() == size - 1);
        }
        other => bail!("{other:?}"),
    }
    // The second time it is in the cache, which knows nothing of these.
    for _ in 0..2 {
        load(&|it| (it.memories, it.tables) = (2, 2))?;
        for (what, refused) in [
            ("memories", load(&|it| it.memories = 1)),
            ("tables", load(&|it| it.tables = 1)),
        ] {
            match refused {
                Err(LoadError::Refused(Refusal::Bound {
                    what: told,
                    limit: 1,
                    found: 2,
                })) => {
                    ensure!(told == what, "{told}");
                }
                other => bail!("{what}: {other:?}"),
            }
        }
    }
    Ok(())
}

#[test]
fn the_narrower_setting_counts() -> Result<()> {
    let pool = kinds::builder()
        .workers(1)
        .max_output(ByteSize::new(100))
        .build()?;
    let wide = pool.load(guests::wat("use_up"))?;
    let mut limits = wide.limits().clone();
    limits.output = ByteSize::new(10);
    let narrow = wide.with_limits(limits.clone())?;
    limits.output = ByteSize::new(1000);
    let wider = pool.load_with(guests::wat("use_up"), limits.clone())?;
    let capped = |task: &UseUp, most: u32| -> Result<()> {
        run(task, most)?;
        match run(task, most + 1) {
            Err(TaskError::Output { limit, .. }) if limit.bytes() == u64::from(most) => Ok(()),
            other => bail!("{most}: {other:?}"),
        }
    };
    capped(&use_up(&wide, "write")?, 100)?;
    capped(&use_up(&narrow, "write")?, 10)?;
    capped(&use_up(&wider, "write")?, 1000)?;
    let task = use_up(&narrow, "write")?;
    capped(&task.max_output(ByteSize::new(500)), 500)?;
    capped(&task.with_limits(&limits)?, 1000)?;
    Ok(())
}

#[test]
fn what_is_the_pools_cannot_be_set_for_less() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load(guests::wat("use_up"))?;
    let mut limits = pool.limits().clone();
    limits.stack = ByteSize::mib(2);
    ensure!(matches!(
        module.with_limits(limits.clone()),
        Err(LimitError::OfPool { name: "stack", .. })
    ));
    ensure!(use_up(&module, "spin")?.with_limits(&limits).is_err());
    ensure!(matches!(
        pool.load_bytes_with("(module)", limits),
        Err(LoadError::Limit(_))
    ));
    let mut limits = Limits::default();
    limits.stack = ByteSize::gib(1);
    let error = Pool::builder()
        .limits(limits)
        .build()
        .expect_err("no stack is as deep");
    ensure!(error.to_string().contains("stack"), "{error}");
    Ok(())
}
