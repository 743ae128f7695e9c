//! Functions of the embedding program, called by guests by name.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use wasmpool::{BuildError, Builder, ByteSize, CallContext, FunctionError, Isolation, TaskError};
use wasmpool_tests::processes::signal;
use wasmpool_tests::{DEADLINE, TASK_TIMEOUT, guests, kinds};

fn add(_: &CallContext, (a, b): (u64, u64)) -> Result<u64, String> {
    a.checked_add(b)
        .ok_or_else(|| format!("{a} and {b} are too much"))
}

/// The process id of a process's parent.
fn parent(pid: i32) -> Result<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    Ok(line.context("it has a parent")?.trim().parse()?)
}

fn builder() -> Builder {
    kinds::builder().workers(2)
}

/// In a call that found an idle worker the function runs on the calling thread, in a map elsewhere.
#[test]
fn functions_run_on_the_calling_thread_or_on_the_pools() -> Result<()> {
    let seen = Arc::new(Mutex::new(Vec::<ThreadId>::new()));
    let pool = builder()
        .host_function("add", {
            let seen = Arc::clone(&seen);
            move |context, args| {
                seen.lock()
                    .map_err(|error| error.to_string())?
                    .push(thread::current().id());
                add(context, args)
            }
        })
        .build()?;
    let task = pool
        .load(guests::callers())?
        .task::<(u64, u64), u64>("add")?;
    let take = || std::mem::take(&mut *seen.lock().expect("no function panics"));
    // The first call has to wait for a worker to start, and the next may come before that one rests.
    let begun = Instant::now();
    loop {
        ensure!(pool.apply(&task, (2, 3))? == 5);
        if take() == [thread::current().id()] {
            break;
        }
        ensure!(begun.elapsed() < DEADLINE, "no call was served here");
    }
    let sums: Vec<u64> = pool
        .map(&task, (0..50).map(|n| (n, n)))
        .into_iter()
        .collect::<Result<_, _>>()?;
    ensure!(sums == (0..50).map(|n| 2 * n).collect::<Vec<_>>());
    ensure!(!take().contains(&thread::current().id()));
    let error = task.call((u64::MAX, 1)).expect_err("the function fails");
    ensure!(error.to_string().contains("are too much"), "{error}");
    Ok(())
}

#[test]
fn a_function_knows_who_calls() -> Result<()> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let pool = builder()
        .host_function("add", {
            let seen = Arc::clone(&seen);
            move |context: &CallContext, args| {
                seen.lock()
                    .map_err(|error| error.to_string())?
                    .push(context.clone());
                add(context, args)
            }
        })
        .build()?;
    let (one, other) = (pool.load(guests::callers())?, pool.load(guests::callers())?);
    for module in [&one, &other] {
        let task = module.task::<(u64, u64), u64>("add")?;
        for outcome in pool.map(&task, (0..20).map(|n| (n, 0))) {
            outcome?;
        }
    }
    let seen = std::mem::take(&mut *seen.lock().expect("no function panics"));
    ensure!(one.tenant() != other.tenant());
    for module in [&one, &other] {
        let indices: BTreeSet<u64> = seen
            .iter()
            .filter(|context| context.tenant() == module.tenant())
            .map(CallContext::index)
            .collect();
        ensure!(indices == (0..20).collect());
    }
    ensure!(
        seen.iter()
            .all(|context| context.task() == "add" && context.module() == "guest_callers.wasm")
    );
    let workers: BTreeSet<u64> = seen.iter().map(CallContext::worker).collect();
    ensure!(workers.len() >= 2, "one worker served two tenants");
    Ok(())
}

/// Process ids of workers that have just begun, as functions and reports know them. A worker may speak before the zygote has told
/// which process it is: here the zygote is stopped again and again.
fn process_ids(builder: Builder, chunk: u32) -> Result<Vec<i32>> {
    const TASKS: u64 = 400;
    let pids = Arc::new(Mutex::new(Vec::new()));
    let (first, zygote) = mpsc::channel();
    let pool = builder
        .workers(4)
        .host_function("add", {
            let pids = Arc::clone(&pids);
            move |context, args| {
                let mut pids = pids.lock().expect("no function panics");
                if pids.is_empty() {
                    let _ = first.send(parent(context.pid()));
                }
                pids.push(context.pid());
                add(context, args)
            }
        })
        .build()?;
    let module = pool.load(guests::callers())?;
    let task = module.task::<(u64, u64), u64>("add")?.chunk_size(chunk);
    ensure!(task.call((1, 1))? == 2);
    let zygote = zygote.recv()??;
    let over = AtomicBool::new(false);
    let all = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(SeqCst) {
                // It may be gone when the test fails.
                let _ = signal(zygote, Signal::STOP);
                thread::sleep(Duration::from_millis(3));
                let _ = signal(zygote, Signal::CONT);
                thread::sleep(Duration::from_millis(1));
            }
        });
        let all = pool.map_reported(&task, (0..TASKS).map(|n| (n, n)));
        over.store(true, SeqCst);
        all
    });
    let mut pids = std::mem::take(&mut *pids.lock().expect("no function panics"));
    for (n, one) in (0..).zip(all) {
        ensure!(one.outcome? == 2 * n);
        pids.push(one.report.context("it ran")?.pid);
    }
    Ok(pids)
}

