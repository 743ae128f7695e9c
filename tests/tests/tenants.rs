//! Tenants: they share no process, one that floods the pool does not hold up another, and none has more than it may.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use wasmpool::{
    Builder, ByteSize, CallContext, Module, PoolEvent, Process, SpawnError, Task, TaskError,
    TenantError, TenantLimits,
};
use wasmpool_tests::kinds;
use wasmpool_tests::processes::{eventually, kill};
use wasmpool_tests::{DEADLINE, guests};

/// `step` is a task that asks the host for something; `plain` one that does not; `spin` never ends.
const GUEST: &str = r#"(module
    (import "test" "step" (func $step (param i64) (result i64)))
    (func (export "step") (param i64) (result i64) (call $step (local.get 0)))
    (func (export "plain") (param i64) (result i64) (i64.add (local.get 0) (i64.const 1)))
    (func (export "spin") (param i64) (result i64) (loop (br 0)) (unreachable)))"#;

type Step = Task<i64, i64>;

/// What a step does in the host.
type Does = dyn Fn(&CallContext, i64) -> i64 + Send + Sync;

fn builder(does: impl Fn(&CallContext, i64) -> i64 + Send + Sync + 'static) -> Builder {
    let does: Arc<Does> = Arc::new(does);
    // As it is for everybody: crash loops are calmed.
    let builder = kinds::builder().tenant_limits(TenantLimits::default());
    builder.host_import("test", "step", move |context, n: i64| does(context, n))
}

fn step(module: &Module) -> Result<Step> {
    Ok(module.task("step")?)
}

/// What happened to the workers of each tenant.
#[derive(Clone, Debug, Default)]
struct Workers(Arc<(Mutex<Told>, Condvar)>);

#[derive(Debug, Default)]
struct Told {
    /// Whose each living worker is.
    alive: BTreeMap<u64, u64>,
    /// How many a tenant had at once, at most.
    most: BTreeMap<u64, usize>,
    /// How many a tenant had in all.
    started: BTreeMap<u64, usize>,
    exited: BTreeMap<u64, usize>,
    zygotes: Vec<u64>,
    zygotes_lost: usize,
    pauses: Vec<(u64, Duration)>,
    recovered: Vec<u64>,
}

impl Workers {
    fn watch(&self, builder: Builder) -> Builder {
        let me = self.clone();
        builder.on_event(move |event| {
            let mut told = me.0.0.lock().unwrap_or_else(PoisonError::into_inner);
            match *event {
                PoolEvent::WorkerStarted { worker, tenant, .. } => {
                    told.alive.insert(worker, tenant);
                    *told.started.entry(tenant).or_default() += 1;
                    let now = told.alive.values().filter(|it| **it == tenant).count();
                    let most = told.most.entry(tenant).or_default();
                    *most = now.max(*most);
                }
                PoolEvent::WorkerExited { worker, .. } => {
                    if let Some(tenant) = told.alive.remove(&worker) {
                        *told.exited.entry(tenant).or_default() += 1;
                    }
                }
                PoolEvent::ZygoteLost => told.zygotes_lost += 1,
                PoolEvent::TenantZygote { tenant, .. } => told.zygotes.push(tenant),
                PoolEvent::TenantPaused { tenant, pause, .. } => told.pauses.push((tenant, pause)),
                PoolEvent::TenantRecovered { tenant, .. } => told.recovered.push(tenant),
                _ => {}
            }
            drop(told);
            me.0.1.notify_all();
        })
    }

