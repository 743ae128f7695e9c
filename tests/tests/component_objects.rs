//! The pool's objects in components: every function of each, beside modules that have the same ones, and what becomes of them when a
//! component fails, lies or is killed. A program of its own, and one test at a time: some kill any worker that they find below this
//! process.

use std::collections::BTreeSet;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use guest_locks::Ends;
use wasmpool::{
    Barrier, BoundedSemaphore, ByteSize, Condition, Connection, Dict, Event, JoinableQueue, Limits,
    List, Lock, Manager, Module, Namespace, Pool, Queue, RLock, RawArray, RawValue, Receiver,
    Semaphore, Sender, SessionError, SimpleQueue, Task, TaskError, Value, one_way, pipe,
};
use wasmpool_tests::kinds::{self, Kind};
use wasmpool_tests::processes::{kill, only_busy};
use wasmpool_tests::stress::{self, Toll, call_while_killed, have_all_grown};
use wasmpool_tests::witness::Witness;
use wasmpool_tests::{DEADLINE, TASK_TIMEOUT, guests};

static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pool(workers: usize) -> Result<(Pool, Module)> {
    let pool = kinds::builder().workers(workers).build()?;
    let module = pool.load(guests::sharing())?;
    Ok((pool, module))
}

#[test]
fn values_and_raw_arrays_have_every_function() -> Result<()> {
    let _turn = turn();
    for kind in Kind::all(&[1]) {
        let pool = kind.builder().build()?;
        let tour =
            pool.load(guests::sharing())?
                .task::<(Value<i16>, RawValue<f64>, RawArray<u8>, RawArray<u8>), ()>(
                    "tour-values",
                )?;
        let (small, ratio) = (Value::new(-5_i16)?, RawValue::new(0.5)?);
        let bytes = RawArray::from_slice(&[1_u8, 2, 3, 4])?;
        let sealed = RawArray::from_slice(&[1_u8, 2, 3, 4])?;
        tour.call((&small, &ratio, &bytes, sealed.read_only()))
            .with_context(|| kind.to_string())?;
        ensure!(small.get() == i16::MIN && ratio.get() == 0.25, "{kind}");
        ensure!(bytes.to_vec() == [1, 2, 44, 9], "{kind}");
        ensure!(sealed.to_vec() == [1, 2, 3, 4], "{kind}");
    }
    Ok(())
}

type Locks = (
    RLock,
    Semaphore,
    BoundedSemaphore,
    Event,
    Condition,
    Barrier,
);

#[test]
fn locks_and_their_kin_have_every_function() -> Result<()> {
    let _turn = turn();
    for kind in Kind::all(&[1]) {
        let pool = kind.builder().build()?;
        let tour = pool
            .load(guests::sharing())?
            .task::<Locks, ()>("tour-locks")?;
        let (semaphore, bounded) = (Semaphore::new(1)?, BoundedSemaphore::new(1)?);
        let (rlock, event, condition) = (RLock::new()?, Event::new()?, Condition::new()?);
        let barrier = Barrier::new(2)?;
        tour.call((&rlock, &semaphore, &bounded, &event, &condition, &barrier))
            .with_context(|| kind.to_string())?;
        ensure!(semaphore.value() == 2, "{kind}");
        // What it kept is not free before it is released.
        ensure!(bounded.value() == 0, "{kind}");
        bounded.release()?;
        ensure!(!event.is_set() && barrier.is_broken(), "{kind}");
        drop((rlock.try_acquire()?, condition.try_lock()?));
    }
    Ok(())
}

#[test]
fn queues_have_every_function() -> Result<()> {
    let _turn = turn();
    for kind in Kind::all(&[1]) {
        let pool = kind.builder().build()?;
        let tour = pool.load(guests::sharing())?.task::<(
            JoinableQueue<String>,
            SimpleQueue<Vec<u8>>,
            Queue<String>,
        ), ()>("tour-queues")?;
        let joinable = JoinableQueue::<String>::bounded(2)?;
        let (simple, plain) = (SimpleQueue::<Vec<u8>>::new()?, Queue::<String>::bounded(2)?);
        tour.call((&joinable, &simple, &plain))
            .with_context(|| kind.to_string())?;
    }
    Ok(())
}