#[test]
fn the_process_of_a_worker_that_has_just_begun_is_known() -> Result<()> {
    let of_one_task = builder().isolation(Isolation::Process);
    // Of several tasks the host knows more than the worker has rung for: it looks by its own clock.
    let of_some_tasks = builder().max_tasks_per_worker(8);
    for (builder, chunk) in [(of_one_task, 1), (of_some_tasks, 4)] {
        let pids = process_ids(builder, chunk)?;
        let unknown = pids.iter().filter(|pid| **pid <= 0).count();
        ensure!(unknown == 0, "{unknown} of {} process ids", pids.len());
    }
    Ok(())
}

#[test]
fn a_task_may_emit_between_calls() -> Result<()> {
    let pool = builder().host_function("add", add).build()?;
    let task = pool
        .load(guests::callers())?
        .task::<u64, u64>("add_aloud")?;
    let call = task.start(5);
    let partials: Vec<u64> = call
        .partials()
        .map(|bytes| wasmpool::decode(&bytes))
        .collect::<Result<_, _>>()?;
    ensure!(partials == [0, 1, 3, 6, 10]);
    ensure!(call.get()? == 15);
    Ok(())
}

#[test]
fn guests_get_typed_errors() -> Result<()> {
    let pool = builder()
        .host_function("shout", |_, text: String| {
            Ok::<_, Infallible>(text.to_uppercase())
        })
        .host_function("refuse", |_, text: String| {
            Err::<String, _>(format!("no {text}"))
        })
        .host_function("panic", |_, text: String| -> Result<String, Infallible> {
            panic!("at the sight of {text}")
        })
        .host_function("count", |_, _: String| Ok::<_, Infallible>(77_u8))
        .build()?;
    let module = pool.load(guests::callers())?;
    let say = module.task::<(String, String), String>("say")?;
    let table = [
        ("shout", "ok: HONEY"),
        ("refuse", "error: no honey"),
        (
            "panic",
            "error: the function panicked: at the sight of honey",
        ),
        ("none", "unknown: the host has no function of this name"),
        ("", "unknown: the host has no function of this name"),
        (
            "count",
            "decode: the function's result: the bytes end before the value does",
        ),
        // After all of that.
        ("shout", "ok: HONEY"),
    ];
    for (name, expected) in table {
        let said = say.call((name, "honey"))?;
        ensure!(said == expected, "{name}: {said}");
        for said in pool.map(&say, [(name, "honey"); 3]) {
            ensure!(said? == expected, "{name}");
        }
    }
    let say_numbers = module.task::<(String, u64), String>("say_numbers")?;
    let said = say_numbers.call(("shout", 900))?;
    ensure!(
        said.starts_with("arguments: the function takes String: "),
        "{said}"
    );
    Ok(())
}

#[test]
fn names_have_to_be_names() {
    let twice = builder()
        .host_function("add", add)
        .host_function("add", add)
        .build();
    assert!(matches!(
        twice,
        Err(BuildError::Function(FunctionError::Duplicate { name })) if name == "add"
    ));
    for name in [String::new(), "x".repeat(256)] {
        let built = builder().host_function(name, add).build();
        assert!(matches!(
            built,
            Err(BuildError::Function(FunctionError::Name { .. }))
        ));
    }
}

/// A function that waits for ever, until the test lets it go.
struct Slow {
    pool: wasmpool::Pool,
    begun: mpsc::Receiver<()>,
    gate: Arc<AtomicBool>,
}

