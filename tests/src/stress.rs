//! How long the stress tests go on, and who kills workers and processes meanwhile.

use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use wasmpool::{Process, ProcessExit, TaskError};

use crate::DEADLINE;
use crate::processes::{children, kill};

/// How long each stress test goes on: `WASMPOOL_STRESS_SECONDS`, which asks for the long form. `None` is the short one.
///
/// # Panics
/// When that is no number.
#[must_use]
pub fn asked() -> Option<Duration> {
    let text = std::env::var("WASMPOOL_STRESS_SECONDS").ok()?;
    let seconds = text
        .parse()
        .expect("WASMPOOL_STRESS_SECONDS is a number of seconds");
    Some(Duration::from_secs(seconds))
}

/// The same, with the length of the short form.
#[must_use]
pub fn length() -> Duration {
    asked().unwrap_or(Duration::from_secs(2))
}

/// The workers of all pools: a launcher is a child of this program, a zygote the launcher's, and workers are the zygote's.
#[must_use]
pub fn workers() -> Vec<u32> {
    let below = |of: Vec<u32>| of.into_iter().flat_map(children).collect();
    let zygotes: Vec<u32> = below(children(process::id()));
    below(zygotes)
}

/// Kills workers at random, one after the other, as long as `go_on` says so, and leaves one alone when `now` says so; returns
/// how many.
fn kill_at_random(go_on: impl Fn() -> bool, now: impl Fn() -> bool) -> u32 {
    let mut killed = 0;
    let mut random = u64::from(process::id());
    while go_on() {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        // A module whose workers all end before they have started is given up: they need some time.
        thread::sleep(Duration::from_micros(5000 + (random >> 33) % 20_000));
        if !now() {
            continue;
        }
        let workers = workers();
        let chosen = usize::try_from(random >> 40).unwrap_or(0) % workers.len().max(1);
        // It may have gone meanwhile.
        if workers.get(chosen).is_some_and(|&pid| kill(pid).is_ok()) {
            killed += 1;
        }
    }
    killed
}

/// What came of calls while workers were killed.
#[derive(Clone, Copy, Debug)]
pub struct Toll {
    /// Workers that were killed.
    pub killed: u32,
    /// Tasks that returned.
    pub returned: u64,
    /// Tasks that were lost with their workers.
    pub lost: u64,
}

/// Has so many threads call, each one call after the other, and kills workers at random meanwhile, when `kill` says so.
///
/// `call` is told which of the threads calls and how many tasks are lost so far; it returns nothing when there is nothing more
/// to call.
///
/// # Errors
/// A task that neither returned nor was lost.
pub fn call_while_killed(
    callers: usize,
    kill: impl Fn() -> bool + Sync,
    call: impl Fn(usize, u64) -> Option<Result<(), TaskError>> + Sync,
) -> Result<Toll> {
    let (calling, lost) = (AtomicBool::new(true), AtomicU64::new(0));
    thread::scope(|threads| {
        let killer = threads.spawn(|| kill_at_random(|| calling.load(SeqCst), &kill));
        let callers: Vec<_> = (0..callers)
            .map(|caller| {
                let (call, lost) = (&call, &lost);
                threads.spawn(move || -> Result<u64, TaskError> {
                    let mut returned = 0;
                    while let Some(outcome) = call(caller, lost.load(SeqCst)) {
                        match outcome {
                            Ok(()) => returned += 1,
                            Err(TaskError::WorkerLost { .. }) => {
                                lost.fetch_add(1, SeqCst);
                            }
                            Err(error) => return Err(error),
                        }
                    }
                    Ok(returned)
                })
            })
            .collect();
        let callers: Vec<_> = callers
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        calling.store(false, SeqCst);
        let mut toll = Toll {
            killed: killer.join().ok().context("the killer")?,
            returned: 0,
            lost: lost.load(SeqCst),
        };
        for caller in callers {
            toll.returned += caller.ok().context("a caller")??;
        }
        Ok(toll)
    })
}

/// Kills a process that has been told to go on for ever, once it has done so much more.
///
/// # Errors
/// It came to its end, does nothing, or ended in another way.
pub fn kill_at_work(
    name: &str,
    process: Process<u32>,
    done: impl Fn() -> Result<u32>,
    more: u32,
) -> Result<()> {
    let (enough, began) = (done()? + more, Instant::now());
    while done()? < enough {
        if !process.is_alive() {
            process.result().with_context(|| name.to_owned())?;
            bail!("{name} came to its end");
        }
        ensure!(began.elapsed() < DEADLINE, "{name} does nothing");
        thread::yield_now();
    }
    process.kill();
    let exit = process.join();
    ensure!(exit == ProcessExit::Signal(9), "{name}: {exit:?}");
    Ok(())
}

/// Kills a holder of a lock and starts a successor, which says how often it repaired something, until one had to: others died
/// between two steps.
///
/// # Errors
/// Those of a try, one that repaired more than once, and none that repaired anything.
pub fn until_repaired(name: &str, mut once: impl FnMut() -> Result<u32>) -> Result<()> {
    let began = Instant::now();
    loop {
        let repairs = once()?;
        if repairs == 1 {
            return Ok(());
        }
        ensure!(repairs == 0, "{name}: {repairs} repairs");
        ensure!(began.elapsed() < DEADLINE, "{name} repairs nothing");
    }
}

/// Whether all of these numbers have grown since they all had before. A worker of each of those who count is there then, and a kill
/// that waits for it leaves everybody the time to start one, however slow the machine is.
pub fn have_all_grown(numbers: impl Fn() -> Vec<u64> + Sync) -> impl Fn() -> bool + Sync {
    let before = Mutex::new(Vec::new());
    move || {
        let now = numbers();
        let mut before = before.lock().unwrap_or_else(PoisonError::into_inner);
        before.resize(now.len(), 0);
        let grown = now.iter().zip(&*before).all(|(now, before)| now > before);
        if grown {
            *before = now;
        }
        grown
    }
}