#[test]
fn managers_objects_have_every_function() -> Result<()> {
    let _turn = turn();
    for kind in Kind::all(&[1]) {
        let pool = kind.builder().build()?;
        let module = pool.load(guests::sharing())?;
        let manager = Manager::new();
        let dict = manager.dict::<String, Vec<u8>>();
        let tour = module.task::<Dict<String, Vec<u8>>, Vec<(String, Vec<u8>)>>("tour-dict")?;
        let items = tour.call(&dict).with_context(|| kind.to_string())?;
        ensure!(items == dict.items()?, "{kind}");
        ensure!(dict.keys()? == ["b", "c", "d"], "{kind}");

        let list = manager.list::<String>();
        let tour = module.task::<List<String>, Vec<String>>("tour-list")?;
        let values = tour.call(&list).with_context(|| kind.to_string())?;
        ensure!(
            values == ["x", "d", "a"] && list.to_vec()? == values,
            "{kind}"
        );

        let names = manager.namespace();
        names.set("ratio", &0.5)?;
        let tour = module.task::<Namespace, Vec<String>>("tour-namespace")?;
        let all = tour.call(&names).with_context(|| kind.to_string())?;
        ensure!(all == ["bool", "bytes", "ratio", "text", "whole"], "{kind}");
        ensure!(names.get::<i64>("whole")? == -3, "{kind}");
    }
    Ok(())
}

#[test]
fn ends_of_pipes_talk_to_the_host_to_components_and_to_modules() -> Result<()> {
    let _turn = turn();
    let (pool, module) = pool(2)?;
    let ask = module.task::<(Connection<String, String>, Vec<String>), Vec<String>>("ask")?;
    let answer = module.task::<Connection<String, String>, u32>("answer")?;
    let words = || vec!["a".to_owned(), "grüße".to_owned()];
    // A component in the host's pipe.
    let (mine, its) = pipe::<String, String>()?;
    let call = answer.start(&its);
    drop(its);
    mine.send("hello")?;
    ensure!(mine.recv()? == "HELLO");
    mine.close();
    ensure!(call.get()? == 1);
    // Two components.
    let (one, other) = pipe::<String, String>()?;
    let call = answer.start(&other);
    ensure!(ask.call((&one, words()))? == ["A", "GRÜSSE"]);
    ensure!(call.get()? == 2);
    // A component and a module.
    let (one, other) = pipe::<String, String>()?;
    let capitals = pool
        .load(guests::messages())?
        .task::<Connection<String, String>, u64>("answer_in_capitals")?;
    let call = capitals.start(&other);
    ensure!(ask.call((&one, words()))? == ["A", "GRÜSSE"]);
    ensure!(call.get()? == 2);
    // One way.
    let (receiver, sender) = one_way::<Vec<u8>>()?;
    let sum = module.task::<Receiver<Vec<u8>>, u64>("sum-up")?;
    let count = module.task::<(Sender<Vec<u8>>, u8), ()>("count-up")?;
    let call = sum.start(&receiver);
    count.call((&sender, 200_u8))?;
    ensure!(call.get()? == 200 * 201 / 2);
    Ok(())
}

#[test]
fn conditions_and_barriers_are_shared_with_modules() -> Result<()> {
    let _turn = turn();
    let (pool, module) = pool(2)?;
    let locks = pool.load(guests::locks())?;
    let (table, ball) = (Condition::new()?, Event::new()?);
    let mine = module.task::<(Condition, Event, bool, u32), u32>("play")?;
    let theirs = locks.task::<(Condition, Event, bool, u32), u32>("play")?;
    let call = theirs.start((&table, &ball, false, 200));
    ensure!(mine.call((&table, &ball, true, 200))? == 200);
    ensure!(call.get()? == 200 && !ball.is_set());

    let barrier = Barrier::new(2)?;
    let mine = module.task::<(Barrier, u32), Vec<u64>>("meet")?;
    let theirs = locks.task::<(Barrier, u32, Option<u64>), Vec<u64>>("meet")?;
    let call = theirs.start((&barrier, 100, None::<u64>));
    let places = mine.call((&barrier, 100))?;
    for (mine, theirs) in places.into_iter().zip(call.get()?) {
        ensure!(mine + theirs == 1);
    }
    Ok(())
}

