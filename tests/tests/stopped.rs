//! Processes that are stopped (SIGSTOP) and never go on. One test at a time: they look for the processes below this one.

use std::process;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use guest_hostile::{Act, answer};
use rustix::process::Signal;
use wasmpool::{LoadError, PoolEvent, StartMethod, TaskError};
use wasmpool_tests::fault::{Fault, Plan, Role};
use wasmpool_tests::kinds;
use wasmpool_tests::processes::{
    Watched, all_gone_within, children, eventually, signal, watch_descendants,
};
use wasmpool_tests::{DEADLINE, TASK_TIMEOUT, guests, turn};

const FAULTY: &str = env!("CARGO_BIN_EXE_faulty");

/// The launcher and the zygote of this program's one pool.
fn parents() -> Result<(u32, u32)> {
    let launcher = *children(process::id()).first().context("no launcher")?;
    let zygote = *children(launcher).first().context("no zygote")?;
    Ok((launcher, zygote))
}

/// Whether a process is on a processor, or waits for one and for nothing else.
fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| rest.starts_with('R'))
}

#[test]
fn a_task_whose_worker_is_stopped_ends_by_its_time_limit() -> Result<()> {
    let _turn = turn();
    let pool = kinds::builder().workers(1).build()?;
    let work = guests::work(&pool)?;
    for by_dispatcher in [true, false] {
        let begun = Instant::now();
        loop {
            ensure!(work.call((1, Act::Behave))? == answer(1));
            let worker = *children(parents()?.1).first().context("no worker")?;
            let watched = Watched::open(worker)?;
            let task = work.timeout(TASK_TIMEOUT);
            let (stopped, outcome) = thread::scope(|scope| -> Result<_> {
                let call = scope.spawn(move || match by_dispatcher {
                    true => task.start((1, Act::Spin)).get(),
                    false => task.call((1, Act::Spin)),
                });
                let stopped = eventually("the task runs or is over", || {
                    if !is_running(worker) {
                        return call.is_finished().then_some(false);
                    }
                    // It may have ended since that look, or its time be over.
                    let stopped = signal(worker, Signal::STOP).is_ok();
                    Some(stopped && !call.is_finished())
                });
                Ok((stopped, call.join().ok().context("the caller")?))
            })?;
            ensure!(
                matches!(outcome, Err(TaskError::Timeout { .. })),
                "{outcome:?}"
            );
            // On a busy machine its time may be over before this thread has seen it run.
            if stopped && watched.gone_by(Instant::now() + DEADLINE / 4)? {
                break;
            }
            // One that was stopped when its task was over rests.
            let _ = signal(worker, Signal::CONT);
            ensure!(
                begun.elapsed() < DEADLINE,
                "it is never seen to run, or lives on when it is stopped"
            );
        }
        ensure!(work.call((2, Act::Behave))? == answer(2));
    }
    Ok(())
}

/// Stopped at the first of its steps, in the middle of its jail, before it says that it is ready, before it reads its task: what was
/// not begun runs elsewhere. All at the same time, since what it costs is patience.
#[test]
fn a_worker_that_is_stopped_before_it_begins_is_replaced() -> Result<()> {
    let _turn = turn();
    thread::scope(|scope| {
        let threads: Vec<_> = [1, 20, 40, 60]
            .into_iter()
            .map(|at| {
                scope.spawn(move || -> Result<bool> {
                    let plan = Plan::new(FAULTY, StartMethod::ForkServer)?;
                    plan.arm(Role::Worker, at, Fault::Signal(libc::SIGSTOP));
                    let pool = kinds::builder()
                        .workers(1)
                        .worker_exe(plan.worker_exe())
                        .build()?;
                    let outcome = guests::work(&pool)?.start((3, Act::Behave)).get();
                    ensure!(
                        outcome.as_ref().ok() == Some(&answer(3)),
                        "stopped at call {at}: {outcome:?}"
                    );
                    Ok(plan.fired().is_some())
                })
            })
            .collect();
        let mut stopped = 0;
        for thread in threads {
            stopped += usize::from(thread.join().ok().context("a pool")??);
        }
        ensure!(stopped >= 3, "{stopped} were stopped");
        Ok(())
    })
}

