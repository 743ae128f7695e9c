//! Sessions: what they keep, in which order, what ends them, and what they say after their end.

use std::sync::{Barrier, OnceLock};
use std::time::Instant;

use anyhow::{Result, ensure};
use wasmpool::{
    ByteSize, Isolation, Module, Pool, Session, SessionEnd, SessionError, SpawnError, TaskError,
};
use wasmpool_tests::kinds::{self, ISOLATIONS, START_METHODS};
use wasmpool_tests::processes::{Watched, eventually, kill};
use wasmpool_tests::witness::Witness;
use wasmpool_tests::{DEADLINE, TASK_TIMEOUT, guests};

fn load(pool: &Pool) -> Result<Module> {
    Ok(pool.load(guests::stateful())?)
}

fn watch(session: &Session) -> Result<Watched> {
    Watched::open(u32::try_from(session.pid())?)
}

/// The session has ended with a call that came to this kind of error, and says so ever after.
fn over(session: &Session, kind: &str) -> Result<()> {
    for _ in 0..2 {
        let after = session.call(&session.module().task::<u64, u64>("count")?, 1);
        match after {
            Err(SessionError::Ended(SessionEnd::Outcome(error))) if error.kind() == kind => {}
            other => anyhow::bail!("after `{kind}`: {other:?}"),
        }
    }
    ensure!(!session.is_alive());
    ensure!(matches!(session.ended(), Some(SessionEnd::Outcome(_))));
    Ok(())
}

#[test]
fn it_keeps_its_state_whatever_the_pool_s_isolation() -> Result<()> {
    for start_method in START_METHODS {
        for isolation in ISOLATIONS {
            let builder = kinds::builder().workers(1).max_tasks_per_worker(1);
            let pool = builder
                .start_method(start_method)
                .isolation(isolation)
                .build()?;
            let module = load(&pool)?;
            let count = module.task::<u64, u64>("count")?;
            let (first, second) = (module.session()?, module.session()?);
            ensure!(first.pid() != second.pid() && first.pid() != 0);
            for n in 1..=5 {
                ensure!(first.call(&count, 2)? == 2 * n);
                // Neither another session nor a task of the pool shares it.
                ensure!(second.task::<u64, u64>("count")?.call(1)? == n);
                ensure!(count.call(7)? == 7);
            }
            // Another task of the same module does.
            ensure!(
                first
                    .task::<(u64, Option<String>), u64>("count_or_fail")?
                    .call((1, None::<String>))?
                    == 11
            );
        }
    }
    Ok(())
}

#[test]
fn an_error_of_the_task_keeps_the_session() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let session = load(&pool)?.session()?;
    let count = session.task::<(u64, Option<String>), u64>("count_or_fail")?;
    ensure!(count.call((1, None::<String>))? == 1);
    let failed = count.call((1, Some("not this time".to_owned())));
    ensure!(
        matches!(&failed, Err(SessionError::Task(TaskError::Guest { message, .. })) if message.contains("not this time")),
        "{failed:?}"
    );
    ensure!(count.call((1, None::<String>))? == 3 && session.is_alive());
    Ok(())
}

#[test]
fn every_other_end_of_a_task_is_its_outcome_and_ends_the_session() -> Result<()> {
    let builder = kinds::builder().workers(1).memory(ByteSize::mib(8));
    let pool = builder.max_output(ByteSize::kib(64)).build()?;
    let module = load(&pool)?;
    let ends = |kind: &str, call: &dyn Fn(&Session) -> Result<(), SessionError>| -> Result<()> {
        let session = module.session()?;
        let count = session.task::<u64, u64>("count")?;
        ensure!(count.call(1)? == 1);
        let seen = watch(&session)?;
        match call(&session) {
            Err(SessionError::Task(error)) if error.kind() == kind => {}
            other => anyhow::bail!("{kind}: {other:?}"),
        }
        over(&session, kind)?;
        // Its process is not kept for nothing.
        ensure!(seen.gone_by(Instant::now() + DEADLINE)?);
        Ok(())
    };
    let trap = module.task::<(), ()>("trap")?;
    ends("trap", &|session| session.call(&trap, ()))?;
    let panic = module.task::<(), ()>("panic")?;
    ends("guest", &|session| session.call(&panic, ()))?;
    let keep = module.task::<u64, u64>("keep")?;
    ends("memory", &|session| session.call(&keep, 64 << 20).map(drop))?;
    let bytes = module.task::<u64, Vec<u8>>("bytes")?;
    ends("output", &|session| session.call(&bytes, 1 << 20).map(drop))?;
    let spin = module.task::<String, ()>("spin")?.timeout(TASK_TIMEOUT);
    ends("timeout", &|session| session.call(&spin, "here"))?;
    let sleep = module.task::<String, ()>("sleep")?.timeout(TASK_TIMEOUT);
    ends("timeout", &|session| session.call(&sleep, "here"))
}