#[test]
fn sums_in_managers_objects_are_those_of_components_and_modules_together() -> Result<()> {
    let _turn = turn();
    let (pool, module) = pool(4)?;
    let callers = pool.load(guests::callers())?;
    let manager = Manager::new();
    let (counts, names) = (manager.dict::<String, i64>(), manager.namespace());
    let (list, one) = (manager.list::<u64>(), manager.list::<u32>());
    counts.set("swaps", 0)?;
    one.push(0_u32)?;
    let mine = module.task::<(u64, Dict<String, i64>, Namespace), ()>("count")?;
    let theirs = callers.task::<(u64, Dict<String, i64>, List<u32>, Namespace), ()>("count")?;
    let swaps = module.task::<(u64, Dict<String, i64>), ()>("swap-up")?;
    let their_swaps = callers.task::<(u64, Dict<String, i64>), ()>("swap_up")?;
    let append = module.task::<(u64, u64, List<u64>), ()>("append")?;
    let their_append = callers.task::<(u64, u64, List<u64>), ()>("append")?;
    let mut calls = Vec::new();
    for n in 0..8_u64 {
        calls.extend([
            mine.start((50_u64, &counts, &names)),
            theirs.start((50_u64, &counts, &one, &names)),
            swaps.start((20_u64, &counts)),
            their_swaps.start((20_u64, &counts)),
            append.start((n, 10_u64, &list)),
            their_append.start((n, 10_u64, &list)),
        ]);
    }
    for call in calls {
        call.get()?;
    }
    ensure!(counts.get("hits")? == 800 && names.get::<u64>("hits")? == 800);
    ensure!(counts.get("swaps")? == 320);
    let all = list.to_vec()?;
    ensure!(all.len() == 160 && all.iter().sum::<u64>() == 20 * 28);
    Ok(())
}

/// One of everything that can be held.
#[derive(Clone)]
struct Everything {
    lock: Lock,
    rlock: RLock,
    condition: Condition,
    semaphore: Semaphore,
    bounded: BoundedSemaphore,
}

type Hold = Task<(Lock, RLock, Condition, Semaphore, BoundedSemaphore, Ends), ()>;

impl Everything {
    fn new() -> Result<Self> {
        Ok(Self {
            lock: Lock::new()?,
            rlock: RLock::new()?,
            condition: Condition::new()?,
            semaphore: Semaphore::new(1)?,
            bounded: BoundedSemaphore::new(1)?,
        })
    }

    fn hold(&self, hold: &Hold, ends: Ends) -> wasmpool::Call<()> {
        hold.start((
            &self.lock,
            &self.rlock,
            &self.condition,
            &self.semaphore,
            &self.bounded,
            ends,
        ))
    }

    /// Takes all of it, and says whether what had a holder was abandoned: all of it, or nothing.
    fn take(&self) -> Result<bool> {
        let lock = self.lock.acquire_timeout(DEADLINE)?.was_abandoned();
        let rlock = self.rlock.acquire_timeout(DEADLINE)?.was_abandoned();
        let condition = self.condition.lock_timeout(DEADLINE)?.was_abandoned();
        drop(self.semaphore.acquire_timeout(DEADLINE)?);
        drop(self.bounded.acquire_timeout(DEADLINE)?);
        ensure!(lock == rlock && lock == condition);
        Ok(lock)
    }
}