impl Slow {
    fn new(workers: usize) -> Result<Self> {
        let (begin, begun) = mpsc::channel();
        let gate = Arc::new(AtomicBool::new(false));
        let pool = kinds::builder()
            .workers(workers)
            .host_function("add", add)
            .host_function("slow", {
                let gate = Arc::clone(&gate);
                move |_, text: String| {
                    begin.send(()).map_err(|error| error.to_string())?;
                    let deadline = Instant::now() + DEADLINE;
                    while !gate.load(SeqCst) && Instant::now() < deadline {
                        thread::park_timeout(Duration::from_millis(5));
                    }
                    Ok::<_, String>(text)
                }
            })
            .build()?;
        Ok(Self { pool, begun, gate })
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.gate.store(true, SeqCst);
    }
}

#[test]
fn a_function_that_outlives_its_task_costs_that_task() -> Result<()> {
    let slow = Slow::new(1)?;
    let module = slow.pool.load(guests::callers())?;
    let say = module.task::<(String, String), String>("say")?;
    let sums = module.task::<(u64, u64), u64>("add")?;
    for round in 0..5 {
        let begun = Instant::now();
        let call = say.timeout(TASK_TIMEOUT).start(("slow", "x"));
        slow.begun.recv_timeout(DEADLINE)?;
        ensure!(
            matches!(call.get(), Err(TaskError::Timeout { limit, .. }) if limit == TASK_TIMEOUT)
        );
        // The function would go on for longer.
        ensure!(begun.elapsed() < DEADLINE / 2);
        // The only worker goes on, while the function is still at it.
        ensure!(sums.start((round, 1)).get()? == round + 1);
        ensure!(sums.call((round, 2))? == round + 2);
    }
    Ok(())
}

/// The calling thread is in the function itself: its task's time is over when it comes back.
#[test]
fn a_slow_function_on_the_calling_thread_is_a_timeout_too() -> Result<()> {
    let pool = builder()
        .host_function("shout", |_, text: String| {
            thread::sleep(TASK_TIMEOUT * 2);
            Ok::<_, Infallible>(text)
        })
        .host_function("add", add)
        .build()?;
    let module = pool.load(guests::callers())?;
    let sums = module.task::<(u64, u64), u64>("add")?;
    // So that there is an idle worker.
    sums.call((1, 1))?;
    let say = module
        .task::<(String, String), String>("say")?
        .timeout(TASK_TIMEOUT);
    let late = say.call(("shout", "x"));
    ensure!(matches!(late, Err(TaskError::Timeout { .. })), "{late:?}");
    ensure!(sums.call((1, 2))? == 3);
    Ok(())
}

#[test]
fn a_task_can_be_cancelled_while_it_waits() -> Result<()> {
    let slow = Slow::new(2)?;
    let module = slow.pool.load(guests::callers())?;
    let say = module.task::<(String, String), String>("say")?;
    let sums = module.task::<(u64, u64), u64>("add")?;
    for n in 0..5 {
        let call = say.start(("slow", "x"));
        slow.begun.recv_timeout(DEADLINE)?;
        ensure!(call.cancel());
        ensure!(matches!(call.get(), Err(TaskError::Cancelled)));
        ensure!(sums.call((n, 1))? == n + 1);
    }
    Ok(())
}

/// As many at once as there are workers, none of which waits for another's function.
#[test]
fn functions_of_many_workers_run_at_once() -> Result<()> {
    let workers = 6;
    let meet = Arc::new(Barrier::new(workers));
    let pool = kinds::builder()
        .workers(workers)
        .host_function("add", move |context, args| {
            meet.wait();
            add(context, args)
        })
        .build()?;
    let task = pool
        .load(guests::callers())?
        .task::<(u64, u64), u64>("add")?;
    let items = (0..workers as u64 * 4).map(|n| (n, 1));
    for (n, sum) in (0..).zip(pool.map(&task.chunk_size(1), items)) {
        ensure!(sum? == n + 1);
    }
    Ok(())
}

#[test]
fn many_calls_of_many_workers_get_their_own_replies() -> Result<()> {
    let calls = Arc::new(AtomicU64::new(0));
    let pool = kinds::builder()
        .workers(4)
        .host_function("same", {
            let calls = Arc::clone(&calls);
            move |_, n: u64| {
                calls.fetch_add(1, SeqCst);
                Ok::<_, Infallible>(n)
            }
        })
        .build()?;
    let task = pool
        .load(guests::callers())?
        .task::<(String, u64), u64>("call_often")?;
    for outcome in pool.map(&task, [("same", 200); 40]) {
        ensure!(outcome? == 200);
    }
    ensure!(calls.load(SeqCst) == 200 * 40);
    Ok(())
}

