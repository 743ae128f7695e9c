//! The pool's objects in components of JavaScript and Python, beside guests in other languages. Those whose tools are missing are
//! left out, by name: see `wasmpool_tests::componentized`.

use std::{
    fs,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result, bail, ensure};
use wasmpool::{
    Array, Barrier, Builder, Condition, Connection, Dict, Event, JoinableQueue, List, Lock,
    Manager, Module, Namespace, Pool, PoolEvent, Process, Queue, RLock, RawArray, RawValue,
    Semaphore, SimpleQueue, TaskError, Value, pipe,
};
use wasmpool_tests::stress::{kill_at_work, until_repaired};
use wasmpool_tests::{
    DEADLINE, TASK_TIMEOUT, componentized, interpreters, kinds, kinds::Kind, languages, page,
    project,
};

fn builder() -> Builder {
    kinds::builder().workers(3)
}

/// A pool, and every component in it.
fn loaded(builder: Builder) -> Result<(Pool, Vec<(&'static str, Module)>)> {
    let pool = builder
        .host_function("double", componentized::double)
        .build()?;
    let modules = componentized::sharing().iter().map(|component| {
        let module = pool.load(&component.path);
        Ok((component.tool, module.with_context(|| component.tool)?))
    });
    let modules = modules.collect::<Result<_>>()?;
    Ok((pool, modules))
}

/// As [`loaded`], and all languages that have a kit beside them.
fn loaded_with_kits(builder: Builder) -> Result<(Pool, Vec<(&'static str, Module)>)> {
    let (pool, mut modules) = loaded(builder)?;
    for guest in languages::all() {
        modules.push((guest.name, pool.load(&guest.module)?));
    }
    Ok((pool, modules))
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
        observer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }))?;
    for (name, module) in &modules {
        let call = module.task::<String, String>("report")?.start("héllo");
        let partials: Vec<_> = call.partials().collect();
        ensure!(partials == ["héllo".as_bytes()], "{name}: {partials:?}");
        ensure!(call.get()? == "héllo", "{name}");
        let said = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
        for line in ["3 héllo", "1 of 2"] {
            ensure!(said.iter().any(|said| said == line), "{name}: {said:?}");
        }
    }
    Ok(())
}

#[test]
fn one_array_is_squared_and_counted_up_by_components_and_all_languages_at_once() -> Result<()> {
    const TIMES: u32 = 50;
    let (_pool, modules) = loaded_with_kits(kinds::builder().workers(9))?;
    let lock = Lock::new()?;
    let numbers = RawArray::from_iter((0..1000).map(|n| n % 7))?;
    let before = numbers.to_vec();
    for (name, module) in &modules {
        let square = module.task::<(Lock, RawArray<i64>), ()>("square")?;
        square.call((&lock, &numbers)).context(*name)?;
        let expected: Vec<i64> = before.iter().map(|n| n * n).collect();
        ensure!(numbers.to_vec() == expected, "{name}");
        numbers.copy_from_slice(&before)?;
    }
    // While somebody else has the lock nobody changes anything.
    let held = lock.acquire()?;
    for (name, module) in &modules {
        let increment = module.task::<(Lock, RawArray<i64>, u32), ()>("increment")?;
        let ended = increment
            .timeout(TASK_TIMEOUT)
            .call((&lock, &numbers, TIMES));
        let waited = matches!(ended, Err(TaskError::Timeout { .. }));
        ensure!(waited && numbers.to_vec() == before, "{name}: {ended:?}");
    }
    drop(held);
    let calls = modules.iter().map(|(name, module)| {
        let increment = module.task::<(Lock, RawArray<i64>, u32), ()>("increment")?;
        Ok((*name, increment.start((&lock, &numbers, TIMES))))
    });
    for (name, call) in calls.collect::<Result<Vec<_>>>()? {
        call.get().context(name)?;
    }
    let added = i64::from(TIMES) * i64::try_from(modules.len())?;
    let expected: Vec<i64> = before.iter().map(|n| n + added).collect();
    ensure!(numbers.to_vec() == expected, "some were lost");
    Ok(())
}