#[test]
fn what_a_component_holds_when_it_ends_is_free_and_reported_when_it_failed() -> Result<()> {
    let _turn = turn();
    for kind in Kind::all(&[2]) {
        let witness = Witness::default();
        let pool = witness.watch(kind.builder()).build()?;
        let hold: Hold = pool.load(guests::sharing())?.task("hold-everything")?;
        let everything = Everything::new()?;
        everything.hold(&hold, Ends::Returns).get()?;
        ensure!(!everything.take()?, "returned, {kind}");
        for ends in [Ends::Fails, Ends::Traps] {
            ensure!(everything.hold(&hold, ends).get().is_err());
            ensure!(everything.take()?, "{ends:?}, {kind}");
            ensure!(!everything.take()?, "it is told once");
        }
        let spins = hold.timeout(TASK_TIMEOUT);
        let outcome = everything.hold(&spins, Ends::Spins).get();
        ensure!(
            matches!(outcome, Err(TaskError::Timeout { .. })),
            "{outcome:?}"
        );
        ensure!(everything.take()?, "timed out, {kind}");
        let held = everything.hold(&hold, Ends::Spins);
        witness.wait_for_logs("held", 2);
        kill(only_busy(process::id()))?;
        let outcome = held.get();
        ensure!(
            matches!(outcome, Err(TaskError::WorkerLost { .. })),
            "{outcome:?}"
        );
        ensure!(everything.take()?, "killed, {kind}");
    }
    Ok(())
}

#[test]
fn a_dropped_handle_gives_its_object_up_and_a_kept_one_is_stale() -> Result<()> {
    let _turn = turn();
    let (_pool, module) = pool(1)?;
    let task = module.task::<(Lock, Event, Event), ()>("drop-lock")?;
    let (lock, dropped, go_on) = (Lock::new()?, Event::new()?, Event::new()?);
    let call = task.start((&lock, &dropped, &go_on));
    ensure!(dropped.wait_timeout(DEADLINE));
    // The task runs still.
    ensure!(!lock.try_acquire()?.was_abandoned() && !call.ready());
    go_on.set();
    call.get()?;

    let session = module.session()?;
    session.call(&module.task::<Lock, ()>("keep")?, &lock)?;
    let kept = session.call(&module.task::<(), ()>("use-kept")?, ());
    match kept {
        Err(SessionError::Task(TaskError::Guest { message, .. })) => {
            ensure!(message == "stale", "{message}");
        }
        other => anyhow::bail!("{other:?}"),
    }
    ensure!(!lock.try_acquire()?.was_abandoned());
    Ok(())
}

#[test]
fn forged_handles_and_huge_texts_cost_only_the_task() -> Result<()> {
    let _turn = turn();
    for kind in Kind::all(&[1]) {
        let mut limits = Limits::default();
        limits.message = ByteSize::mib(1);
        limits.memory = ByteSize::mib(64);
        limits.timeout = Some(DEADLINE);
        let pool = kind.builder().limits(limits).build()?;
        let module = pool.load(guests::sharing())?;
        let queue = Queue::<String>::bounded(4)?;
        let forge = module.task::<u32, ()>("forge")?;
        for number in [0, 1, 2, 3, 1000, 0x8000_0000, 0x8000_0001, u32::MAX] {
            let outcome = forge.call(number);
            ensure!(
                matches!(outcome, Err(TaskError::Trap { .. })),
                "{kind}, {number}: {outcome:?}"
            );
        }
        let kinds = module.task::<Queue<String>, ()>("forge-kind")?;
        let outcome = kinds.call(&queue);
        ensure!(
            matches!(outcome, Err(TaskError::Trap { .. })),
            "{kind}: {outcome:?}"
        );

        let put = module.task::<(Queue<String>, u32), ()>("put-long")?;
        put.call((&queue, 1000_u32))?;
        ensure!(queue.get()?.len() == 1000, "{kind}");
        let counts = Manager::new().dict::<String, i64>();
        let set = module.task::<(Dict<String, i64>, u32), ()>("set-long")?;
        for outcome in [
            put.call((&queue, (1_u32 << 20) + 1)),
            set.call((&counts, 2_u32 << 20)),
        ] {
            match outcome {
                Err(TaskError::Guest { message, .. }) => {
                    ensure!(message == "too-large", "{kind}: {message}");
                }
                other => anyhow::bail!("{kind}: {other:?}"),
            }
        }
        ensure!(queue.is_empty() && counts.is_empty()?, "{kind}");

        let fill = module.task::<(u32, List<Vec<u8>>), (u64, String)>("fill")?;
        let few = Manager::new().max_items(10).list::<Vec<u8>>();
        let (count, why) = fill.call((0, &few))?;
        ensure!(count == 10 && why == "too-large", "{kind}: {count} {why}");
    }
    Ok(())
}

