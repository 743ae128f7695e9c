//! Processes of their own: each in its own pid, ended in every way, beside a pool that they do not disturb.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::process;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use wasmpool::{ByteSize, Module, Pool, Process, ProcessExit, SpawnError, Task, TaskError, exit};
use wasmpool_tests::kinds::{self, START_METHODS};
use wasmpool_tests::processes::{Watched, descendants};
use wasmpool_tests::{DEADLINE, TASK_TIMEOUT, guests};

fn load(pool: &Pool) -> Result<Module> {
    Ok(pool.load(guests::stateful())?)
}

fn spin(module: &Module) -> Result<Task<String, ()>> {
    Ok(module.task("spin")?)
}

fn burn(module: &Module) -> Result<Task<u64, u64>> {
    Ok(module.task("burn")?)
}

/// Waits until the task runs: it emits a word first.
fn running<Out>(process: &Process<Out>) -> Result<()> {
    let first = process.partials().next().context("it emits something")?;
    ensure!(wasmpool::decode::<String>(&first)? == "here");
    Ok(())
}

fn watch<Out>(process: &Process<Out>) -> Result<Watched> {
    Watched::open(u32::try_from(process.pid())?)
}

#[test]
fn each_has_a_pid_of_its_own_and_they_are_joined_in_any_order() -> Result<()> {
    for start_method in START_METHODS {
        let pool = kinds::builder()
            .workers(1)
            .start_method(start_method)
            .build()?;
        let burn = burn(&load(&pool)?)?;
        let mut processes = (0..5)
            .map(|n| Process::spawn(&burn, 1000 * n))
            .collect::<Result<Vec<_>, SpawnError>>()?;
        let pids: BTreeSet<i32> = processes.iter().map(Process::pid).collect();
        ensure!(pids.len() == 5 && !pids.contains(&0), "{pids:?}");
        ensure!(!pids.contains(&i32::try_from(process::id())?));
        let wanted = pool.map(&burn, (0..5).map(|n| 1000 * n));
        // The third first, then the last, then the others.
        let third = processes.remove(2);
        ensure!(third.join() == ProcessExit::Code(0));
        ensure!(processes[3].join().success());
        ensure!(third.result()? == *wanted[2].as_ref().unwrap());
        let results: Vec<u64> = processes
            .into_iter()
            .map(Process::result)
            .collect::<Result<_, _>>()?;
        for (result, at) in results.iter().zip([0, 1, 3, 4]) {
            ensure!(result == wanted[at].as_ref().unwrap());
        }
    }
    Ok(())
}

#[test]
fn an_endless_loop_is_terminated_and_killed() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let spin = spin(&load(&pool)?)?;

    let terminated = Process::spawn(&spin, "here")?;
    running(&terminated)?;
    let seen = watch(&terminated)?;
    ensure!(terminated.is_alive() && terminated.exit_code().is_none());
    ensure!(terminated.join_timeout(Duration::from_millis(1)).is_none());
    terminated.terminate();
    ensure!(terminated.join() == ProcessExit::Terminated);
    ensure!(!terminated.is_alive());
    ensure!(terminated.exit_code() == Some(ProcessExit::Terminated));
    ensure!(seen.gone_by(Instant::now())?, "joined and still there");
    // Nothing happens to one that has ended.
    terminated.terminate();
    terminated.kill();
    let outcome = terminated.result();
    ensure!(matches!(outcome, Err(TaskError::Cancelled)), "{outcome:?}");

    let killed = Process::spawn(&spin, "here")?;
    running(&killed)?;
    let seen = watch(&killed)?;
    killed.kill();
    ensure!(killed.join() == ProcessExit::Signal(libc::SIGKILL));
    ensure!(seen.gone_by(Instant::now())?, "joined and still there");
    let pid = killed.pid();
    match killed.result() {
        Err(TaskError::WorkerLost { pid: lost, .. }) => ensure!(lost == pid),
        outcome => anyhow::bail!("{outcome:?}"),
    }
    Ok(())
}

#[test]
fn a_process_that_waits_is_terminated() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let sleep = load(&pool)?.task::<String, ()>("sleep")?;
    let process = Process::spawn(&sleep, "here")?;
    running(&process)?;
    process.terminate();
    ensure!(process.join() == ProcessExit::Terminated);
    Ok(())
}

#[test]
fn one_that_has_not_begun_is_terminated_too() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let spin = spin(&load(&pool)?)?;
    for _ in 0..20 {
        let process = Process::spawn(&spin, "here")?;
        process.terminate();
        ensure!(process.join() == ProcessExit::Terminated);
    }
    Ok(())
}