    fn now<T>(&self, look: impl FnOnce(&Told) -> T) -> T {
        look(&self.0.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until `wanted` holds.
    fn wait(&self, what: &str, wanted: impl Fn(&Told) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        let mut told = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !wanted(&told) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain: {what}; {told:?}");
            let waited = self.0.1.wait_timeout(told, left);
            told = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn count(counts: &BTreeMap<u64, usize>, of: u64) -> usize {
    counts.get(&of).copied().unwrap_or(0)
}

/// A random order that is the same in each run.
fn shuffled(len: usize, times: usize) -> impl Iterator<Item = usize> {
    let mut random = 1_u64;
    (0..len * times).map(move |_| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(random >> 33).unwrap_or(0) % len
    })
}

/// Modules of one name are one tenant, and no process ever serves two tenants, or two modules.
#[test]
fn two_tenants_never_share_a_process() -> Result<()> {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let pool = builder({
        let seen = Arc::clone(&seen);
        move |context, n| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.insert((context.worker(), context.pid(), context.tenant()));
            n
        }
    })
    .workers(2)
    .max_idle_workers(3)
    .build()?;
    let alice = pool.tenant("alice");
    let modules = [
        alice.load_bytes(GUEST)?,
        pool.load_bytes_for("alice", GUEST)?,
        pool.load_bytes_for("bob", GUEST)?,
        pool.load_bytes(GUEST)?,
        pool.load_bytes(GUEST)?,
    ];
    let tenants: Vec<u64> = modules.iter().map(Module::tenant).collect();
    ensure!(tenants[0] == tenants[1] && tenants[0] == alice.number());
    ensure!(BTreeSet::from_iter(&tenants).len() == 4, "{tenants:?}");
    ensure!(modules[1].owner().name() == Some("alice") && modules[3].owner().name().is_none());
    let steps: Vec<Step> = modules.iter().map(step).collect::<Result<_>>()?;
    let calls: Vec<_> = shuffled(steps.len(), 60)
        .map(|which| steps[which].start(7))
        .collect();
    for call in calls {
        ensure!(call.get()? == 7);
    }
    for which in shuffled(steps.len(), 20) {
        ensure!(steps[which].call(1)? == 1);
    }
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let workers: BTreeSet<u64> = seen.iter().map(|(worker, _, _)| *worker).collect();
    ensure!(
        workers.len() == seen.len(),
        "a worker served two tenants: {seen:?}"
    );
    let served: BTreeSet<u64> = seen.iter().map(|(_, _, tenant)| *tenant).collect();
    ensure!(served == BTreeSet::from_iter(tenants));
    Ok(())
}

/// Counts the steps of one tenant, each of which takes this long.
fn counting(
    counter: &Arc<AtomicU64>,
    step: Duration,
) -> impl Fn(&CallContext, i64) -> i64 + Send + Sync + 'static {
    let counter = Arc::clone(counter);
    move |_, n| {
        thread::sleep(step);
        counter.fetch_add(1, SeqCst);
        n
    }
}

/// One tenant has ten thousand calls waiting. Another's task does not wait for them.
#[test]
fn many_calls_of_one_tenant_do_not_hold_up_another() -> Result<()> {
    const FLOOD: u64 = 10_000;
    /// So long that a tenth of the flood takes seconds: however late a busy machine gives the processor to the other's worker,
    /// it does not take that long.
    const STEP: Duration = Duration::from_millis(10);
    let done = Arc::new(AtomicU64::new(0));
    let pool = builder(counting(&done, STEP)).workers(2).build()?;
    let flooder = step(&pool.load_bytes(GUEST)?)?;
    let other = pool.load_bytes(GUEST)?.task::<i64, i64>("plain")?;
    other.call(0)?;
    let calls: Vec<_> = (0..FLOOD).map(|_| flooder.start(1)).collect();
    eventually("the flood flows", || (done.load(SeqCst) > 10).then_some(()));
    for n in 0..5 {
        let before = done.load(SeqCst);
        ensure!(other.call(n)? == n + 1);
        let between = done.load(SeqCst) - before;
        ensure!(
            between < FLOOD / 10,
            "{between} tasks of the flood came first"
        );
    }
    ensure!(
        done.load(SeqCst) < FLOOD,
        "the flood was over too early to show anything"
    );
    drop(calls);
    Ok(())
}

/// Callers that find an idle worker take it without asking the dispatcher; they do not overtake those who wait either.
#[test]
fn synchronous_calls_in_a_loop_do_not_hold_up_another_tenant() -> Result<()> {
    let done = Arc::new(AtomicU64::new(0));
    let pool = builder(|_, n| n).workers(1).build()?;
    let flooder = pool.load_bytes(GUEST)?.task::<i64, i64>("plain")?;
    let other = pool.load_bytes(GUEST)?.task::<i64, i64>("plain")?;
    let over = AtomicBool::new(false);
    let waits = thread::scope(|scope| -> Result<Vec<u64>> {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(SeqCst) && flooder.call(1).is_ok() {
                    done.fetch_add(1, SeqCst);
                }
            });
        }
        let waits = (|| {
            eventually("the flood flows", || {
                (done.load(SeqCst) > 100).then_some(())
            });
            let mut waits = Vec::new();
            for n in 0..20 {
                let before = done.load(SeqCst);
                ensure!(other.call(n)? == n + 1);
                waits.push(done.load(SeqCst) - before);
            }
            Ok(waits)
        })();
        over.store(true, SeqCst);
        waits
    })?;
    // The flooder's calls take some ten microseconds each, and the slack of fairness is some milliseconds.
    let median = {
        let mut sorted = waits.clone();
        sorted.sort_unstable();
        sorted[sorted.len() / 2]
    };
    ensure!(
        median < 5_000,
        "calls of the flooder before each of the other's: {waits:?}"
    );
    Ok(())
}