#[test]
fn fuel_is_that_of_each_call() -> Result<()> {
    let pool = kinds::builder().workers(1).fuel(10_000_000).build()?;
    let session = load(&pool)?.session()?;
    let burn = session.task::<u64, u64>("burn")?;
    for _ in 0..20 {
        burn.call(100_000)?;
    }
    let spent = burn.call(100_000_000);
    ensure!(
        matches!(spent, Err(SessionError::Task(TaskError::Fuel { .. }))),
        "{spent:?}"
    );
    over(&session, "fuel")
}

/// A pool's instance would be thrown away past half of its limit; a session's is what the session is about.
#[test]
fn it_grows_to_its_limit_and_keeps_what_it_has() -> Result<()> {
    let pool = kinds::builder()
        .workers(1)
        .memory(ByteSize::mib(16))
        .build()?;
    let session = load(&pool)?.session()?;
    let keep = session.task::<u64, u64>("keep")?;
    let mut wanted = 0;
    for _ in 0..20 {
        wanted += 512 << 10;
        ensure!(keep.call(512 << 10)? == wanted);
    }
    // A call with a lower limit than what is there may not have more, and loses nothing.
    let low = session
        .module()
        .task::<u64, u64>("count")?
        .memory(ByteSize::mib(1));
    ensure!(session.call(&low, 1)? == 1);
    ensure!(keep.call(0)? == wanted);
    Ok(())
}

#[test]
fn calls_of_many_threads_come_one_after_the_other() -> Result<()> {
    const THREADS: u64 = 8;
    const CALLS: u64 = 50;
    let pool = kinds::builder().workers(1).build()?;
    let session = load(&pool)?.session()?;
    let count = session.task::<u64, u64>("count")?;
    let start = Barrier::new(8);
    let mut seen: Vec<u64> = std::thread::scope(|scope| {
        let caller = || -> Result<Vec<u64>, SessionError> {
            start.wait();
            let counts = (0..CALLS)
                .map(|_| count.call(1))
                .collect::<Result<Vec<_>, _>>()?;
            assert!(
                counts.is_sorted(),
                "a thread's own calls keep their order: {counts:?}"
            );
            Ok(counts)
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(caller)).collect();
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        joined
            .collect::<Result<Vec<_>, _>>()
            .map(|all| all.concat())
    })?;
    seen.sort_unstable();
    ensure!(
        seen == (1..=THREADS * CALLS).collect::<Vec<_>>(),
        "a call was lost or run twice"
    );
    Ok(())
}

#[test]
fn it_is_terminated_from_another_thread() -> Result<()> {
    let witness = Witness::default();
    let pool = witness.watch(kinds::builder().workers(1)).build()?;
    let session = load(&pool)?.session()?;
    let say = session.task::<String, u64>("say")?;
    ensure!(say.call("here")? == 4);
    let spin = session.task::<String, ()>("spin")?;
    let (running, waiting) = std::thread::scope(|scope| {
        let running = scope.spawn(|| spin.call("in a loop"));
        witness.wait_for_logs("in a loop", 1);
        let waiting = scope.spawn(|| say.call("never"));
        session.terminate();
        (
            running.join().expect("no panic"),
            waiting.join().expect("no panic"),
        )
    });
    ensure!(
        matches!(running, Err(SessionError::Task(TaskError::Cancelled))),
        "{running:?}"
    );
    ensure!(
        matches!(waiting, Err(SessionError::Ended(SessionEnd::Terminated))),
        "{waiting:?}"
    );
    ensure!(matches!(session.ended(), Some(SessionEnd::Terminated)));
    Ok(())
}

#[test]
fn a_process_that_is_killed_is_the_call_s_loss_or_the_next_one_s_news() -> Result<()> {
    let witness = Witness::default();
    let pool = witness.watch(kinds::builder().workers(1)).build()?;
    let module = load(&pool)?;
    let session = module.session()?;
    let count = session.task::<u64, u64>("count")?;
    count.call(1)?;
    kill(u32::try_from(session.pid())?)?;
    eventually("the session hears of it", || {
        (!session.is_alive()).then_some(())
    });
    let after = count.call(1);
    ensure!(
        matches!(
            after,
            Err(SessionError::Ended(SessionEnd::Lost { exit: Some(_), .. }))
        ),
        "{after:?}"
    );

    let session = module.session()?;
    let spin = session.task::<String, ()>("spin")?;
    let lost = std::thread::scope(|scope| -> Result<_> {
        let running = scope.spawn(|| spin.call("here"));
        witness.wait_for_logs("here", 1);
        kill(u32::try_from(session.pid())?)?;
        Ok(running.join().expect("no panic"))
    })?;
    ensure!(
        matches!(lost, Err(SessionError::Task(TaskError::WorkerLost { .. }))),
        "{lost:?}"
    );
    over(&session, "worker_lost")
}