/// Each is killed at work until it died with the lock, which its successor finds out, and sets the numbers right.
#[test]
fn each_repairs_what_a_killed_holder_of_the_lock_has_left() -> Result<()> {
    let (_pool, modules) = loaded(builder())?;
    for (name, module) in &modules {
        let tally = module.task::<(Lock, RawArray<i64>, RawArray<i64>, u32, u32), u32>("tally")?;
        let lock = Lock::new()?;
        let numbers = RawArray::from_iter(vec![0_i64; 5_000])?;
        let counts = RawArray::from_iter([0_i64])?;
        let done = || -> Result<u32> { Ok(u32::try_from(counts.get(0).context("it is there")?)?) };
        until_repaired(name, || {
            let victim = Process::builder()
                .daemon(true)
                .spawn(&tally, (&lock, &numbers, &counts, 0, u32::MAX))?;
            kill_at_work(name, victim, done, 3)?;
            let target = done()? + 1;
            let repairs = tally.call((&lock, &numbers, &counts, 0, target));
            let repairs = repairs.context(*name)?;
            ensure!(done()? == target, "{name}: {counts:?}");
            let sum = i64::from(target);
            let wrong = numbers.to_vec().into_iter().find(|number| *number != sum);
            ensure!(wrong.is_none(), "{name}: {wrong:?} and not {sum}");
            Ok(repairs)
        })?;
    }
    Ok(())
}

/// In all kinds of pools: the other tests have one.
#[test]
fn values_and_arrays_are_changed() -> Result<()> {
    for kind in Kind::all(&[1]) {
        let (_pool, modules) = loaded(kind.builder())?;
        for (name, module) in &modules {
            let task = module.task::<(Value<i64>, RawValue<u32>, Array<i16>), i64>("values")?;
            let (value, raw) = (Value::new(8_i64)?, RawValue::new(100_u32)?);
            let array = Array::from_iter([20_i16, 3])?;
            let sum = task.call((&value, &raw, &array));
            let sum = sum.with_context(|| format!("{name}, {kind}"))?;
            ensure!(sum == 8 + 100 + 20, "{name}, {kind}: {sum}");
            ensure!(value.get() == 9 && raw.get() == 99, "{name}, {kind}");
            ensure!(array.to_vec() == [21, 3], "{name}, {kind}: {array:?}");
        }
    }
    Ok(())
}

#[test]
fn locks_and_their_kin_are_those_of_the_host() -> Result<()> {
    type Meet = (RLock, Semaphore, Event, Condition, Barrier);
    let (_pool, modules) = loaded(builder())?;
    for (name, module) in &modules {
        let (rlock, semaphore) = (RLock::new()?, Semaphore::new(3)?);
        let (event, condition, barrier) = (Event::new()?, Condition::new()?, Barrier::new(2)?);
        let meet = module.task::<Meet, u32>("meet")?;
        let call = meet.start((&rlock, &semaphore, &event, &condition, &barrier));
        barrier.wait_timeout(DEADLINE).context(*name)?;
        event.set();
        let left = call.get().context(*name)?;
        ensure!(left == 2, "{name}: {left}");
        ensure!(semaphore.value() == 2, "{name}: the permit was kept");
        ensure!(!rlock.try_acquire()?.was_abandoned(), "{name}");
    }
    Ok(())
}

#[test]
fn each_feeds_every_other_through_a_queue() -> Result<()> {
    const TEXT: &str = "to be or nöt to be that is the question";
    let (_pool, modules) = loaded(builder())?;
    for (producer, source) in &modules {
        let produce = source.task::<(Queue<String>, String), ()>("produce")?;
        for (consumer, sink) in &modules {
            let consume = sink.task::<Queue<String>, Vec<String>>("consume")?;
            let queue = Queue::bounded(2)?;
            let came = consume.start(&queue);
            let fed = produce.start((&queue, TEXT));
            fed.get().context(*producer)?;
            let came = came.get().context(*consumer)?;
            ensure!(came.join(" ") == TEXT, "{producer} to {consumer}: {came:?}");
        }
    }
    Ok(())
}