/// Batches are sent ahead, and may be misjudged: here each would take most of a minute. They are taken back for another tenant.
#[test]
fn a_long_batch_makes_room_for_another_tenant() -> Result<()> {
    const BATCH: u32 = 4_000;
    const STEP: Duration = Duration::from_millis(10);
    let done = Arc::new(AtomicU64::new(0));
    let pool = builder(counting(&done, STEP)).workers(2).build()?;
    let flooder = step(&pool.load_bytes(GUEST)?)?.chunk_size(BATCH);
    let other = pool.load_bytes(GUEST)?.task::<i64, i64>("plain")?;
    let flood = pool.map_async(&flooder, 0..i64::from(BATCH) * 10);
    eventually("both workers have begun", || {
        (done.load(SeqCst) > 4).then_some(())
    });
    for n in 0..5 {
        let before = done.load(SeqCst);
        ensure!(other.call(n)? == n + 1);
        let between = done.load(SeqCst) - before;
        ensure!(
            between < u64::from(BATCH) / 4,
            "{between} tasks of a batch came first"
        );
    }
    drop(flood);
    Ok(())
}

/// Two tenants flood the pool, one with three times the weight: it has about three times as much worker time.
#[test]
fn shares_follow_weights() -> Result<()> {
    let done = Arc::new(Mutex::new(BTreeMap::<u64, usize>::new()));
    let pool = builder({
        let done = Arc::clone(&done);
        move |context, n| {
            thread::sleep(Duration::from_millis(1));
            *done
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(context.tenant())
                .or_default() += 1;
            n
        }
    })
    .workers(1)
    .build()?;
    let heavy = pool.tenant("heavy").weight(3);
    let light = pool.tenant("light");
    let tasks = [
        step(&heavy.load_bytes(GUEST)?)?,
        step(&light.load_bytes(GUEST)?)?,
    ];
    // Both have a worker that rests: what follows is not about starts.
    for task in &tasks {
        task.call(0)?;
    }
    let before = [heavy.usage().worker_time, light.usage().worker_time];
    let floods: Vec<_> = tasks
        .iter()
        .map(|task| pool.map_async(task, 0..1_000_000))
        .collect();
    let look = || [heavy.usage().worker_time, light.usage().worker_time];
    // A task that is not given the processor for a moment, on a busy machine, has had that moment: it evens out in the end.
    eventually("both have had their share of some time", || {
        let now = look();
        let [more, less] = [now[0] - before[0], now[1] - before[1]];
        let ratio = more.as_secs_f64() / less.as_secs_f64();
        (more + less > Duration::from_secs(2) && (2.0..4.5).contains(&ratio)).then_some(())
    });
    let done = done.lock().unwrap_or_else(PoisonError::into_inner);
    ensure!(
        count(&done, heavy.number()) > count(&done, light.number()),
        "{done:?}"
    );
    drop(floods);
    Ok(())
}

