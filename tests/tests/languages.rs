//! One example in every language: each part of what guests can do, and guests of different languages with each other.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use wasmpool::{
    Array, Barrier, Builder, CallContext, Condition, Connection, Dict, Event, GetError,
    JoinableQueue, Limits, List, Lock, Manager, Module, Namespace, Pool, PoolEvent, Process, Queue,
    RLock, RawArray, RawValue, Semaphore, SimpleQueue, TaskError, Value, pipe,
};
use wasmpool_tests::stress::{kill_at_work, until_repaired};
use wasmpool_tests::{DEADLINE, TASK_TIMEOUT, guests, kinds, languages, page, project};

/// So many languages can be mapped to one array at once, each in a worker of its own.
const WORKERS: usize = 6;

fn builder() -> Builder {
    let mut limits = Limits::default();
    // Some bring a large runtime along, and a busy machine takes its time to compile it.
    limits.compile_time = Duration::from_secs(300);
    kinds::builder().limits(limits).workers(WORKERS)
}

/// A pool, and every guest in it.
fn loaded(builder: Builder) -> Result<(Pool, Vec<(&'static str, Module)>)> {
    let pool = builder.build()?;
    let modules = languages::all().iter().map(|guest| {
        let module = pool.load(&guest.module);
        Ok((guest.name, module.with_context(|| guest.name)?))
    });
    let modules = modules.collect::<Result<_>>()?;
    Ok((pool, modules))
}

/// The guests that have more than the example's first part: all but Rust's, whose other parts other tests have.
fn others<'m>(
    modules: &'m [(&'static str, Module)],
) -> impl Iterator<Item = (&'static str, &'m Module)> {
    let whole = modules.iter().map(|(name, module)| (*name, module));
    whole.filter(|(name, _)| *name != "rust")
}

#[test]
fn all_declare_the_same_tasks() -> Result<()> {
    let (_pool, modules) = loaded(builder())?;
    let description = fs::read_to_string(languages::folder().join("tasks.json"))?;
    let description: serde_json::Value = serde_json::from_str(&description)?;
    let names = description["tasks"].as_array().context("tasks")?.iter();
    let names: Vec<_> = names.filter_map(|task| task["name"].as_str()).collect();
    let mut expected: Option<Vec<String>> = None;
    for (name, module) in others(&modules) {
        let found: Vec<_> = module.tasks().iter().map(|task| &*task.name).collect();
        ensure!(found == names, "{name}: {found:?}");
        let signatures: Vec<_> = module.tasks().iter().map(ToString::to_string).collect();
        let expected = expected.get_or_insert_with(|| signatures.clone());
        ensure!(*expected == signatures, "{name}: {signatures:?}");
    }
    Ok(())
}

#[test]
fn words_are_counted_alike() -> Result<()> {
    let (_pool, modules) = loaded(builder())?;
    let text = "The cat, the dog and the CAT: 42 cats\n\u{e4}x -- 42!";
    let expected = [
        ("42", 2),
        ("and", 1),
        ("cat", 2),
        ("cats", 1),
        ("dog", 1),
        ("the", 3),
        ("x", 1),
    ];
    let expected: BTreeMap<String, u64> = expected
        .map(|(word, times)| (word.to_owned(), times))
        .into();
    for (name, module) in &modules {
        let count = module.task::<String, BTreeMap<String, u64>>("count")?;
        ensure!(
            count.call(text)? == expected,
            "{name}: {:?}",
            count.call(text)?
        );
        ensure!(count.call("")?.is_empty(), "{name}");
    }
    Ok(())
}