#[test]
fn its_exit_says_code_signal_or_limit() -> Result<()> {
    let pool = kinds::builder()
        .workers(1)
        .memory(ByteSize::mib(8))
        .max_output(ByteSize::kib(64))
        .build()?;
    let module = load(&pool)?;
    let ended = |exit: ProcessExit, wanted: ProcessExit| {
        ensure!(exit == wanted, "{exit:?} instead of {wanted:?}");
        Ok(())
    };
    let count = module.task::<(u64, Option<String>), u64>("count_or_fail")?;
    ended(
        Process::spawn(&count, (1, None::<String>))?.join(),
        ProcessExit::Code(0),
    )?;
    let failed = Process::spawn(&count, (1, Some("no".to_owned())))?;
    ended(failed.join(), ProcessExit::Code(exit::GUEST.into()))?;
    let outcome = failed.result();
    ensure!(
        matches!(&outcome, Err(TaskError::Guest { message, .. }) if message.contains("no")),
        "{outcome:?}"
    );
    let trap = module.task::<(), ()>("trap")?;
    ended(
        Process::spawn(&trap, ())?.join(),
        ProcessExit::Code(exit::TRAP.into()),
    )?;
    let keep = module.task::<u64, u64>("keep")?;
    ended(
        Process::spawn(&keep, 64 << 20)?.join(),
        ProcessExit::Limit("memory"),
    )?;
    let bytes = module.task::<u64, Vec<u8>>("bytes")?;
    ended(
        Process::spawn(&bytes, 1 << 20)?.join(),
        ProcessExit::Limit("output"),
    )?;
    let by_task = Process::spawn(&spin(&module)?.timeout(TASK_TIMEOUT), "here")?;
    let by_builder = Process::builder()
        .timeout(TASK_TIMEOUT)
        .spawn(&spin(&module)?, "here")?;
    ended(by_task.join(), ProcessExit::Limit("timeout"))?;
    ended(by_builder.join(), ProcessExit::Limit("timeout"))
}

#[test]
fn the_time_limit_of_the_pool_is_not_a_process_s() -> Result<()> {
    let limit = Duration::from_millis(100);
    let pool = kinds::builder().workers(1).timeout(limit).build()?;
    let spin = spin(&load(&pool)?)?;
    let process = Process::spawn(&spin, "here")?;
    running(&process)?;
    // A task of the pool that begins later meets the limit, and the process runs on.
    let pooled = spin.call("here");
    ensure!(
        matches!(pooled, Err(TaskError::Timeout { .. })),
        "{pooled:?}"
    );
    ensure!(process.is_alive());
    process.terminate();
    ensure!(process.join() == ProcessExit::Terminated);
    Ok(())
}

#[test]
fn they_take_no_worker_of_the_pool_and_wait_for_none() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let module = load(&pool)?;
    let (spin, burn) = (spin(&module)?, burn(&module)?);
    // More of them than there are workers, all running at once.
    let processes = (0..4)
        .map(|_| Process::spawn(&spin, "here"))
        .collect::<Result<Vec<_>, _>>()?;
    for process in &processes {
        running(process)?;
    }
    // The one worker is free.
    burn.call(1)?;
    let busy = spin.start("here");
    ensure!(busy.partials().next().is_some(), "the worker is busy");
    // And while it is busy another process begins and ends.
    ensure!(Process::spawn(&burn, 1)?.result()? == burn_natively(1));
    busy.cancel();
    for process in &processes {
        process.terminate();
    }
    for process in &processes {
        ensure!(process.join() == ProcessExit::Terminated);
    }
    ensure!(burn.call(1)? == burn_natively(1));
    Ok(())
}

fn burn_natively(rounds: u64) -> u64 {
    guest_stateful::burn(rounds)
}

