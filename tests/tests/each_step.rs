//! Every process of a pool ends, or meets an error, at each of its system calls in turn: from its first step, through its jail, its
//! first message and its tasks, to the last answer. What it costs is at most the task that ran.
//!
//! With `WASMPOOL_STRESS_SECONDS` every fault meets every call; without, the rarer ones some of them.
//! One test at a time: they look for processes, and there are many of them.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wasmpool::{
    BuildError, Builder, Exit, Isolation, LoadError, Pool, StartError, StartMethod, Task, TaskError,
};
use wasmpool_tests::fault::{Fault, Plan, Role};
use wasmpool_tests::kinds::{self, START_METHODS};
use wasmpool_tests::processes::{Watched, children, descendants, eventually, kill};
use wasmpool_tests::{guests, stress, turn};

const FAULTY: &str = env!("CARGO_BIN_EXE_faulty");
/// More system calls than any process here makes.
const TOO_MANY: u32 = 3000;
/// Nobody waits for a time limit: whatever happens to a process is heard at once.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of the result: more than the ring has at once, so that a part of it is on its way while the rest is not.
const RESULT: usize = 600_000;

/// How many calls further the next fault is: each call where it is asked for, else every so many-th.
fn stride(short: u32) -> usize {
    let stride = if stress::asked().is_some() { 1 } else { short };
    stride as usize
}

fn builder(plan: &Plan, start_method: StartMethod) -> Builder {
    kinds::builder()
        .workers(1)
        .start_method(start_method)
        .worker_exe(plan.worker_exe())
        .host_function("add", |_, (a, b): (u64, u64)| Ok::<u64, String>(a + b))
}

/// A task that takes every step, in a process of its own.
fn every_step(pool: &Pool) -> Result<Task<usize, Vec<u8>>> {
    let task = pool.load(guests::callers())?.task("take_every_step")?;
    Ok(task.isolation(Isolation::Process))
}

fn is_right(result: &[u8]) -> bool {
    result.len() == RESULT && result.iter().all(|&byte| byte == 3)
}

/// What was met: how often each outcome came, and at how many calls of each number.
#[derive(Debug, Default)]
struct Tally {
    outcomes: BTreeMap<String, u32>,
    calls: BTreeMap<i64, u32>,
}

impl Tally {
    fn note(&mut self, outcome: impl Into<String>, call: i64) {
        *self.outcomes.entry(outcome.into()).or_default() += 1;
        *self.calls.entry(call).or_default() += 1;
    }

    fn count(&self, outcome: &str) -> u32 {
        self.outcomes.get(outcome).copied().unwrap_or(0)
    }

    fn met(&self) -> u32 {
        self.calls.values().sum()
    }
}

/// One worker after the other meets the fault, each a step later, until one gets through without it.
fn sweep_workers(start_method: StartMethod, fault: Fault, stride: usize) -> Result<Tally> {
    let plan = Plan::new(FAULTY, start_method)?;
    let mut tally = Tally::default();
    plan.arm(Role::Worker, TOO_MANY, fault);
    let pool = builder(&plan, start_method).build()?;
    let task = every_step(&pool)?;
    for at in (1..TOO_MANY).step_by(stride) {
        plan.arm(Role::Worker, at, fault);
        let begun = Instant::now();
        // By way of the dispatcher and without it, in turn.
        let outcome = match at % 2 {
            0 => task.call(RESULT),
            _ => task.start(RESULT).get(),
        };
        let what = || {
            format!(
                "{fault:?} at call {at} ({:?}), {start_method:?}, {outcome:?}",
                plan.fired()
            )
        };
        let Some(fired) = plan.fired() else {
            ensure!(outcome.as_ref().is_ok_and(|it| is_right(it)), "{}", what());
            return Ok(tally);
        };
        let name = match &outcome {
            Ok(result) => {
                ensure!(is_right(result), "{}: a wrong result", what());
                "value"
            }
            Err(TaskError::WorkerLost { exit, .. }) => {
                let wanted = match fault {
                    Fault::Signal(signal) => Some(signal),
                    Fault::Crash => Some(libc::SIGSEGV),
                    Fault::Error(_) | Fault::Wait => None,
                };
                // A worker that found out about its loss itself is killed by its host.
                let died = *exit == wanted.map(Exit::Signal);
                ensure!(wanted.is_none() || died, "{}: {exit:?}", what());
                "worker_lost"
            }
            Err(error) if matches!(fault, Fault::Error(_)) => error.kind(),
            Err(error) => anyhow::bail!("{}: {error}", what()),
        };
        ensure!(
            begun.elapsed() < PATIENCE,
            "{}: it took {:?}",
            what(),
            begun.elapsed()
        );
        tally.note(name, fired.call);
        // The next has nothing of it.
        let next = task.call(RESULT).with_context(what)?;
        ensure!(is_right(&next), "{}: the next result is wrong", what());
    }
    anyhow::bail!("a worker that makes {TOO_MANY} system calls")
}