#[test]
fn one_array_is_squared_and_then_counted_up_by_all_languages_at_once() -> Result<()> {
    const TIMES: u32 = 300;
    let (_pool, modules) = loaded(builder())?;
    let lock = Lock::new()?;
    // More than one page of a window, and not a whole number of them.
    let numbers = RawArray::from_iter((0..10_000).map(|n| n % 7))?;
    for (name, module) in &modules {
        let square = module.task::<(Lock, RawArray<i64>), ()>("square")?;
        let before = numbers.to_vec();
        square.call((&lock, &numbers)).with_context(|| *name)?;
        let expected: Vec<i64> = before.iter().map(|n| n.wrapping_mul(*n)).collect();
        ensure!(numbers.to_vec() == expected, "{name}");
        numbers.copy_from_slice(&before)?;
    }
    let before = numbers.to_vec();
    // While somebody else has the lock nobody changes anything, in any language.
    let held = lock.acquire()?;
    for (name, module) in &modules {
        let increment = module
            .task::<(Lock, RawArray<i64>, u32), ()>("increment")?
            .timeout(TASK_TIMEOUT);
        let ended = increment.call((&lock, &numbers, TIMES));
        ensure!(
            matches!(ended, Err(TaskError::Timeout { .. })),
            "{name}: {ended:?}"
        );
        ensure!(numbers.to_vec() == before, "{name}");
    }
    drop(held);
    let calls = modules.iter().map(|(name, module)| {
        let increment = module.task::<(Lock, RawArray<i64>, u32), ()>("increment")?;
        Ok((*name, increment.start((&lock, &numbers, TIMES))))
    });
    for (name, call) in calls.collect::<Result<Vec<_>>>()? {
        call.get().with_context(|| name)?;
    }
    let added = i64::from(TIMES) * i64::try_from(modules.len())?;
    let expected: Vec<i64> = before.iter().map(|n| n + added).collect();
    ensure!(numbers.to_vec() == expected, "some were lost");
    Ok(())
}

/// Who dies with the lock has changed nothing; the others take it over, in whatever language they are.
#[test]
fn no_increment_is_lost_when_holders_of_the_lock_are_killed() -> Result<()> {
    const TIMES: u32 = 20_000;
    let (pool, modules) = loaded(builder())?;
    let contend = pool
        .load(guests::locks())?
        .task::<(Lock, Event, Event), u64>("contend")?;
    let (lock, numbers) = (Lock::new()?, RawArray::from_iter([0_i64; 3])?);
    let calls = modules.iter().map(|(name, module)| {
        let increment = module.task::<(Lock, RawArray<i64>, u32), ()>("increment")?;
        Ok((*name, increment.start((&lock, &numbers, TIMES))))
    });
    let calls = calls.collect::<Result<Vec<_>>>()?;
    let mut killed = 0;
    while killed < 5 || calls.iter().any(|(_, call)| !call.ready()) {
        let (inside, stop) = (Event::new()?, Event::new()?);
        let victim = Process::spawn(&contend, (&lock, &inside, &stop))?;
        ensure!(inside.wait_timeout(DEADLINE), "nobody gets the lock");
        victim.kill();
        victim.join();
        killed += 1;
    }
    for (name, call) in calls {
        call.get().with_context(|| name)?;
    }
    let sum = i64::from(TIMES) * i64::try_from(modules.len())?;
    ensure!(numbers.to_vec() == [sum; 3], "{numbers:?}, {killed} killed");
    Ok(())
}