/// How long workers are killed in each kind of pool.
fn length() -> Duration {
    let kinds = Kind::all(&[4]).count();
    stress::length().div_f64(kinds as f64)
}

/// What each guest tells of what it counts, in elements of its own of one array: how often it has begun, how often it has ended, and
/// how often it found the lock abandoned.
const TOLD: usize = 3;

type Count<O> = Task<(O, RawArray<u64>, usize, u64), ()>;

/// Two components and two modules count the same thing while their workers are killed; told what they say of it, and what became
/// of their tasks.
///
/// Of each kind one has short tasks, of which some return between two kills, and one has long ones: with those alone that are over
/// before another process runs, a busy machine kills between tasks and hardly ever in one.
fn count_while_killed<O>(
    tasks: [&Count<O>; 2],
    object: &O,
    [short, long]: [u64; 2],
    enough: impl Fn(&RawArray<u64>) -> bool + Sync,
) -> Result<([u64; TOLD], Toll)>
where
    O: Clone + Send + Sync + wasmpool::Typed + wasmpool::Arg<O>,
{
    const GUESTS: usize = 4;
    let told = RawArray::<u64>::zeroed(TOLD * GUESTS)?;
    let (until, latest) = (Instant::now() + length(), Instant::now() + DEADLINE);
    let counted_by = |guest: usize| told.get(TOLD * guest + 1) > Some(0);
    let counted = have_all_grown(|| told.iter().skip(1).step_by(TOLD).collect());
    let returned = AtomicU64::new(0);
    let toll = call_while_killed(GUESTS, counted, |guest, lost| {
        let now = Instant::now();
        let is_enough = || lost > 0 && counted_by(guest) && enough(&told);
        if now >= until && (now >= latest || is_enough()) {
            return None;
        }
        let times = if guest < 2 { short } else { long };
        let outcome = tasks[guest % 2].call((object.clone(), &told, guest, times));
        returned.fetch_add(if outcome.is_ok() { times } else { 0 }, SeqCst);
        Some(outcome)
    })?;
    println!("{toll:?}");
    let all = told.to_vec();
    ensure!(
        all.chunks(TOLD).all(|told| told[1] > 0),
        "one has counted nothing: {all:?}, {toll:?}"
    );
    let sum = |of: usize| all.iter().skip(of).step_by(TOLD).sum();
    ensure!(
        returned.into_inner() <= sum(1) && toll.lost > 0,
        "{all:?}, {toll:?}"
    );
    Ok(([sum(0), sum(1), sum(2)], toll))
}

/// Nobody's increment is lost or made twice: the value is what those say who made it, but for one that each killed worker may have had
/// in its hand.
#[test]
fn one_value_is_counted_up_by_components_and_modules_while_workers_are_killed() -> Result<()> {
    let _turn = turn();
    for (at, kind) in Kind::all(&[4]).enumerate() {
        // To die with the lock takes many kills: one kind of pool goes on until that was seen.
        let is_first = at == 0;
        let pool = kind.builder().build()?;
        let mine: Count<Value<u64>> = pool.load(guests::sharing())?.task("count-and-tell")?;
        let theirs: Count<Value<u64>> = pool.load(guests::arrays())?.task("count_and_tell")?;
        let value = Value::new(0_u64)?;
        let abandoned = |told: &RawArray<u64>| {
            !is_first || told.iter().skip(2).step_by(TOLD).any(|told| told > 0)
        };
        let ([begun, ended, abandoned], Toll { lost, .. }) =
            count_while_killed([&mine, &theirs], &value, [200, 5_000], abandoned)
                .with_context(|| kind.to_string())?;
        let last = value.lock_timeout(DEADLINE)?.was_abandoned();
        let (value, abandoned) = (value.get(), abandoned + u64::from(last));
        let seen = format!(
            "{kind}: {begun} begun, {ended} ended, {value} counted, {abandoned} abandoned, {lost} lost"
        );
        println!("{seen}");
        ensure!(
            ended <= value && value <= begun && begun - ended <= lost,
            "{seen}"
        );
        ensure!(!is_first || 0 < abandoned, "{seen}");
        ensure!(abandoned <= lost, "{seen}");
    }
    Ok(())
}