/// A tenant has no more workers at once than it may, whatever they serve; the others have the rest.
#[test]
fn caps_on_workers_and_memory_hold() -> Result<()> {
    for by_memory in [false, true] {
        let workers = Workers::default();
        let together = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
        let pool = workers
            .watch(builder({
                let together = Arc::clone(&together);
                move |context, n| {
                    if n == 1 {
                        let now = together.0.fetch_add(1, SeqCst) + 1;
                        together.1.fetch_max(now, SeqCst);
                        thread::sleep(Duration::from_millis(1));
                        together.0.fetch_sub(1, SeqCst);
                    }
                    i64::try_from(context.tenant()).unwrap_or(0)
                }
            }))
            .workers(4)
            .memory(ByteSize::mib(64))
            .build()?;
        let capped = match by_memory {
            false => pool.tenant("capped").max_workers(2),
            true => pool.tenant("capped").max_memory(ByteSize::mib(150)),
        };
        let tasks: Vec<Step> = (0..3)
            .map(|_| step(&capped.load_bytes(GUEST)?))
            .collect::<Result<_>>()?;
        let other = pool.load_bytes(GUEST)?;
        let others = step(&other)?;
        let calls: Vec<_> = shuffled(tasks.len(), 40)
            .map(|which| tasks[which].start(1))
            .collect();
        let rest: Vec<_> = (0..100).map(|_| others.start(2)).collect();
        for call in rest {
            ensure!(call.get()? == i64::try_from(other.tenant())?);
        }
        for call in calls {
            call.get()?;
        }
        ensure!(
            together.1.load(SeqCst) <= 2,
            "{} tasks at once",
            together.1.load(SeqCst)
        );
        let most = workers.now(|told| count(&told.most, capped.number()));
        ensure!(most <= 2, "{most} workers at once");
        ensure!(capped.usage().workers <= 2, "{:?}", capped.usage());
        // What belongs to a process of its own counts as well, once no worker rests that could make room. A worker is given back
        // after its answer was handed over.
        eventually("all workers rest", || {
            (capped.usage().busy == 0).then_some(())
        });
        let spin = capped.load_bytes(GUEST)?.task::<i64, i64>("spin")?;
        let processes = [Process::spawn(&spin, 0)?, Process::spawn(&spin, 0)?];
        let third = Process::spawn(&spin, 0);
        ensure!(
            matches!(third, Err(SpawnError::Tenant(TenantError::Full { .. }))),
            "{third:?}"
        );
        for process in &processes {
            process.kill();
            process.join();
        }
        ensure!(tasks[0].call(0)? == i64::try_from(capped.number())?);
    }
    Ok(())
}

/// A task that could never run says so at once.
#[test]
fn a_task_with_more_memory_than_its_tenant_fails_and_says_why() -> Result<()> {
    let pool = builder(|_, n| n)
        .workers(2)
        .memory(ByteSize::mib(64))
        .build()?;
    let small = pool.tenant("small").max_memory(ByteSize::mib(32));
    let error = step(&small.load_bytes(GUEST)?)?
        .call(1)
        .expect_err("it is too much");
    let TaskError::Tenant(TenantError::Memory {
        limit,
        wanted,
        name,
        ..
    }) = &error
    else {
        bail!("{error:?}");
    };
    ensure!(*limit == ByteSize::mib(32) && *wanted == ByteSize::mib(64));
    ensure!(name.as_deref() == Some("small") && error.kind() == "tenant");
    Ok(())
}