#[test]
fn arguments_and_results_of_every_size_arrive_whole() -> Result<()> {
    let mut limits = wasmpool::Limits::default();
    limits.message = ByteSize::mib(8);
    limits.timeout = Some(DEADLINE);
    let pool = builder()
        .limits(limits)
        .host_function("echo", |_, bytes: Vec<u8>| Ok::<_, Infallible>(bytes))
        .host_function("double", |_, bytes: Vec<u8>| {
            Ok::<_, Infallible>(bytes.repeat(2))
        })
        .build()?;
    let task = pool
        .load(guests::callers())?
        .task::<(String, u64), u64>("echo_bytes")?;
    let sizes = [0, 1, 32_700, 32_768, 32_769, 70_000, 1 << 20, 7 << 20];
    for size in sizes {
        ensure!(task.call(("echo", size))? == size);
    }
    for (size, outcome) in sizes
        .iter()
        .zip(pool.map(&task, sizes.map(|size| ("echo", size))))
    {
        ensure!(outcome? == *size);
    }
    for (name, size) in [("echo", 9 << 20), ("double", 5 << 20)] {
        let error = task.call((name, size)).expect_err("it is over the limit");
        ensure!(
            error.to_string().contains("larger than the host allows"),
            "{error}"
        );
    }
    Ok(())
}

#[test]
fn raw_calls_are_refused_in_kind() -> Result<()> {
    let pool = builder().host_function("add", add).build()?;
    let module = pool.load(guests::callers())?;
    let forge = module.task::<(Vec<u8>, Vec<u8>), String>("forge_call")?;
    let table: [(&[u8], &[u8], &str); 7] = [
        (b"add", &[1, 2], "1"),
        (b"add", &[1], "of the wrong type"),
        (b"add", &[1, 2, 3], "of the wrong type"),
        (b"add", &[], "of the wrong type"),
        (b"\xff", &[1, 2], "not found"),
        (&[b'a'; 300], &[1, 2], "not found"),
        (b"add\0", &[1, 2], "not found"),
    ];
    for (name, args, expected) in table {
        let said = forge.call((name, args))?;
        ensure!(said == expected, "{name:?} {args:?}: {said}");
    }
    let outside = module.task::<(), ()>("point_outside")?.call(());
    let error = outside.err().context("a pointer outside of the memory")?;
    ensure!(
        matches!(&error, TaskError::Trap { message, .. } if message.contains("host_call")),
        "{error}"
    );
    Ok(())
}

/// A host function may use the pool that its caller runs in, as long as a worker is left.
#[test]
fn a_function_may_call_another_task() -> Result<()> {
    let inner = Arc::new(std::sync::OnceLock::<wasmpool::Task<(u64, u64), u64>>::new());
    let pool = builder()
        .host_function("add", add)
        .host_function("same", {
            let inner = Arc::clone(&inner);
            move |_, n: u64| match inner.get() {
                Some(task) => task.call((n, 0)).map_err(|error| error.to_string()),
                None => Err("not yet".to_owned()),
            }
        })
        .build()?;
    let module = pool.load(guests::callers())?;
    let sums = inner.get_or_init(|| module.task("add").expect("it is there"));
    ensure!(sums.call((1, 1))? == 2);
    let often = module.task::<(String, u64), u64>("call_often")?;
    ensure!(often.call(("same", 10))? == 10);
    Ok(())
}