#[test]
fn active_children_are_those_that_live_by_name() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let module = load(&pool)?;
    let spin = spin(&module)?;
    burn(&module)?.call(1)?;
    ensure!(pool.active_children().is_empty(), "a worker is no child");
    let first = Process::spawn(&spin, "here")?;
    let named = Process::builder()
        .name("the daemon")
        .daemon(true)
        .spawn(&spin, "here")?;
    let third = Process::spawn(&spin, "here")?;
    ensure!(first.name() == "Process-1" && third.name() == "Process-2");
    ensure!(named.name() == "the daemon" && named.is_daemon() && !first.is_daemon());
    let children = |wanted: &[&Process<()>]| {
        let found = pool.active_children();
        ensure!(found.len() == wanted.len(), "{found:?}");
        for (child, process) in found.iter().zip(wanted) {
            ensure!(child.name == process.name());
            ensure!(child.pid == process.pid());
            ensure!(child.is_daemon == process.is_daemon());
            ensure!(descendants(process::id()).contains(&u32::try_from(child.pid)?));
        }
        Ok(())
    };
    children(&[&first, &named, &third])?;
    named.kill();
    named.join();
    children(&[&first, &third])?;
    // A handle that is dropped leaves its process alone.
    drop(third);
    ensure!(pool.active_children().len() == 2);
    first.terminate();
    first.join();
    ensure!(pool.active_children().len() == 1);
    Ok(())
}

#[test]
fn join_of_the_pool_waits_for_processes_and_ends_daemons() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let module = load(&pool)?;
    let daemon = Process::builder()
        .daemon(true)
        .spawn(&spin(&module)?, "here")?;
    running(&daemon)?;
    let work = Process::spawn(&burn(&module)?, 3_000_000)?;
    // Nobody knows how fast the machine is: it may be done already.
    let working = watch(&work).ok();
    // Detached, and waited for all the same. Its time does not begin before this.
    let begun = Instant::now();
    let detached = Process::spawn(&spin(&module)?.timeout(TASK_TIMEOUT), "here")?;
    // On a busy machine its time may be over already.
    let seen = [Some(watch(&daemon)?), working, watch(&detached).ok()];
    drop(detached);
    pool.close().join();
    ensure!(
        begun.elapsed() >= TASK_TIMEOUT,
        "it waited for the detached one"
    );
    for process in seen.into_iter().flatten() {
        ensure!(process.gone_by(Instant::now() + DEADLINE)?);
    }
    ensure!(daemon.join() == ProcessExit::Terminated);
    ensure!(work.join() == ProcessExit::Code(0));
    ensure!(work.result()? == burn_natively(3_000_000));
    Ok(())
}

#[test]
fn the_end_of_the_pool_is_the_end_of_its_processes() -> Result<()> {
    for start_method in START_METHODS {
        let pool = kinds::builder()
            .start_method(start_method)
            .workers(1)
            .build()?;
        let spin = spin(&load(&pool)?)?;
        let processes = (0..3)
            .map(|_| Process::spawn(&spin, "here"))
            .collect::<Result<Vec<_>, _>>()?;
        let seen = processes.iter().map(watch).collect::<Result<Vec<_>>>()?;
        drop(pool);
        for process in seen {
            ensure!(process.gone_by(Instant::now())?);
        }
        for process in processes {
            ensure!(process.join() == ProcessExit::Terminated);
            let outcome = process.result();
            ensure!(matches!(outcome, Err(TaskError::Closed)), "{outcome:?}");
        }
        let refused = Process::spawn(&spin, "here");
        ensure!(
            matches!(refused, Err(SpawnError::Pool(TaskError::Closed))),
            "{refused:?}"
        );
    }
    Ok(())
}

/// One that is lost says so, and is not run a second time, whatever its task allows.
#[test]
fn a_process_is_not_run_again_elsewhere() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let spin = spin(&load(&pool)?)?.retries(3);
    let process = Process::spawn(&spin, "here")?;
    running(&process)?;
    process.kill();
    ensure!(process.join() == ProcessExit::Signal(libc::SIGKILL));
    ensure!(process.partials().next().is_none(), "it said `here` again");
    ensure!(pool.active_children().is_empty());
    Ok(())
}

#[test]
fn a_process_is_a_future() -> Result<()> {
    struct Bell(mpsc::Sender<()>);
    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            let _ = self.0.send(());
        }
    }
    let pool = kinds::builder().workers(1).build()?;
    let burn = burn(&load(&pool)?)?;
    let (sender, rung) = mpsc::channel();
    let waker = Waker::from(Arc::new(Bell(sender)));
    let mut process = pin!(Process::spawn(&burn, 1_000_000)?);
    let outcome = loop {
        match process.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(outcome) => break outcome,
            Poll::Pending => rung.recv_timeout(DEADLINE)?,
        }
    };
    ensure!(outcome? == burn_natively(1_000_000));
    // What the future took it still knows.
    ensure!(process.join() == ProcessExit::Code(0) && !process.is_alive());
    Ok(())
}
