//! What is asked of the pools: a bit of everything, each by a thread of its own, as long as it is told to go on.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use guest_hostile::{Act, answer};
use guest_messages::Numbered;
use wasmpool::{
    Dict, Isolation, Limits, LoadError, Lock, Manager, Module, Pool, Process, Queue, RawArray,
    RawValue, SessionError, SpawnError, StartMethod, Task, TaskError, Value, decode,
};

use super::ledger::Account;
use crate::{DEADLINE, guests, kinds};

/// The time limit of a task that is not meant to meet it: a worker that was stopped keeps its task no longer.
const LIMIT: Duration = Duration::from_secs(5);
/// The time limit of one that is.
const SHORT: Duration = Duration::from_millis(30);
/// Items of one map.
const ITEMS: usize = 64;

type Work = Task<(u64, Act), u64>;

/// The pools, and what they have loaded.
#[derive(Debug)]
pub(super) struct World {
    forked: Pool,
    spawned: Pool,
    /// It keeps no compiled modules: whatever it loads is compiled.
    compiling: Pool,
    hostile: Module,
    spawned_hostile: Module,
    tiny: Module,
    stateful: Module,
    callers: Module,
    messages: Module,
    locks: Module,
    arrays: Module,
    everything: Module,
    /// Raised by tasks, and what it may and must be at least is known.
    sum: RawValue<u64>,
    wasm: Vec<u8>,
}

/// Workers of the pools.
const WORKERS: [usize; 3] = [4, 2, 1];

impl World {
    /// Builds the pools.
    pub(super) fn new() -> Result<Self> {
        let builder = |workers, compile_time| {
            let mut limits = Limits::default();
            limits.timeout = Some(LIMIT);
            limits.compile_time = compile_time;
            kinds::builder()
                .workers(workers)
                // Of all modules together: at rest there are as many.
                .max_idle_workers(workers)
                .limits(limits)
                .host_function("add", |_, (a, b): (u64, u64)| Ok::<u64, String>(a + b))
        };
        // What they load is compiled here, while nobody is stopped, for as long as a busy machine takes.
        let forked = builder(WORKERS[0], DEADLINE).build()?;
        let spawned = builder(WORKERS[1], DEADLINE)
            .start_method(StartMethod::Spawn)
            .build()?;
        let compiling = builder(WORKERS[2], LIMIT).no_cache().build()?;
        Ok(Self {
            hostile: forked.load(guests::hostile())?,
            tiny: forked.load(guests::tiny())?,
            stateful: forked.load(guests::stateful())?,
            callers: forked.load(guests::callers())?,
            messages: forked.load(guests::messages())?,
            locks: forked.load(guests::locks())?,
            arrays: forked.load(guests::arrays())?,
            everything: forked.load(guests::everything())?,
            spawned_hostile: spawned.load(guests::hostile())?,
            sum: RawValue::new(0)?,
            wasm: std::fs::read(guests::tiny())?,
            forked,
            spawned,
            compiling,
        })
    }

    /// Lets every pool have all of its workers, at rest, and says how many processes that makes. Every tenant has a task
    /// answered, so that none is in trouble any more and has a zygote of its own.
    pub(super) fn fill(&self) -> Result<usize> {
        self.answer_all()?;
        let compiled = self.compiling.load_bytes(&self.wasm)?;
        let spin: [Task<(), ()>; 2] = [self.tiny.task("spin")?, compiled.task("spin")?];
        let spawned: Work = self.spawned_hostile.task("work")?;
        let calls: Vec<_> = (0..WORKERS[0])
            .map(|_| spin[0].timeout(SHORT * 4).start(()))
            .chain((0..WORKERS[2]).map(|_| spin[1].timeout(SHORT * 4).start(())))
            .collect();
        let others: Vec<_> = (0..WORKERS[1])
            .map(|_| spawned.timeout(SHORT * 4).start((0, Act::Spin)))
            .collect();
        let outcomes = calls
            .into_iter()
            .map(|call| call.get().map(drop))
            .chain(others.into_iter().map(|call| call.get().map(drop)));
        for outcome in outcomes {
            ensure!(matches!(outcome, Err(TaskError::Timeout { .. })));
        }
        // Each pool has a launcher and a zygote.
        Ok(WORKERS.iter().sum::<usize>() + 2 * WORKERS.len())
    }