#[test]
fn one_dictionary_is_counted_up_by_components_and_modules_while_workers_are_killed() -> Result<()> {
    let _turn = turn();
    for kind in Kind::all(&[4]) {
        let pool = kind.builder().build()?;
        let mine: Count<Dict<String, i64>> = pool.load(guests::sharing())?.task("add-and-tell")?;
        let theirs: Count<Dict<String, i64>> =
            pool.load(guests::callers())?.task("add_and_tell")?;
        let counts = Manager::new().dict::<String, i64>();
        let ([begun, ended, _], Toll { lost, .. }) =
            count_while_killed([&mine, &theirs], &counts, [20, 200], |_| true)
                .with_context(|| kind.to_string())?;
        let hits = u64::try_from(counts.get("hits")?)?;
        let seen = format!("{kind}: {begun} begun, {ended} ended, {hits} counted, {lost} lost");
        println!("{seen}");
        ensure!(
            ended <= hits && hits <= begun && begun - ended <= lost,
            "{seen}"
        );
    }
    Ok(())
}

/// No message comes twice, and each killed worker costs one at most.
#[test]
fn one_queue_is_emptied_by_components_and_modules_while_workers_are_killed() -> Result<()> {
    let _turn = turn();
    for kind in Kind::all(&[4]) {
        empty_while_killed(kind).with_context(|| kind.to_string())?;
    }
    Ok(())
}

fn empty_while_killed(kind: Kind) -> Result<()> {
    let pool = kind.builder().build()?;
    let module = pool.load(guests::sharing())?;
    let (from, to) = (
        Queue::<Vec<u8>>::bounded(64)?,
        Queue::<Vec<u8>>::bounded(64)?,
    );
    let mine = module.task::<(Queue<Vec<u8>>, Queue<Vec<u8>>), ()>("pass-on")?;
    let theirs = pool
        .load(guests::messages())?
        .task::<(Queue<Vec<u8>>, Queue<Vec<u8>>), ()>("pass_on")?;
    let (until, latest) = (Instant::now() + length(), Instant::now() + DEADLINE);
    let passing = AtomicBool::new(true);
    let anybody_lost = AtomicBool::new(false);
    let arrived = AtomicU64::new(0);
    let (put, came, toll) = thread::scope(|threads| -> Result<_> {
        let producer = threads.spawn(|| -> Result<u64> {
            let mut count = 0_u64;
            let in_vain = || !anybody_lost.load(SeqCst) && Instant::now() < latest;
            while Instant::now() < until || in_vain() {
                from.put(count.to_le_bytes())?;
                count += 1;
            }
            passing.store(false, SeqCst);
            from.close();
            Ok(count)
        });
        let consumer = threads.spawn(|| -> Result<BTreeSet<u64>> {
            let mut came = BTreeSet::new();
            for message in to.iter() {
                let number = u64::from_le_bytes(message?.as_slice().try_into()?);
                ensure!(came.insert(number), "{number} came twice");
                arrived.fetch_add(1, SeqCst);
            }
            Ok(came)
        });
        let (from, to) = (&from, &to);
        // Not faster than messages come: a module whose workers all end before they have begun is given up.
        let more = have_all_grown(|| vec![arrived.load(SeqCst)]);
        let kill = || passing.load(SeqCst) && more();
        let toll = call_while_killed(4, kill, |guest, lost| {
            anybody_lost.fetch_or(lost > 0, SeqCst);
            let go_on = passing.load(SeqCst) || !from.is_empty();
            go_on.then(|| [&mine, &theirs][guest % 2].call((from, to)))
        });
        // Also after an error: the others end by it.
        from.close();
        to.close();
        let toll = toll?;
        let put = producer.join().ok().context("the producer")??;
        Ok((put, consumer.join().ok().context("the consumer")??, toll))
    })?;
    println!("{kind}: {put} put, {} came; {toll:?}", came.len());
    let lost = toll.lost;
    let missing = put - came.len() as u64;
    ensure!(
        lost > 0 && missing <= lost,
        "{missing} missing, {lost} lost"
    );
    Ok(())
}