/// Worker time is a budget: what is over it waits until some has come back, and nobody else does.
#[test]
fn a_budget_of_worker_time_holds() -> Result<()> {
    const TASK: Duration = Duration::from_millis(20);
    let pool = builder(|_, n| {
        thread::sleep(TASK);
        n
    })
    .workers(2)
    .build()?;
    let (budget, window) = (2 * TASK, 100 * TASK);
    let frugal = pool.tenant("frugal").worker_time(budget, window);
    let task = step(&frugal.load_bytes(GUEST)?)?;
    let other = pool.load_bytes(GUEST)?.task::<i64, i64>("plain")?;
    let begun = Instant::now();
    let calls: Vec<_> = (0..6).map(|n| task.start(n)).collect();
    for n in 0..1000 {
        ensure!(other.call(n)? == n + 1);
    }
    for (n, call) in (0..).zip(calls) {
        ensure!(call.get()? == n);
    }
    // Two begin at once, and two when these have used up the budget; the last two when as much has come back.
    ensure!(begun.elapsed() > window * 3 / 4, "{:?}", begun.elapsed());
    let used = frugal.usage().worker_time;
    ensure!(used >= 6 * TASK, "{used:?}");
    Ok(())
}

/// As many workers rest as may, those used last, and never more of one tenant than it may.
#[test]
fn as_many_workers_rest_as_may_and_the_longest_rested_end_first() -> Result<()> {
    const IDLE: usize = 3;
    let workers = Workers::default();
    let pool = workers
        .watch(builder(|_, n| n))
        .workers(2)
        .max_idle_workers(IDLE)
        .build()?;
    let modules: Vec<Module> = (0..8)
        .map(|_| pool.load_bytes(GUEST))
        .collect::<Result<_, _>>()?;
    let tasks: Vec<Step> = modules.iter().map(step).collect::<Result<_>>()?;
    for task in &tasks {
        task.call(1)?;
        // It is given back after its answer was handed over.
        eventually("it rests", || {
            let busy: usize = modules
                .iter()
                .map(|module| module.owner().usage().busy)
                .sum();
            (busy == 0).then_some(())
        });
    }
    workers.wait("only some rest", |told| told.alive.len() == IDLE);
    let rest: Vec<u64> = workers.now(|told| told.alive.values().copied().collect());
    let last: Vec<u64> = modules[8 - IDLE..].iter().map(Module::tenant).collect();
    ensure!(rest == last, "{rest:?} rest, and {last:?} were last");
    let before = workers.now(|told| told.started.clone());
    for task in &tasks[8 - IDLE..] {
        task.call(1)?;
    }
    ensure!(
        workers.now(|told| told.started.clone()) == before,
        "they were there"
    );
    let none = pool.tenant("restless").max_idle_workers(0);
    step(&none.load_bytes(GUEST)?)?.call(1)?;
    workers.wait("it does not rest", |told| {
        count(&told.exited, none.number()) == 1
    });
    Ok(())
}

/// More tenants than workers, than may rest, than the pool keeps accounts of without looking: all are served.
#[test]
fn two_hundred_tenants_in_random_order_are_all_served() -> Result<()> {
    const TENANTS: usize = 200;
    let workers = Workers::default();
    let pool = workers.watch(kinds::builder()).workers(2).build()?;
    let tasks: Vec<Task<u64, u64>> = (0..TENANTS)
        .map(|n| {
            Ok(pool
                .load_for(&format!("tenant {n}"), guests::tiny())?
                .task("double")?)
        })
        .collect::<Result<_>>()?;
    let mut served = BTreeSet::new();
    for (n, which) in (0..).zip(shuffled(TENANTS, 1)) {
        ensure!(tasks[which].call(n)? == 2 * n);
        served.insert(which);
    }
    let calls: Vec<_> = (0_u64..)
        .zip(shuffled(TENANTS, 2))
        .map(|(n, which)| (n, tasks[which].start(n)))
        .collect();
    for (n, call) in calls {
        ensure!(call.get()? == 2 * n);
    }
    ensure!(served.len() > TENANTS / 2);
    let tenants = workers.now(|told| told.started.len());
    ensure!(tenants >= served.len(), "{tenants} had a worker");
    Ok(())
}