#[test]
fn a_worker_may_die_at_every_step() -> Result<()> {
    let _turn = turn();
    for start_method in START_METHODS {
        let kill = sweep_workers(start_method, Fault::Signal(libc::SIGKILL), 1)?;
        println!("{start_method:?}, killed: {kill:?}");
        ensure!(kill.count("value") > 0, "some die before they begin");
        ensure!(kill.count("worker_lost") > 0, "some die while they work");
        ensure!(kill.met() > 50);
        for (fault, short) in [(Fault::Signal(libc::SIGABRT), 3), (Fault::Crash, 4)] {
            let tally = sweep_workers(start_method, fault, stride(short))?;
            println!("{start_method:?}, {fault:?}: {:?}", tally.outcomes);
            ensure!(tally.met() > 10);
        }
    }
    Ok(())
}

#[test]
fn a_worker_may_meet_an_error_at_every_step() -> Result<()> {
    let _turn = turn();
    for start_method in START_METHODS {
        for (error, short) in [(libc::ENOMEM, 1), (libc::EMFILE, 3), (libc::EAGAIN, 4)] {
            let tally = sweep_workers(start_method, Fault::Error(error), stride(short))?;
            println!("{start_method:?}, error {error}: {:?}", tally.outcomes);
            ensure!(tally.count("value") > 0 && tally.met() > 10);
        }
    }
    Ok(())
}

/// Compiled anew each time, in a process that meets the fault.
fn sweep_compilers(fault: Fault, stride: usize) -> Result<Tally> {
    let plan = Plan::new(FAULTY, StartMethod::ForkServer)?;
    let mut tally = Tally::default();
    plan.arm(Role::Worker, TOO_MANY, fault);
    let pool = builder(&plan, StartMethod::ForkServer).no_cache().build()?;
    let numbers = std::fs::read(guests::wat("numbers"))?;
    for at in (1..TOO_MANY).step_by(stride) {
        plan.arm(Role::Worker, at, fault);
        let loaded = pool.load_bytes(&numbers);
        let what = || format!("{fault:?} at call {at} ({:?})", plan.fired());
        let Some(fired) = plan.fired() else {
            loaded.with_context(what)?;
            return Ok(tally);
        };
        let name = match loaded {
            Ok(_) => "module",
            Err(LoadError::CompilerLost { .. }) => "compiler_lost",
            // What an abort is when nobody says why.
            Err(LoadError::CompileMemory { .. }) => "compile_memory",
            Err(error) if matches!(fault, Fault::Error(_)) => {
                tally.note(error.to_string(), fired.call);
                pool.load_bytes(&numbers).with_context(what)?;
                continue;
            }
            Err(error) => anyhow::bail!("{}: {error}", what()),
        };
        tally.note(name, fired.call);
        pool.load_bytes(&numbers).with_context(what)?;
    }
    anyhow::bail!("a compiler that makes {TOO_MANY} system calls")
}

#[test]
fn a_compiler_may_die_at_every_step() -> Result<()> {
    let _turn = turn();
    for (fault, short) in [
        (Fault::Signal(libc::SIGKILL), 1),
        (Fault::Crash, 4),
        (Fault::Error(libc::ENOMEM), 2),
    ] {
        let tally = sweep_compilers(fault, stride(short))?;
        println!("{fault:?}: {tally:?}");
        ensure!(tally.met() > 5);
    }
    Ok(())
}

/// A pool whose launcher or zygote meets the fault: when the pool is being built, when a worker is asked for, when one ends.
fn sweep_parents(role: Role, fault: Fault, stride: usize) -> Result<Tally> {
    let mut tally = Tally::default();
    for at in (1..TOO_MANY).step_by(stride) {
        let plan = Plan::new(FAULTY, StartMethod::ForkServer)?;
        plan.arm(role, at, fault);
        let what = |fired| format!("{role:?}, {fault:?} at call {at} ({fired:?})");
        let built = builder(&plan, StartMethod::ForkServer).build();
        let pool = match (built, plan.fired()) {
            (Ok(pool), _) => pool,
            (Err(BuildError::Start(error)), Some(fired)) => {
                let name = match error {
                    StartError::Silent { .. } => "silent",
                    StartError::Failed(_) => "failed",
                    StartError::Wall(_) => "wall",
                    other => return Err(other).context(what(Some(fired))),
                };
                tally.note(name, fired.call);
                continue;
            }
            (Err(error), fired) => return Err(error).context(what(fired)),
        };
        let task = every_step(&pool)?;
        // One after the other, so that ends are told between starts.
        for _ in 0..3 {
            match task.start(RESULT).get() {
                Ok(result) => ensure!(is_right(&result), "{}", what(plan.fired())),
                Err(TaskError::WorkerLost { .. }) if plan.fired().is_some() => {}
                Err(error) => return Err(error).context(what(plan.fired())),
            }
        }
        let Some(fired) = plan.fired() else {
            return Ok(tally);
        };
        tally.note("recovered", fired.call);
        let result = task.call(RESULT).with_context(|| what(Some(fired)))?;
        ensure!(is_right(&result), "{}", what(Some(fired)));
    }
    anyhow::bail!("a {role:?} that makes {TOO_MANY} system calls")
}