#[test]
fn it_takes_no_worker_of_the_pool() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let module = load(&pool)?;
    let sessions = (0..3)
        .map(|_| module.session())
        .collect::<Result<Vec<_>, _>>()?;
    let busy = module.task::<String, ()>("spin")?.start("here");
    ensure!(busy.partials().next().is_some());
    for session in &sessions {
        ensure!(session.task::<u64, u64>("count")?.call(3)? == 3);
    }
    busy.cancel();
    ensure!(pool.active_children().is_empty(), "a session is no child");
    // Dropping a session ends its process, and those of the others not.
    let seen = sessions.iter().map(watch).collect::<Result<Vec<_>>>()?;
    let mut sessions = sessions.into_iter();
    drop(sessions.next());
    ensure!(seen[0].gone_by(Instant::now() + DEADLINE)?);
    for session in sessions {
        ensure!(session.task::<u64, u64>("count")?.call(3)? == 6);
    }
    Ok(())
}

#[test]
fn it_ends_with_its_pool() -> Result<()> {
    for terminate in [false, true] {
        let pool = kinds::builder().workers(1).build()?;
        let module = load(&pool)?;
        let session = module.session()?;
        let count = session.task::<u64, u64>("count")?;
        count.call(1)?;
        let seen = watch(&session)?;
        if terminate {
            pool.terminate();
        } else {
            let closed = pool.close();
            let refused = count.call(1);
            ensure!(
                matches!(refused, Err(SessionError::Ended(SessionEnd::Closed))),
                "{refused:?}"
            );
            closed.join();
        }
        ensure!(seen.gone_by(Instant::now())?);
        let after = count.call(1);
        ensure!(
            matches!(after, Err(SessionError::Ended(SessionEnd::Closed))),
            "{after:?}"
        );
        let refused = module.session();
        ensure!(
            matches!(refused, Err(SpawnError::Pool(TaskError::Closed))),
            "{refused:?}"
        );
    }
    Ok(())
}

#[test]
fn a_running_call_ends_with_the_pool() -> Result<()> {
    let witness = Witness::default();
    let pool = witness.watch(kinds::builder().workers(1)).build()?;
    let session = load(&pool)?.session()?;
    let spin = session.task::<String, ()>("spin")?;
    let ended = std::thread::scope(|scope| {
        let running = scope.spawn(|| spin.call("here"));
        witness.wait_for_logs("here", 1);
        drop(pool);
        running.join().expect("no panic")
    });
    ensure!(
        matches!(ended, Err(SessionError::Task(TaskError::Closed))),
        "{ended:?}"
    );
    Ok(())
}

#[test]
fn what_cannot_be_called_is_refused_and_harms_nothing() -> Result<()> {
    let pool = kinds::builder()
        .workers(1)
        .isolation(Isolation::Process)
        .build()?;
    let module = load(&pool)?;
    let session = module.session()?;
    let other = pool.load(guests::tiny())?.task::<u64, u64>("double")?;
    let refused = session.call(&other, 1);
    ensure!(
        matches!(&refused, Err(SessionError::OtherModule { task, .. }) if task == "double"),
        "{refused:?}"
    );
    // The same file loaded again is another module: another tenant.
    let again = load(&pool)?.task::<u64, u64>("count")?;
    ensure!(matches!(
        session.call(&again, 1),
        Err(SessionError::OtherModule { .. })
    ));
    ensure!(session.task::<u64, u64>("nothing").is_err());
    ensure!(session.task::<u64, u64>("count")?.call(1)? == 1);
    let command = pool.load(guests::command())?.session();
    ensure!(matches!(command, Err(SpawnError::Command)), "{command:?}");
    Ok(())
}

#[test]
fn initialize_runs_once() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load_bytes(
        br#"(module (memory (export "memory") 1) (global $n (mut i32) (i32.const 0))
            (func (export "_initialize") (global.set $n (i32.add (global.get $n) (i32.const 100))))
            (func (export "next") (result i32)
                (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))"#,
    )?;
    let session = module.session()?;
    let next = session.task::<(), i32>("next")?;
    for n in 101..110 {
        ensure!(next.call(())? == n);
    }
    Ok(())
}

/// The session would wait for itself for ever.
#[test]
fn a_function_that_its_guest_calls_cannot_call_it() -> Result<()> {
    static SESSION: OnceLock<Session> = OnceLock::new();
    let again = |_: &wasmpool::CallContext, n: i32| {
        let go = SESSION.get().and_then(|it| it.task::<i32, i32>("go").ok());
        match go.map(|go| go.call(n)) {
            Some(Err(SessionError::Waiting)) => n + 1,
            _ => -1,
        }
    };
    let pool = kinds::builder()
        .workers(1)
        .host_import("env", "again", again)
        .build()?;
    let module = pool.load_bytes(
        br#"(module (import "env" "again" (func $again (param i32) (result i32)))
            (func (export "go") (param i32) (result i32) (call $again (local.get 0))))"#,
    )?;
    let session = SESSION.get_or_init(|| module.session().expect("a session"));
    for n in 1..=3 {
        ensure!(session.task::<i32, i32>("go")?.call(n)? == n + 1);
    }
    Ok(())
}