/// Guests of all languages work on one array under one lock, and each of them is killed again and again, mostly in the middle of an
/// increment. Nothing is lost: each number is the sum of what the guests have counted as done, and that is what they were told to do.
#[test]
fn one_array_has_the_right_sum_though_each_of_its_guests_is_killed() -> Result<()> {
    /// How often each is killed while all are at work.
    const KILLS: u32 = 4;
    /// What a guest does before it is killed, and what each has to do after the last time.
    const SOME: u32 = 10;
    let (_pool, modules) = loaded(builder())?;
    let tallies = modules.iter().map(|(name, module)| {
        let tally = module.task::<(Lock, RawArray<i64>, RawArray<i64>, u32, u32), u32>("tally")?;
        Ok((*name, tally))
    });
    let tallies = tallies.collect::<Result<Vec<_>>>()?;
    let lock = Lock::new()?;
    // So many that there is a middle to be killed in.
    let numbers = RawArray::from_iter(vec![0_i64; 20_000])?;
    let counts = RawArray::from_iter(vec![0_i64; tallies.len()])?;
    let done = |party: usize| -> Result<u32> {
        let done = counts.get(party).context("each has its count")?;
        Ok(u32::try_from(done)?)
    };
    let start = |party: usize, times: u32| -> Result<Process<u32>> {
        let input = (&lock, &numbers, &counts, u32::try_from(party)?, times);
        Ok(Process::builder()
            .daemon(true)
            .spawn(&tallies[party].1, input)?)
    };
    let kill = |party: usize, process: Process<u32>| {
        kill_at_work(tallies[party].0, process, || done(party), SOME)
    };
    let all_is_right = |targets: &[u32]| -> Result<()> {
        for (party, target) in targets.iter().enumerate() {
            ensure!(done(party)? == *target, "{}: {counts:?}", tallies[party].0);
        }
        let sum: i64 = targets.iter().map(|target| i64::from(*target)).sum();
        let wrong = numbers.to_vec().into_iter().find(|number| *number != sum);
        ensure!(wrong.is_none(), "{wrong:?} and not {sum}: {targets:?}");
        Ok(())
    };

    let parties = 0..tallies.len();
    let running = parties.clone().map(|party| start(party, u32::MAX));
    let mut running = running.collect::<Result<Vec<_>>>()?;
    let mut targets = vec![0; tallies.len()];
    for round in 1..=KILLS {
        for party in parties.clone() {
            let last = round == KILLS;
            let victim = running.remove(0);
            kill(party, victim)?;
            targets[party] = done(party)? + SOME;
            running.push(start(party, if last { targets[party] } else { u32::MAX })?);
        }
    }
    for (process, (name, _)) in running.into_iter().zip(&tallies) {
        process.result().with_context(|| *name)?;
    }
    all_is_right(&targets)?;

    // Each alone finds out that its forerunner died with the lock, and sets the numbers right: not only somebody for all.
    for party in parties {
        let name = tallies[party].0;
        until_repaired(name, || {
            kill(party, start(party, u32::MAX)?)?;
            targets[party] = done(party)? + 1;
            let repairs = start(party, targets[party])?.result();
            let repairs = repairs.with_context(|| name)?;
            all_is_right(&targets).with_context(|| name)?;
            Ok(repairs)
        })?;
    }
    Ok(())
}

#[test]
fn every_language_feeds_every_other_through_a_queue() -> Result<()> {
    const COUNT: u64 = 500;
    let (_pool, modules) = loaded(builder())?;
    for (producer, source) in &modules {
        let produce = source.task::<(Queue<u64>, u64), ()>("produce")?;
        for (consumer, sink) in &modules {
            let consume = sink.task::<Queue<u64>, u64>("consume")?;
            let queue = Queue::bounded(10)?;
            let sum = consume.start(&queue);
            let fed = produce.start((&queue, COUNT));
            fed.get().with_context(|| *producer)?;
            let sum = sum.get().with_context(|| *consumer)?;
            ensure!(
                sum == COUNT * (COUNT + 1) / 2,
                "{producer} to {consumer}: {sum}"
            );
        }
    }
    Ok(())
}

#[test]
fn each_reports_while_it_runs() -> Result<()> {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let observer = Arc::clone(&seen);
    let (_pool, modules) = loaded(builder().on_event(move |event| {
        let line = match event {
            PoolEvent::Log { text, level, .. } => format!("{level} {text}"),
            PoolEvent::Progress { done, total, .. } => format!("{done} of {total}"),
            _ => return,
        };
        observer.lock().expect("no observer panics").push(line);
    }))?;
    for (name, module) in others(&modules) {
        let call = module.task::<String, String>("report")?.start("h\u{e9}llo");
        let partials: Vec<_> = call.partials().collect();
        ensure!(partials == [b"\x06h\xc3\xa9llo"], "{name}: {partials:?}");
        ensure!(call.get()? == "h\u{e9}llo", "{name}");
        let said = std::mem::take(&mut *seen.lock().expect("no observer panics"));
        ensure!(
            said.contains(&"2 h\u{e9}llo".to_owned()),
            "{name}: {said:?}"
        );
        ensure!(said.contains(&"1 of 2".to_owned()), "{name}: {said:?}");
    }
    Ok(())
}