#[test]
fn the_launcher_and_the_zygote_may_die_at_every_step() -> Result<()> {
    let _turn = turn();
    for (role, fault, short) in [
        (Role::Launcher, Fault::Signal(libc::SIGKILL), 1),
        (Role::Zygote, Fault::Crash, 5),
        (Role::Zygote, Fault::Error(libc::ENOMEM), 7),
    ] {
        let tally = sweep_parents(role, fault, stride(short))?;
        println!("{role:?}, {fault:?}: {tally:?}");
        ensure!(tally.met() > 5);
    }
    Ok(())
}

/// Who is killed while it tries the walls says nothing about them: another one tries them.
#[test]
fn a_trial_of_the_walls_that_is_killed_is_no_missing_wall() -> Result<()> {
    let _turn = turn();
    let plan = Plan::new(FAULTY, StartMethod::ForkServer)?;
    let undisturbed = builder(&plan, StartMethod::ForkServer).build()?;
    let mut met = 0;
    for at in 1..TOO_MANY {
        let plan = Plan::new(FAULTY, StartMethod::ForkServer)?;
        plan.arm(Role::Trial, at, Fault::Signal(libc::SIGKILL));
        let built = builder(&plan, StartMethod::ForkServer).build();
        let fired = plan.fired();
        let pool = built.with_context(|| format!("killed at call {at} ({fired:?})"))?;
        let (walls, before) = (pool.jail_report(), undisturbed.jail_report());
        ensure!(
            walls == before,
            "killed at call {at} ({fired:?}): {walls:?}"
        );
        if fired.is_none() {
            break;
        }
        met += 1;
    }
    ensure!(met > 5, "killed at {met} calls");
    Ok(())
}

/// Its launcher is killed before it has asked to die with it, or just then: nobody could give it up when it is stopped later.
#[test]
fn a_zygote_whose_launcher_dies_first_does_not_live_on() -> Result<()> {
    /// It has asked by then, whatever its first steps are.
    const FIRST_STEPS: u32 = 6;
    let _turn = turn();
    for at in 1..=FIRST_STEPS {
        let plan = Plan::new(FAULTY, StartMethod::ForkServer)?;
        plan.arm(Role::Zygote, at, Fault::Wait);
        let built = thread::scope(|scope| -> Result<_> {
            let built = scope.spawn(|| builder(&plan, StartMethod::ForkServer).build());
            plan.wait_fired();
            let launcher = *children(std::process::id()).first().context("a child")?;
            let gone = Watched::open(launcher)?;
            kill(launcher)?;
            ensure!(gone.gone_by(Instant::now() + wasmpool_tests::DEADLINE)?);
            plan.release();
            Ok(built.join().expect("no panic"))
        })?;
        ensure!(
            matches!(built, Err(BuildError::Start(StartError::Silent { .. }))),
            "at call {at} ({:?}): {built:?}",
            plan.fired()
        );
    }
    Ok(())
}

/// The zygote is killed, and the next one dies on its way too: the one after it stands.
#[test]
fn a_zygote_may_die_while_it_takes_the_place_of_one_that_died() -> Result<()> {
    let _turn = turn();
    for (role, fault) in [
        (Role::Launcher, Fault::Signal(libc::SIGKILL)),
        (Role::Zygote, Fault::Crash),
    ] {
        for at in (1..TOO_MANY).step_by(if role == Role::Launcher { 5 } else { 40 }) {
            let plan = Plan::new(FAULTY, StartMethod::ForkServer)?;
            let pool = builder(&plan, StartMethod::ForkServer).build()?;
            let task = every_step(&pool)?;
            ensure!(is_right(&task.call(RESULT)?));
            plan.arm(role, at, fault);
            let launcher = *descendants(std::process::id()).first().context("a child")?;
            let gone = Watched::open(launcher)?;
            kill(launcher)?;
            ensure!(gone.gone_by(Instant::now() + wasmpool_tests::DEADLINE)?);
            let result = eventually("the pool works again", || match task.start(RESULT).get() {
                Ok(result) => Some(Ok(result)),
                // It had begun with the one that died.
                Err(TaskError::WorkerLost { .. }) => None,
                Err(error) => Some(Err(error)),
            });
            let result = result.with_context(|| format!("{role:?} at {at}: {:?}", plan.fired()))?;
            ensure!(is_right(&result));
            if plan.fired().is_none() {
                break;
            }
        }
    }
    Ok(())
}