/// Kills the worker that asks, as long as it is told to.
fn killer(kills: &Arc<AtomicBool>) -> impl Fn(&CallContext, i64) -> i64 + Send + Sync + 'static {
    let kills = Arc::clone(kills);
    move |context, n| {
        if n == 13 && kills.load(SeqCst) {
            let pid = u32::try_from(context.pid()).unwrap_or(0);
            let _ = kill(pid);
            // It is dead before an answer could reach it.
            thread::sleep(Duration::from_millis(1));
        }
        n
    }
}

/// Workers of one tenant keep dying: it gets a zygote of its own, then pauses, then refusals until a pause is over; an
/// answer ends all that. Its neighbour sees nothing of it.
#[test]
fn a_crash_loop_is_calmed_and_neighbours_notice_nothing() -> Result<()> {
    let (kills, workers) = (Arc::new(AtomicBool::new(true)), Workers::default());
    let pool = workers.watch(builder(killer(&kills))).workers(2).build()?;
    let bad = pool.tenant("bad").max_workers(1);
    let dies = step(&bad.load_bytes(GUEST)?)?;
    let good = pool.load_bytes(GUEST)?;
    let works = good.task::<i64, i64>("plain")?;
    works.call(0)?;
    let over = AtomicBool::new(false);
    let (neighbour, refusal) = thread::scope(|scope| -> Result<(u64, TenantError)> {
        let neighbour = scope.spawn(|| -> Result<u64> {
            let mut calls = 0;
            while !over.load(SeqCst) {
                ensure!(works.call(1)? == 2, "call {calls}");
                calls += 1;
            }
            Ok(calls)
        });
        let refusal = (|| {
            for loss in 0..30 {
                match dies.call(13) {
                    Err(TaskError::WorkerLost { .. }) => {}
                    Err(TaskError::Tenant(error)) => return Ok((loss, error)),
                    outcome => bail!("{outcome:?}"),
                }
            }
            bail!("it was never refused")
        })();
        over.store(true, SeqCst);
        let neighbour = neighbour.join().expect("no panic")?;
        let (loss, refusal) = refusal?;
        ensure!(loss > 8, "refused after {loss} losses");
        Ok((neighbour, refusal))
    })?;
    ensure!(neighbour > 10, "the neighbour made {neighbour} calls");
    let TenantError::Paused {
        tenant,
        losses,
        until,
        name,
        ..
    } = refusal
    else {
        bail!("{refusal:?}");
    };
    ensure!(tenant == bad.number() && name.as_deref() == Some("bad"));
    let usage = bad.usage();
    // On a busy machine it may be over already.
    let is_over = || Instant::now() >= until;
    ensure!(usage.losses == losses && usage.own_zygote);
    ensure!(usage.paused_until == Some(until) || is_over());
    // The end of the last one may be told to its caller first.
    workers.wait("all losses are told", |told| {
        count(&told.exited, bad.number()) == losses as usize
    });
    workers.now(|told| -> Result<()> {
        ensure!(told.zygotes == [bad.number()], "{told:?}");
        ensure!(
            told.pauses
                .iter()
                .all(|(tenant, _)| *tenant == bad.number())
        );
        ensure!(
            told.pauses.len() > 3 && told.pauses.is_sorted_by(|a, b| a.1 < b.1),
            "{told:?}"
        );
        // Nothing of this is the neighbour's.
        ensure!(
            told.zygotes_lost == 0 && count(&told.exited, good.tenant()) == 0,
            "{told:?}"
        );
        Ok(())
    })?;
    if !is_over() {
        match Process::spawn(&dies, 13) {
            Err(SpawnError::Tenant(TenantError::Paused { .. })) => {}
            // It was over before this was asked; and it loses its process like the others.
            Ok(process) if is_over() => {
                process.join();
            }
            other => bail!("{other:?}"),
        }
    }
    // After the pause one is tried, and works.
    kills.store(false, SeqCst);
    let answer = eventually("the pause is over", || match dies.call(13) {
        Err(TaskError::Tenant(TenantError::Paused { .. })) => None,
        outcome => Some(outcome),
    });
    ensure!(
        answer? == 13 && Instant::now() >= until,
        "not before its time"
    );
    workers.wait("it has recovered", |told| told.recovered == [bad.number()]);
    ensure!(bad.usage().losses == 0 && bad.usage().paused_until.is_none());
    ensure!(!bad.usage().own_zygote);
    Ok(())
}