#[test]
fn errors_and_crashes_have_their_message() -> Result<()> {
    let (_pool, modules) = loaded(builder())?;
    for (name, module) in others(&modules) {
        for (task, crashes) in [("refuse", false), ("crash", true)] {
            match module.task::<String, ()>(task)?.call("no such thing") {
                Err(error @ TaskError::Guest { .. }) => {
                    let told = error.to_string();
                    ensure!(told.contains("no such thing"), "{name}, {task}: {told}");
                    let TaskError::Guest { panic, .. } = &error else {
                        bail!("{name}")
                    };
                    // Where it was: by the language's own account, or by WebAssembly's.
                    let placed = panic.is_some() || !error.backtrace().is_empty();
                    ensure!(placed == crashes, "{name}, {task}: {error:?}");
                }
                other => bail!("{name}, {task}: {other:?}"),
            }
        }
        // A text whose length is past the end, and one with something behind it.
        let wrong = module.dynamic("report")?;
        for input in [&b"\x05abc"[..], b"\x01ab", b"\xff\xff\xff\xff\xff"] {
            let error = wrong.call(wasmpool::Encoded(input.to_vec()));
            let is_refused = matches!(
                error,
                Err(TaskError::Guest { .. } | TaskError::Codec { .. })
            );
            ensure!(is_refused, "{name}: {error:?}");
        }
    }
    Ok(())
}

#[test]
fn values_and_arrays_are_changed_in_place() -> Result<()> {
    let (_pool, modules) = loaded(builder())?;
    for (name, module) in others(&modules) {
        let task = module.task::<(Value<i64>, RawValue<u32>, Array<i16>), i64>("values")?;
        let (value, raw) = (Value::new(-8_i64)?, RawValue::new(100_u32)?);
        let array = Array::from_iter([20_i16, 3, 0])?;
        let sum = task.call((&value, &raw, &array)).with_context(|| name)?;
        ensure!(sum == -7 + 100 + 3 + 20 - 5, "{name}: {sum}");
        ensure!(value.get() == -7 && raw.get() == 7, "{name}");
        ensure!(array.to_vec() == [20, -5, 0], "{name}: {array:?}");
    }
    Ok(())
}

#[test]
fn locks_and_their_kin_are_those_of_the_host() -> Result<()> {
    type Meet = (RLock, Semaphore, Event, Condition, Barrier);
    let (_pool, modules) = loaded(builder())?;
    for (name, module) in others(&modules) {
        let rlock = RLock::new()?;
        let semaphore = Semaphore::new(3)?;
        let event = Event::new()?;
        let condition = Condition::new()?;
        let barrier = Barrier::new(2)?;
        let meet = module.task::<Meet, u32>("meet")?;
        let call = meet.start((&rlock, &semaphore, &event, &condition, &barrier));
        barrier.wait()?;
        event.set();
        let left = call.get().with_context(|| name)?;
        ensure!(left == 2, "{name}: {left}");
        ensure!(semaphore.value() == 2, "{name}: the permit was kept");
        ensure!(event.is_set() && barrier.is_broken(), "{name}");
        ensure!(!rlock.try_acquire()?.was_abandoned(), "{name}");
    }
    Ok(())
}

#[test]
fn pipes_and_queues_end_as_they_should() -> Result<()> {
    let (_pool, modules) = loaded(builder())?;
    for (name, module) in others(&modules) {
        let echo = module.task::<Connection<String, String>, u32>("echo")?;
        let (here, there) = pipe::<String, String>()?;
        let call = echo.start(there);
        for text in ["one", "", "three"] {
            here.send(text)?;
            ensure!(here.recv()? == text, "{name}");
        }
        drop(here);
        ensure!(call.get().with_context(|| name)? == 3, "{name}");

        let finish = module.task::<(JoinableQueue<u64>, SimpleQueue<String>), u64>("finish")?;
        let (jobs, words) = (JoinableQueue::bounded(4)?, SimpleQueue::new()?);
        for job in [1_u64, 300, 1 << 40] {
            jobs.put(job)?;
        }
        let sum = finish.call((&jobs, &words)).with_context(|| name)?;
        ensure!(sum == 301 + (1 << 40), "{name}: {sum}");
        jobs.join();
        ensure!(words.get()? == "done", "{name}");
        ensure!(matches!(jobs.try_get(), Err(GetError::Empty)), "{name}");
    }
    Ok(())
}

#[test]
fn managers_objects_are_asked_and_changed() -> Result<()> {
    type Manage = (Dict<String, i64>, List<i64>, Namespace);
    let (_pool, modules) = loaded(builder())?;
    for (name, module) in others(&modules) {
        let manager = Manager::new();
        let (dict, list, space) = (manager.dict(), manager.list(), manager.namespace());
        let manage = module.task::<Manage, i64>("manage")?;
        let sum = manage.call((&dict, &list, &space)).with_context(|| name)?;
        // add, get or insert, pop; add, find, pop, length; add
        ensure!(sum == 3 + 2 + 2 + 4 + 2 + 2 + 3 + 5, "{name}: {sum}");
        ensure!(
            dict.items()? == [("a".to_owned(), 1)],
            "{name}: {:?}",
            dict.items()
        );
        ensure!(list.to_vec()? == [2, 4, 1], "{name}: {:?}", list.to_vec());
        ensure!(space.is_empty()?, "{name}");
    }
    Ok(())
}