#[test]
fn pipes_and_queues_end_as_they_should() -> Result<()> {
    let (_pool, modules) = loaded(builder())?;
    for (name, module) in &modules {
        let echo = module.task::<Connection<String, String>, u32>("echo")?;
        let (here, there) = pipe::<String, String>()?;
        let call = echo.start(there);
        for text in ["one", "", "three"] {
            here.send(text)?;
            ensure!(here.recv()? == text, "{name}");
        }
        drop(here);
        ensure!(call.get().context(*name)? == 3, "{name}");

        let finish = module.task::<(JoinableQueue<String>, SimpleQueue<String>), u32>("finish")?;
        let (jobs, words) = (JoinableQueue::bounded(4)?, SimpleQueue::new()?);
        for job in ["one", "two"] {
            jobs.put(job)?;
        }
        let finished = finish.call((&jobs, &words)).context(*name)?;
        ensure!(finished == 2, "{name}: {finished}");
        jobs.join();
        ensure!(words.get()? == "done", "{name}");
    }
    Ok(())
}

#[test]
fn managers_objects_are_asked_and_changed() -> Result<()> {
    type Manage = (Dict<String, i64>, List<i64>, Namespace);
    let (_pool, modules) = loaded(builder())?;
    let manager = Manager::new();
    let (dict, list, space) = (manager.dict(), manager.list(), manager.namespace());
    let (mut calls, mut before) = (0, 0);
    for (name, module) in &modules {
        let manage = module.task::<Manage, i64>("manage")?;
        let sum = manage.call((&dict, &list, &space)).context(*name)?;
        calls += 1;
        before += calls;
        ensure!(sum == calls + calls + before, "{name}: {sum}");
    }
    // All of them had the same ones.
    if calls > 0 {
        ensure!(dict.items()? == [("word".to_owned(), calls)]);
        ensure!(list.to_vec()? == (1..=calls).collect::<Vec<_>>());
        ensure!(space.get::<i64>("sum")? == before);
    }
    Ok(())
}

#[test]
fn the_host_is_called_and_its_errors_come_through() -> Result<()> {
    let (_pool, modules) = loaded(builder())?;
    for (name, module) in &modules {
        let ask = module.task::<i64, i64>("ask")?;
        for n in [0, 1, 300, i64::MAX / 2] {
            ensure!(ask.call(n).context(*name)? == 2 * n, "{name}: {n}");
        }
        // That tool's engine gives up at a negative number of 64 bits, as its page says.
        let negative = ask.call(-1);
        ensure!(
            negative.is_ok() == (*name != "componentize-js"),
            "{name}: {negative:?}"
        );
        let error = ask.call(i64::MAX).err().context("it is too much")?;
        let told = "9223372036854775807 is too much";
        ensure!(
            matches!(error, TaskError::Guest { .. }) && error.to_string() == told,
            "{name}: {error:?}"
        );
    }
    Ok(())
}

/// What the table in the README says, these tests show.
#[test]
fn the_readme_names_every_part_and_its_tests() -> Result<()> {
    const HEADING: &str = "## Run scripts";
    let readme = fs::read_to_string(project().join("README.md"))?;
    let rows = page::table(&readme, HEADING);
    let [heading, _, parts @ ..] = rows.as_slice() else {
        bail!("there is no table under {HEADING:?}")
    };
    ensure!(heading.len() == 4, "{heading:?}");
    let sources = ["scripts", "script_grants", "componentized", file!()].map(|name| {
        let name = name.trim_start_matches("tests/tests/");
        let path = project()
            .join("tests/tests")
            .join(name)
            .with_extension("rs");
        (
            name.trim_end_matches(".rs").to_owned(),
            fs::read_to_string(path),
        )
    });
    for row in parts {
        let (part, scripts, components) = (row[0], row[1], row[2]);
        let tests: Vec<&str> = row[3].split(", ").map(|it| it.trim_matches('`')).collect();
        let mut of = [false, false];
        for test in tests {
            let (file, test) = test.split_once("::").context(part.to_owned())?;
            let source = sources.iter().find(|(name, _)| name == file);
            let Some((_, Ok(source))) = source else {
                bail!("{part}: there is no {file}")
            };
            let is_there = source.contains(&format!("#[test]\nfn {test}()"));
            ensure!(is_there, "{part}: there is no {file}::{test}");
            of[usize::from(file.starts_with("componentized"))] = true;
        }
        for (says, shown) in [(scripts, of[0]), (components, of[1])] {
            ensure!((says != "–") == shown, "{part}: {says:?} and {shown}");
        }
    }
    ensure!(parts.len() > 10, "{} parts", parts.len());
    ensure!(interpreters::LANGUAGES.len() == 2 && componentized::names().count() == 3);
    Ok(())
}