/// The one who starts workers and compilers does not answer: the pool gives it up, says so, and has another.
#[test]
fn a_zygote_that_is_stopped_is_replaced() -> Result<()> {
    let _turn = turn();
    let (tell, told) = mpsc::channel();
    let pool = kinds::builder()
        .workers(2)
        .no_cache()
        .on_event(move |event| {
            if matches!(event, PoolEvent::ZygoteLost) {
                // Nobody listens any more at the end.
                let _ = tell.send(());
            }
        })
        .build()?;
    let module = pool.load(guests::wat("numbers"))?;
    let first = parents()?;
    // The launcher could have noticed.
    signal(first.0, Signal::STOP)?;
    signal(first.1, Signal::STOP)?;
    let family = watch_descendants(process::id());
    // A compiler does not come: its load fails. A task does not care, it has not begun.
    let (loaded, outcome) = thread::scope(|scope| -> Result<_> {
        let load = scope.spawn(|| {
            pool.load_bytes(std::fs::read(guests::wat("recurse"))?)
                .map_err(anyhow::Error::from)
        });
        let add = module.task::<(i32, i32), i32>("add")?;
        let outcome = add.start((20, 22)).get_timeout(DEADLINE);
        let outcome = outcome.ok().context("it still waits for a worker")?;
        Ok((load.join().ok().context("the loader")?, outcome))
    })?;
    ensure!(outcome.as_ref().ok() == Some(&42), "{outcome:?}");
    let error = loaded.err().context("a module without a compiler")?;
    ensure!(
        matches!(error.downcast_ref(), Some(LoadError::CompilerLost { .. })),
        "{error:?}"
    );
    told.recv_timeout(DEADLINE).context("nobody said so")?;
    all_gone_within(&family, DEADLINE)?;
    // Those who have ended are listed until the host has waited for them.
    eventually("another zygote", || {
        parents().ok().filter(|parents| *parents != first)
    });
    pool.load(guests::wat("recurse"))?;
    Ok(())
}

/// While its zygote is stopped, whatever is there goes on, and the pool can be ended.
#[test]
fn a_stopped_zygote_hinders_neither_its_workers_nor_the_end() -> Result<()> {
    let _turn = turn();
    let pool = kinds::builder().workers(1).build()?;
    let work = guests::work(&pool)?;
    ensure!(work.call((1, Act::Behave))? == answer(1));
    let (launcher, zygote) = parents()?;
    for pid in [launcher, zygote] {
        signal(pid, Signal::STOP)?;
    }
    for n in 0..100 {
        ensure!(work.call((n, Act::Behave))? == answer(n));
    }
    let family = watch_descendants(process::id());
    ensure!(family.len() >= 3, "{family:?}");
    drop(pool);
    all_gone_within(&family, DEADLINE)
}

/// A stop that is taken back in time costs nothing.
#[test]
fn processes_that_are_stopped_and_continued_cost_nothing() -> Result<()> {
    let _turn = turn();
    let pool = kinds::builder().workers(1).build()?;
    let work = guests::work(&pool)?;
    ensure!(work.call((1, Act::Behave))? == answer(1));
    let (launcher, zygote) = parents()?;
    let all = [
        launcher,
        zygote,
        *children(zygote).first().context("no worker")?,
    ];
    for pid in all {
        signal(pid, Signal::STOP)?;
    }
    let call = work.start((5, Act::Behave));
    ensure!(!call.wait(Some(Duration::from_millis(20))), "it ran");
    for pid in all {
        signal(pid, Signal::CONT)?;
    }
    ensure!(call.get()? == answer(5));
    Ok(())
}