fn double(_: &CallContext, n: i64) -> Result<i64, String> {
    n.checked_mul(2).ok_or_else(|| format!("{n} is too much"))
}

#[test]
fn the_host_is_called_and_its_errors_come_through() -> Result<()> {
    let (_pool, modules) = loaded(builder().host_function("double", double))?;
    for (name, module) in others(&modules) {
        let ask = module.task::<i64, i64>("ask")?;
        for n in [0, -1, 300, i64::MAX / 2, i64::MIN / 2] {
            ensure!(ask.call(n).with_context(|| name)? == 2 * n, "{name}: {n}");
        }
        match ask.call(i64::MAX) {
            Err(error @ TaskError::Guest { .. }) => {
                let told = error.to_string();
                ensure!(
                    told.contains("9223372036854775807 is too much"),
                    "{name}: {told}"
                );
            }
            other => bail!("{name}: {other:?}"),
        }
    }
    Ok(())
}

#[test]
fn json_goes_in_and_out() -> Result<()> {
    let (_pool, modules) = loaded(builder())?;
    for (name, module) in others(&modules) {
        let total = module.task::<(Vec<f64>, String), String>("total")?;
        let sum = total.call((vec![1.0, 2.5, -0.25], "\u{20ac} \"\\\n"));
        let sum = sum.with_context(|| name)?;
        ensure!(sum == "3.25 \u{20ac} \"\\\n", "{name}: {sum}");
        let none = total
            .call((Vec::<f64>::new(), "\u{1f600}"))
            .with_context(|| name)?;
        ensure!(none == "0 \u{1f600}", "{name}: {none}");
    }
    Ok(())
}

/// What the README's table says, these tests show: each is one of this file, and runs the guests of all languages.
#[test]
fn the_readme_names_every_part_and_its_test() -> Result<()> {
    const HEADING: &str = "## Write a guest in another language";
    let source = include_str!("languages.rs");
    let readme = fs::read_to_string(project().join("README.md"))?;
    let rows = page::table(&readme, HEADING);
    let [heading, _, parts @ ..] = rows.as_slice() else {
        bail!("there is no table under {HEADING:?}")
    };
    let shown = &heading[1..heading.len() - 1];
    let shown: Vec<_> = shown
        .iter()
        .map(|name| name.to_lowercase().replace("c++", "cpp"))
        .collect();
    ensure!(shown == languages::names().collect::<Vec<_>>(), "{shown:?}");
    for row in parts {
        let (part, test) = (row[0], row[row.len() - 1].trim_matches('`'));
        ensure!(
            row[1..row.len() - 1].iter().all(|cell| *cell == "yes"),
            "{part}"
        );
        ensure!(row.len() == heading.len(), "{part}");
        ensure!(
            source.contains(&format!("#[test]\nfn {test}()")),
            "{part}: {test}"
        );
    }
    ensure!(parts.len() > 10, "{} parts", parts.len());
    Ok(())
}

/// Calls from several threads at once: instances of a language's own runtime do not meet.
#[test]
fn many_instances_of_each_run_side_by_side() -> Result<()> {
    let (_pool, modules) = loaded(builder())?;
    for (name, module) in &modules {
        let count = module.task::<String, BTreeMap<String, u64>>("count")?;
        thread::scope(|scope| {
            let calls: Vec<_> = (0..4_u64)
                .map(|n| {
                    let count = &count;
                    scope.spawn(move || -> Result<()> {
                        for each in 1..=5 {
                            let text = format!("a{n} ").repeat(each);
                            let counts = count.call(text)?;
                            ensure!(counts.len() == 1, "{name}: {counts:?}");
                        }
                        Ok(())
                    })
                })
                .collect();
            calls
                .into_iter()
                .try_for_each(|call| call.join().expect("no call panics"))
        })?;
    }
    Ok(())
}