/// A module that brings imports of its own, of plain numbers.
const IMPORTER: &str = r#"(module
    (import "env" "mix" (func $mix (param i32 i64 f32 f64) (result f64)))
    (import "env" "note" (func $note (param i64)))
    (import "other" "now" (func $now (result i32)))
    (func (export "mix") (param i32 i64 f32 f64) (result f64)
        (call $mix (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
    (func (export "note") (param i64) (call $note (local.get 0)))
    (func (export "now") (result i32) (call $now)))"#;

#[test]
fn modules_may_bring_imports_of_numbers() -> Result<()> {
    let noted = Arc::new(Mutex::new(Vec::new()));
    // One that no earlier run has filled.
    let cache = tempfile::tempdir()?;
    let importing = || {
        let noted = Arc::clone(&noted);
        builder()
            .cache_dir(cache.path())
            .host_import("env", "mix", |_, (a, b, c, d): (i32, i64, f32, f64)| {
                f64::from(a) + b as f64 + f64::from(c) + d
            })
            .host_import("env", "note", move |context, n: i64| {
                assert!(n >= 0, "{n} is below zero");
                noted
                    .lock()
                    .expect("nothing panics with it")
                    .push((context.task().to_owned(), n));
            })
            .host_import("other", "now", |_, ()| -7_i32)
    };
    let pool = importing().build()?;
    let module = pool.load_bytes(IMPORTER)?;
    let mix = module.task::<(i32, i64, f32, f64), f64>("mix")?;
    ensure!(mix.call((-1, i64::from(u32::MAX), 0.5, 0.25))? == f64::from(u32::MAX) - 0.25);
    for (n, sum) in (0..).zip(pool.map(&mix, (0..20).map(|n| (n, 1, 0.0, 0.0)))) {
        ensure!(sum? == f64::from(n) + 1.0);
    }
    ensure!(module.task::<(), i32>("now")?.call(())? == -7);
    let note = module.task::<i64, ()>("note")?;
    note.call(i64::MAX)?;
    let error = note.call(-3).expect_err("the function panics");
    let told = matches!(&error, TaskError::Trap { message, .. }
        if message.contains("import `env` `note`: the function panicked: -3 is below zero"));
    ensure!(told, "{error:?}");
    note.call(4)?;
    let noted = std::mem::take(&mut *noted.lock().expect("nothing panics with it"));
    ensure!(noted == [("note".to_owned(), i64::MAX), ("note".to_owned(), 4)]);

    // The module is in the cache now, but only for pools that offer the same.
    ensure!(importing().build()?.load_bytes(IMPORTER)?.cached());
    let without = builder().build()?.load_bytes(IMPORTER);
    let error = without.err().context("there is no such import")?;
    ensure!(error.to_string().contains("`env` `mix`"), "{error}");
    let other = importing().host_import("env", "more", |_, ()| ()).build()?;
    ensure!(!other.load_bytes(IMPORTER)?.cached());
    let wrong = builder()
        .host_import("env", "mix", |_, (a, _): (i32, i64)| a)
        .build()?
        .load_bytes(IMPORTER);
    let error = wrong.err().context("the import has another type")?;
    ensure!(error.to_string().contains("(i32, i64) -> i32"), "{error}");
    Ok(())
}

#[test]
fn imports_have_names_of_their_own() {
    for module in ["wasmpool", "wasi_snapshot_preview1"] {
        let built = builder().host_import(module, "f", |_, ()| ()).build();
        assert!(matches!(
            built,
            Err(BuildError::Function(FunctionError::Reserved { .. }))
        ));
    }
    let twice = builder()
        .host_import("env", "f", |_, ()| ())
        .host_import("env", "f", |_, n: i32| n)
        .build();
    assert!(matches!(
        twice,
        Err(BuildError::Function(FunctionError::Duplicate { .. }))
    ));
    let many = (0..2000).fold(builder(), |builder, n| {
        builder.host_import("env", format!("function number {n}"), |_, ()| ())
    });
    assert!(matches!(
        many.build(),
        Err(BuildError::Function(FunctionError::TooMany))
    ));
    // As many as a module has that was made from a large program.
    let several = (0..500).fold(builder(), |builder, n| {
        builder.host_import("env", format!("function number {n}"), move |_, ()| n)
    });
    let pool = several.build().expect("they fit");
    let module = pool
        .load_bytes(r#"(module (import "env" "function number 321" (func $f (result i32))) (export "f" (func $f)))"#)
        .expect("it is declared");
    assert_eq!(
        module
            .task::<(), i32>("f")
            .expect("it is exported")
            .call(())
            .ok(),
        Some(321)
    );
}

/// On the calling thread nobody keeps the clock of the task that waits, so a function must never wait for its worker.
#[test]
fn a_function_may_wait_for_another_task_although_there_is_one_worker() -> Result<()> {
    let other = Arc::new(std::sync::OnceLock::<wasmpool::Task<u64, u64>>::new());
    let pool = kinds::builder()
        .workers(1)
        .host_function("add", {
            let other = Arc::clone(&other);
            move |_: &CallContext, (a, b): (u64, u64)| match other.get() {
                Some(double) => double.call(a + b).map_err(|error| error.to_string()),
                None => Err("not yet".to_owned()),
            }
        })
        .build()?;
    let double = pool.load(guests::tiny())?.task("double")?;
    ensure!(other.set(double).is_ok());
    let add = pool
        .load(guests::callers())?
        .task::<(u64, u64), u64>("add")?;
    // The first goes by way of the dispatcher, and the next may come before its worker rests: there the function waits for
    // the only worker until the time of its task is over.
    let begun = Instant::now();
    while add.timeout(TASK_TIMEOUT).call((20, 1)).ok() != Some(42) {
        ensure!(begun.elapsed() < DEADLINE, "no worker was to be had");
    }
    Ok(())
}