    /// One task of each module.
    fn answer_all(&self) -> Result<()> {
        let behave = (0, Act::Behave);
        self.work()?.call(behave)?;
        self.spawned_hostile
            .task::<(u64, Act), u64>("work")?
            .call(behave)?;
        self.tiny.task::<(), ()>("tick")?.call(())?;
        self.stateful.task::<u64, u64>("count")?.call(1)?;
        self.callers.task::<(u64, u64), u64>("add")?.call((1, 2))?;
        let passing = self
            .messages
            .task::<(Queue<u64>, Queue<u64>), u64>("double_all")?;
        let from = Queue::bounded(1)?;
        from.close();
        passing.call((&from, &Queue::bounded(1)?))?;
        let take = self.locks.task::<(Lock, u64), u64>("take_and_release")?;
        take.call((&Lock::new()?, 1))?;
        let count = self.arrays.task::<(Value<u64>, u32), ()>("count_locked")?;
        count.call((&Value::new(0)?, 1))?;
        let add = self.everything.task::<(RawValue<u64>, u64), ()>("add")?;
        add.call((&self.sum, 0))?;
        Ok(())
    }

    fn work(&self) -> Result<Work> {
        Ok(self.hostile.task("work")?)
    }
}

/// One load: it goes on until it is told to stop.
type Load = fn(&World, &Account<'_>, &AtomicBool) -> Result<()>;

/// All of them.
pub(super) const ALL: &[(&str, Load)] = &[
    ("apply", apply),
    ("start", start),
    ("map", map),
    ("map, spawned", map_spawned),
    ("imap", imap),
    ("imap_unordered", imap_unordered),
    ("process a task", process_a_task),
    ("process", process),
    ("session", session),
    ("queue", queue),
    ("lock", lock),
    ("value", value),
    ("array", array),
    ("sum", sum),
    ("dict", dict),
    ("host function", host_function),
    ("large result", large_result),
    ("cancel", cancel),
    ("timeout", timeout),
    ("load", load),
];

fn apply(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    let work = world.work()?;
    for n in 0.. {
        if stop.load(SeqCst) {
            break;
        }
        let id = account.begin();
        let outcome = world.forked.apply(&work, (n, Act::Behave));
        account.settle(id, outcome, &answer(n), &[])?;
    }
    Ok(())
}

fn start(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    let work = world.work()?;
    while !stop.load(SeqCst) {
        let calls: Vec<_> = (0..16)
            .map(|n| (n, account.begin(), work.start((n, Act::Behave))))
            .collect();
        for (n, id, call) in calls {
            account.settle(id, call.get(), &answer(n), &[])?;
        }
    }
    Ok(())
}

fn items() -> impl Iterator<Item = (u64, Act)> {
    (0..ITEMS as u64).map(|n| (n, Act::Behave))
}

fn maps(pool: &Pool, work: &Work, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    while !stop.load(SeqCst) {
        let ids = account.begin_all(ITEMS);
        let outcomes = pool.map(work, items());
        ensure!(outcomes.len() == ITEMS, "{} outcomes", outcomes.len());
        for (n, (id, outcome)) in (0..).zip(ids.into_iter().zip(outcomes)) {
            account.settle(id, outcome, &answer(n), &[])?;
        }
    }
    Ok(())
}

fn map(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    maps(&world.forked, &world.work()?, account, stop)
}

fn map_spawned(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    let work = world.spawned_hostile.task("work")?;
    maps(&world.spawned, &work, account, stop)
}

fn imap(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    let work = world.work()?.isolation(Isolation::Batch);
    while !stop.load(SeqCst) {
        let mut ids = account.begin_all(ITEMS).into_iter();
        for (n, outcome) in (0..).zip(world.forked.imap(&work, items())) {
            let Some(id) = ids.next() else {
                bail!("an outcome too many");
            };
            account.settle(id, outcome, &answer(n), &[])?;
        }
        ensure!(ids.next().is_none(), "an outcome is missing");
    }
    Ok(())
}

fn imap_unordered(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    let work = world.work()?;
    while !stop.load(SeqCst) {
        let ids = account.begin_all(ITEMS);
        for (n, outcome) in world.forked.imap_unordered(&work, items()) {
            let Some(id) = ids.get(usize::try_from(n)?) else {
                bail!("an outcome of item {n}");
            };
            account.settle(*id, outcome, &answer(n), &[])?;
        }
    }
    Ok(())
}

fn process_a_task(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    let work = world.work()?.isolation(Isolation::Process);
    while !stop.load(SeqCst) {
        let id = account.begin();
        account.settle(id, work.call((3, Act::Behave)), &answer(3), &[])?;
    }
    Ok(())
}

/// Why there was no process: its zygote died, which is nobody's error here.
fn not_started(account: &Account<'_>, id: super::ledger::Id, error: SpawnError) -> Result<()> {
    match error {
        SpawnError::Start(_) => account.end(id, "not_started"),
        SpawnError::Tenant(error) => account.fail(id, &TaskError::Tenant(error), &[]),
        error => Err(error.into()),
    }
}

fn process(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    let work = world.work()?;
    while !stop.load(SeqCst) {
        let id = account.begin();
        // It has no time limit of its own, and one that was stopped as the kills ended would be waited for in vain.
        let limited = Process::builder().timeout(LIMIT);
        match limited.spawn(&work, (4, Act::Behave)) {
            Ok(process) => drop(account.settle(id, process.result(), &answer(4), &[])?),
            Err(error) => not_started(account, id, error)?,
        }
    }
    Ok(())
}

fn session(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    let count = world.stateful.task::<u64, u64>("count")?;
    while !stop.load(SeqCst) {
        let id = account.begin();
        let session = match world.stateful.session() {
            Ok(session) => session,
            Err(error) => {
                not_started(account, id, error)?;
                continue;
            }
        };
        account.end(id, "session")?;
        for n in 1..=50 {
            let id = account.begin();
            match session.call(&count, 1) {
                Ok(value) => drop(account.settle(id, Ok(value), &n, &[])?),
                Err(SessionError::Task(error)) => {
                    account.fail(id, &error, &[])?;
                    break;
                }
                Err(SessionError::Ended(_)) => {
                    account.end(id, "ended")?;
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Everything that was put for certain is got, once, in order, unless it was in the hand of one that died.
fn queue(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    const COUNT: u64 = 40;
    let produce = world
        .messages
        .task::<(Queue<Numbered>, u32, u64, u64), u64>("produce")?;
    let consume = world.messages.task::<Queue<Numbered>, u64>("consume")?;
    while !stop.load(SeqCst) {
        let queue = Queue::bounded(8)?;
        let ids = account.begin_all(2);
        let consumer = consume.start(&queue);
        let producer = produce.start((&queue, 1, COUNT, 400));
        let put = producer.get();
        queue.close();
        let mut got = Vec::new();
        for bytes in consumer.partials() {
            got.push(decode::<(u32, u64)>(&bytes)?.1);
        }
        let in_order = got.iter().zip(got.iter().skip(1)).all(|(a, b)| a < b);
        ensure!(in_order, "got {got:?}");
        let consumed = consumer.get();
        if let (Ok(put), Ok(_)) = (&put, &consumed) {
            ensure!(got.len() as u64 == *put, "put {put}, got {got:?}");
        }
        // One that waits for a dead one runs into its limit.
        account.settle(ids[0], put, &COUNT, &[])?;
        let count = got.len() as u64;
        account.settle(ids[1], consumed, &count, &[])?;
    }
    Ok(())
}

fn lock(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    let take = world.locks.task::<(Lock, u64), u64>("take_and_release")?;
    while !stop.load(SeqCst) {
        let lock = Lock::new()?;
        let calls = [0; 3].map(|_| (account.begin(), take.start((&lock, 200))));
        for (id, call) in calls {
            match call.get() {
                // One of them may have found it abandoned.
                Ok(taken) if taken <= 200 => account.end(id, "value")?,
                Ok(taken) => bail!("taken {taken} times"),
                Err(error) => account.fail(id, &error, &[])?,
            }
        }
        drop(lock.acquire_timeout(LIMIT)?);
    }
    Ok(())
}

fn value(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    const TIMES: u64 = 100;
    let count = world.arrays.task::<(Value<u64>, u32), ()>("count_locked")?;
    while !stop.load(SeqCst) {
        let value = Value::new(0)?;
        let mut sure = 0;
        let calls = [0; 3].map(|_| (account.begin(), count.start((&value, 100))));
        for (id, call) in calls {
            if account.settle(id, call.get(), &(), &[])? {
                sure += TIMES;
            }
        }
        let counted = value.lock_timeout(LIMIT)?.get();
        ensure!(
            sure <= counted && counted <= 3 * TIMES,
            "{sure} for certain, {counted} counted"
        );
    }
    Ok(())
}

/// A part that is answered for is squared; others are as they were, or squared.
fn array(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    const PART: usize = 16 << 10;
    let square = world
        .arrays
        .task::<(wasmpool::ChunkMut<'static, i32>, i32), usize>("square_part")?;
    while !stop.load(SeqCst) {
        let mut array = RawArray::<i32>::from_slice(&[3; 3 * PART])?;
        let ids = account.begin_all(3);
        let ended = world.forked.scope(|scope| {
            let calls: Vec<_> = array
                .chunks_mut(PART)
                .map(|part| scope.start(&square, (part, 0)))
                .collect();
            calls
                .into_iter()
                .map(wasmpool::ScopedCall::get)
                .collect::<Vec<_>>()
        });
        let numbers = array.to_vec();
        for ((id, ended), part) in ids.into_iter().zip(ended).zip(numbers.chunks(PART)) {
            let done = account.settle(id, ended, &PART, &[])?;
            ensure!(part.iter().all(|&n| n == 9 || (!done && n == 3)));
        }
    }
    Ok(())
}

/// No task ran twice: each raised the sum by one, those that were lost by one at most.
fn sum(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    let add = world.everything.task::<(RawValue<u64>, u64), ()>("add")?;
    while !stop.load(SeqCst) {
        let before = world.sum.get();
        let calls: Vec<_> = (0..16)
            .map(|_| (account.begin(), add.start((&world.sum, 1))))
            .collect();
        let (mut sure, mut all) = (0, 0);
        for (id, call) in calls {
            all += 1;
            sure += u64::from(account.settle(id, call.get(), &(), &[])?);
        }
        let added = world.sum.get() - before;
        ensure!(
            sure <= added && added <= all,
            "{sure} for certain of {all}, {added} in all"
        );
    }
    Ok(())
}

fn dict(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    let set_and_get = world
        .callers
        .task::<(u64, Dict<u64, u64>), u64>("set_and_get")?;
    while !stop.load(SeqCst) {
        let dict = Manager::new().dict();
        let id = account.begin();
        account.settle(id, set_and_get.call((20, &dict)), &190, &[])?;
    }
    Ok(())
}

fn host_function(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    let add = world.callers.task::<(u64, u64), u64>("add")?;
    while !stop.load(SeqCst) {
        // One by the dispatcher, one without it.
        let ids = account.begin_all(2);
        let started = add.start((1, 2));
        account.settle(ids[0], add.call((3, 4)), &7, &[])?;
        account.settle(ids[1], started.get(), &3, &[])?;
    }
    Ok(())
}

fn large_result(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    let bytes = world.tiny.task::<Vec<u8>, Vec<u8>>("echo")?;
    let large = vec![7; 3 << 20];
    while !stop.load(SeqCst) {
        let id = account.begin();
        account.settle(id, bytes.call(&large), &large, &[])?;
    }
    Ok(())
}

fn cancel(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    let work = world.work()?;
    for n in 0_u64.. {
        if stop.load(SeqCst) {
            break;
        }
        let id = account.begin();
        let call = work.start((n, Act::Spin));
        // Before it has begun, while it runs.
        call.wait(Some(Duration::from_millis(n % 4)));
        call.cancel();
        account.settle(id, call.get(), &0, &["cancelled"])?;
    }
    Ok(())
}

fn timeout(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    let work = world.work()?.timeout(SHORT);
    while !stop.load(SeqCst) {
        let id = account.begin();
        account.settle(id, work.call((1, Act::Spin)), &0, &[])?;
    }
    Ok(())
}

fn load(world: &World, account: &Account<'_>, stop: &AtomicBool) -> Result<()> {
    while !stop.load(SeqCst) {
        let id = account.begin();
        match world.compiling.load_bytes(&world.wasm) {
            Ok(_) => account.end(id, "module")?,
            Err(LoadError::CompilerLost { .. }) => account.end(id, "compiler_lost")?,
            // What an abort is when nobody says why.
            Err(LoadError::CompileMemory { .. }) => account.end(id, "compile_memory")?,
            Err(LoadError::CompileTime { .. }) => account.end(id, "compile_time")?,
            Err(LoadError::Io(_)) => account.end(id, "not_started")?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