/// Limits of tasks are ordinary outcomes, also when the worker has to be killed for them: no trouble follows.
#[test]
fn ordinary_ends_of_tasks_are_no_crash_loop() -> Result<()> {
    let workers = Workers::default();
    let pool = workers.watch(builder(|_, n| n)).workers(1).build()?;
    let module = pool.load_bytes(GUEST)?;
    let spin = module
        .task::<i64, i64>("spin")?
        .timeout(Duration::from_millis(5));
    for _ in 0..15 {
        let outcome = spin.call(0);
        ensure!(
            matches!(outcome, Err(TaskError::Timeout { .. })),
            "{outcome:?}"
        );
    }
    let process = Process::spawn(&module.task::<i64, i64>("spin")?, 0)?;
    for _ in 0..15 {
        let another = Process::spawn(&module.task::<i64, i64>("spin")?, 0)?;
        another.kill();
        another.join();
    }
    ensure!(process.is_alive());
    ensure!(
        module.owner().usage().losses == 0,
        "{:?}",
        module.owner().usage()
    );
    workers.now(|told| {
        ensure!(
            told.zygotes.is_empty() && told.pauses.is_empty(),
            "{told:?}"
        );
        Ok(())
    })
}

/// A pool that is dropped in the middle of a crash loop leaves no process behind, that of the tenant's own zygote included.
#[test]
fn a_pool_ends_with_the_zygotes_of_its_tenants() -> Result<()> {
    let (kills, workers) = (Arc::new(AtomicBool::new(true)), Workers::default());
    let pool = workers.watch(builder(killer(&kills))).workers(2).build()?;
    let bad = pool.load_bytes(GUEST)?;
    let dies = step(&bad)?;
    while workers.now(|told| told.zygotes.is_empty()) {
        let outcome = dies.call(13);
        ensure!(
            matches!(outcome, Err(TaskError::WorkerLost { .. })),
            "{outcome:?}"
        );
    }
    let spin = bad.task::<i64, i64>("spin")?;
    let running = Process::spawn(&spin, 0)?;
    let worker = wasmpool_tests::processes::Watched::open(u32::try_from(running.pid())?)?;
    drop(pool);
    ensure!(worker.gone_by(Instant::now() + DEADLINE)?, "it lives on");
    ensure!(matches!(running.result(), Err(TaskError::Closed)));
    Ok(())
}

#[test]
fn limits_of_zero_are_refused() -> Result<()> {
    let pool = builder(|_, n| n).workers(1).build()?;
    let tenant = pool.tenant("nobody");
    let mut limits = TenantLimits::default();
    limits.max_workers = Some(0);
    let error = tenant.set_limits(limits).expect_err("nothing could run");
    ensure!(error.name == "tenant's number of workers", "{error}");
    ensure!(tenant.limits() == TenantLimits::default());
    Ok(())
}
