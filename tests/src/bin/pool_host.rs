//! A program that has a pool, to be killed, forked or left: what becomes of its processes is watched from outside.
//!
//! `pool_host busy START_METHOD` keeps every worker busy and says so; `pool_host fork` forks itself and uses the pool
//! on both sides; `pool_host leave` returns from `main` with calls still running; `pool_host die START_METHOD STEP` kills itself
//! at that step of its work (0: at none).

use std::io::{Write, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use guest_hostile::{Act, answer};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};
use wasmpool::{Lock, Manager, Process, Queue, StartMethod, TaskError};
use wasmpool_tests::witness::Witness;
use wasmpool_tests::{guests, kinds};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["busy", "forkserver"] => busy(StartMethod::ForkServer),
        ["busy", "spawn"] => busy(StartMethod::Spawn),
        ["die", "forkserver", step] => die(StartMethod::ForkServer, step.parse()?),
        ["die", "spawn", step] => die(StartMethod::Spawn, step.parse()?),
        ["fork"] => fork(),
        ["leave"] => leave(),
        _ => bail!("what to do was not said, or not understood: {arguments:?}"),
    }
}

/// Keeps three workers, a process and a session busy for ever.
fn busy(start_method: StartMethod) -> Result<()> {
    let witness = Witness::default();
    let pool = witness
        .watch(kinds::builder().workers(3).start_method(start_method))
        .build()?;
    let module = pool.load(guests::hostile())?;
    let work = module.task::<(u64, Act), u64>("work")?;
    let _calls = [Act::WaitToBeKilled; 3].map(|act| pool.apply_async(&work, (1, act)));
    let _process = Process::spawn(&work, (1, Act::WaitToBeKilled))?;
    let session = module.session()?;
    std::thread::spawn(move || session.call(&work, (1, Act::WaitToBeKilled)));
    // A worker that tells its log runs its task: nothing is left half started.
    witness.wait_for_logs("kill me", 5);
    say("ready")?;
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

/// Counts what happens, and kills this process at one of them.
#[derive(Clone, Debug)]
struct Steps {
    done: Arc<AtomicU32>,
    last: u32,
}

impl Steps {
    fn step(&self) {
        if self.done.fetch_add(1, SeqCst) + 1 == self.last {
            // Nothing comes after it.
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }
}

/// Does a bit of everything, with a step before and after each, at each event and in each function.
fn die(start_method: StartMethod, last: u32) -> Result<()> {
    let steps = Steps {
        done: Arc::default(),
        last,
    };
    let (at_event, in_function) = (steps.clone(), steps.clone());
    steps.step();
    let pool = kinds::builder()
        .workers(2)
        .start_method(start_method)
        .on_event(move |_| at_event.step())
        .host_function("add", move |_, (a, b): (u64, u64)| {
            in_function.step();
            Ok::<u64, String>(a + b)
        })
        .build()?;
    steps.step();
    let compiling = kinds::builder().workers(1).no_cache().build()?;
    steps.step();
    compiling.load(guests::wat("numbers"))?;
    steps.step();
    let module = pool.load(guests::callers())?;
    steps.step();
    let every_step = module.task::<usize, Vec<u8>>("take_every_step")?;
    ensure!(pool.apply(&every_step, 600_000)?.len() == 600_000);
    steps.step();
    let calls = [1, 2, 3].map(|n| pool.apply_async(&every_step, n * 1000));
    steps.step();
    for call in calls {
        call.get()?;
        steps.step();
    }
    let session = module.session()?;
    steps.step();
    session.call(&every_step, 10)?;
    steps.step();
    let process = Process::spawn(&every_step, 10)?;
    steps.step();
    process.result()?;
    steps.step();
    let messages = pool.load(guests::messages())?;
    let pass_on = messages.task::<(Queue<Vec<u8>>, Queue<Vec<u8>>), ()>("pass_on")?;
    let queues = (Queue::bounded(2)?, Queue::bounded(2)?);
    let passing = pass_on.start((&queues.0, &queues.1));
    steps.step();
    queues.0.put(vec![7; 300_000])?;
    steps.step();
    ensure!(queues.1.get()?.len() == 300_000);
    queues.0.close();
    passing.get()?;
    let (lock, list) = (Lock::new()?, Manager::new().list::<u64>());
    let guard = lock.acquire()?;
    steps.step();
    drop(guard);
    let append = module.task::<(u64, u64, wasmpool::List<u64>), ()>("append")?;
    pool.apply(&append, (1, 3, &list))?;
    steps.step();
    drop(session);
    steps.step();
    drop(pool);
    steps.step();
    say(&steps.done.load(SeqCst).to_string())
}

/// Uses the pool in a forked child, where it must refuse, and then in the parent, where it must go on.
fn fork() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load(guests::hostile())?;
    let work = module.task::<(u64, Act), u64>("work")?;
    ensure!(pool.apply(&work, (1, Act::Behave))? == answer(1));
    let session = module.session()?;
    ensure!(session.call(&work, (1, Act::Behave))? == answer(1));
    let (here, there) = wasmpool::pipe::<u64, u64>()?;
    // SAFETY: the child runs code of this crate and of the pool, whose locks are free because no call is running, and
    // ends by `_exit` without returning to `main`.
    let child = unsafe { libc::fork() };
    ensure!(child >= 0, "fork failed");
    if child == 0 {
        let refused = matches!(
            pool.apply(&work, (2, Act::Behave)),
            Err(TaskError::Closed | TaskError::Host(_))
        ) && session.call(&work, (2, Act::Behave)).is_err()
            && Process::spawn(&work, (2, Act::Behave)).is_err()
            && module.session().is_err();
        // Its drop must do nothing: the parent's workers are not the child's to end.
        drop((pool, session, here, there));
        // SAFETY: ends the process at once; no destructor has to run in a forked child.
        unsafe { libc::_exit(if refused { 0 } else { 1 }) }
    }
    let (_, status) = waitpid(Pid::from_raw(child), WaitOptions::empty())?.context("no child")?;
    ensure!(
        status.exit_status() == Some(0),
        "the child used the pool: {status:?}"
    );
    let after = pool
        .apply(&work, (3, Act::Behave))
        .context("the pool after the child ended")?;
    ensure!(after == answer(3));
    ensure!(session.call(&work, (4, Act::Behave))? == answer(4));
    here.send(5).context("the pipe after the child ended")?;
    ensure!(there.recv()? == 5);
    say("done")
}

/// Leaves while every worker runs a task that never ends.
fn leave() -> Result<()> {
    let pool = kinds::builder().workers(2).build()?;
    let work = guests::work(&pool)?;
    let calls = [Act::Spin; 2].map(|act| pool.apply_async(&work, (1, act)));
    say("ready")?;
    drop(calls);
    Ok(())
}

/// Tells the test that watches.
fn say(word: &str) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{word}")?;
    Ok(out.flush()?)
}
