//! Everything at once, while processes are killed: every task has one outcome, nothing gets stuck, nothing grows.
//!
//! `load.rs` is what is asked of the pools, `killer.rs` who is killed, `ledger.rs` who keeps count, `growth.rs` what is held in
//! between, `heap.rs` how much of its memory the host has not freed, `latencies.rs` what calls took. `src/bin/soak.rs` runs it
//! for as long as it is told, `tests/soak.rs` for a few seconds. It must be alone in its program: it kills whatever it finds
//! below it.

mod growth;
mod heap;
mod killer;
mod latencies;
mod ledger;
mod load;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use growth::Growth;
use killer::Kills;
use ledger::Ledger;
use load::World;

use crate::DEADLINE;

/// How long and how hard.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long processes are killed, in all.
    pub length: Duration,
    /// How long at a stretch: between two stretches everything rests, and what is held is counted.
    pub stretch: Duration,
    /// One worker, compiler, session or process is hit this often.
    pub every: Duration,
    /// One launcher or zygote is hit this often.
    pub parents_every: Duration,
}

impl Settings {
    /// A stretch that is shorter does not wait at its end until the pools have noticed by themselves who was stopped.
    const PATIENCE: Duration = Duration::from_secs(15);

    /// For so long, with a kill every 10 ms.
    #[must_use]
    pub fn of(length: Duration) -> Self {
        Self {
            length,
            stretch: (length / 10).clamp(Duration::from_secs(1), Duration::from_secs(30)),
            every: Duration::from_millis(10),
            // A pool gives up when it loses several in a few seconds, and there are three.
            parents_every: Duration::from_millis(1500),
        }
    }
}

/// What was done and what came of it.
#[derive(Debug)]
pub struct Report {
    ledger: Arc<Ledger>,
    kills: Kills,
    growth: Growth,
    took: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?} of kills", self.took)?;
        writeln!(f, "{}", self.kills)?;
        writeln!(f, "{}", self.ledger)?;
        write!(f, "{}", self.growth)
    }
}

/// Runs it.
///
/// # Errors
/// A task came to what it must not, or to nothing, or something grew.
///
/// # Panics
/// Ends the program when something is stuck: what is stuck cannot be waited for.
pub fn run(settings: Settings) -> Result<Report> {
    heap::keep_little();
    let ledger = Arc::new(Ledger::default());
    let world = World::new()?;
    let mut kills = Kills::default();
    let mut growth = Growth::default();
    let mut left = settings.length;
    let mut took = Duration::ZERO;
    while !left.is_zero() {
        let stretch = settings.stretch.min(left);
        left -= stretch;
        let begun = Instant::now();
        one_stretch(settings, stretch, &world, &ledger, &mut kills)?;
        took += begun.elapsed();
        let open = ledger.open();
        ensure!(open.is_empty(), "tasks without an outcome: {open:?}");
        growth.look(&world, &ledger.take_latencies())?;
    }
    growth.judge()?;
    Ok(Report {
        ledger,
        kills,
        growth,
        took,
    })
}

fn one_stretch(
    settings: Settings,
    length: Duration,
    world: &World,
    ledger: &Ledger,
    kills: &mut Kills,
) -> Result<()> {
    let stop = AtomicBool::new(false);
    let over = AtomicBool::new(false);
    let until = Instant::now() + length;
    thread::scope(|threads| {
        let watchdog = threads.spawn(|| {
            while !over.load(SeqCst) {
                if let Some(stuck) = ledger.silent_for(DEADLINE) {
                    eprintln!("stuck: {stuck} has come to nothing for {DEADLINE:?}\n{ledger}");
                    std::process::abort();
                }
                thread::park_timeout(Duration::from_millis(500));
            }
        });
        let loads: Vec<_> = load::ALL
            .iter()
            .map(|&(name, load)| {
                let stop = &stop;
                let thread = threads.spawn(move || {
                    let done = load(world, &ledger.account(name), stop);
                    ledger.leave(name);
                    if done.is_err() {
                        // The others need not go on.
                        stop.store(true, SeqCst);
                    }
                    done
                });
                (name, thread)
            })
            .collect();
        kills.go_on(settings, until, &stop);
        stop.store(true, SeqCst);
        let mut done = Ok(());
        for (name, load) in loads {
            let came = load
                .join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("it panicked")));
            done = done.and(came.with_context(|| name.to_owned()));
        }
        over.store(true, SeqCst);
        watchdog.thread().unpark();
        done
    })
}
