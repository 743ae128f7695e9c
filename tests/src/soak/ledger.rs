//! Who keeps count: each task is entered when it begins and struck out with its outcome, once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use wasmpool::TaskError;

use super::latencies::Latencies;

/// The load whose tasks are timed: one call after the other.
const TIMED: &str = "apply";
/// The outcome of a task that had a value.
const VALUE: &str = "value";
/// A load whose tenant is refused tries again this much later.
const REFUSED: Duration = Duration::from_millis(5);

/// What becomes of a task whose worker is hit: it is lost; its tenant is paused since that has lost so many; its time limit
/// comes while the worker is stopped; SIGSEGV, at an instruction that may trap, looks like a trap.
const FROM_OUTSIDE: [&str; 4] = ["worker_lost", "tenant", "timeout", "trap"];

/// All loads' accounts.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    /// Begun and not ended, and when.
    open: BTreeMap<u64, (&'static str, Instant)>,
    /// What tasks took that had a value, since somebody asked.
    took: Latencies,
    /// By load and outcome.
    outcomes: BTreeMap<(&'static str, String), u64>,
    /// When each load last did something.
    beats: BTreeMap<&'static str, Instant>,
}

/// One task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(u64);

/// What one load sees of the ledger.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account<'a> {
    ledger: &'a Ledger,
    load: &'static str,
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For a load that begins.
    pub(super) fn account(&self, load: &'static str) -> Account<'_> {
        self.lock().beats.insert(load, Instant::now());
        Account { ledger: self, load }
    }

    /// A load has ended: nobody expects a sign of it.
    pub(super) fn leave(&self, load: &'static str) {
        self.lock().beats.remove(load);
    }

    /// The load that has done nothing for longest, when that is as long.
    pub(super) fn silent_for(&self, patience: Duration) -> Option<&'static str> {
        let ledger = self.lock();
        let (load, since) = ledger.beats.iter().min_by_key(|(_, since)| **since)?;
        (since.elapsed() >= patience).then_some(load)
    }

    /// The loads with tasks that have begun and not ended.
    pub(super) fn open(&self) -> BTreeSet<&'static str> {
        self.lock().open.values().map(|(load, _)| *load).collect()
    }

    /// What tasks took since the last time that somebody asked.
    pub(super) fn take_latencies(&self) -> Latencies {
        std::mem::take(&mut self.lock().took)
    }
}

impl Account<'_> {
    /// A task begins.
    pub(super) fn begin(&self) -> Id {
        let mut ledger = self.ledger.lock();
        ledger.next += 1;
        let id = ledger.next;
        ledger.open.insert(id, (self.load, Instant::now()));
        Id(id)
    }

    /// Several begin.
    pub(super) fn begin_all(&self, count: usize) -> Vec<Id> {
        (0..count).map(|_| self.begin()).collect()
    }

    /// A task has ended in this way.
    ///
    /// # Errors
    /// It had ended before.
    pub(super) fn end(&self, id: Id, outcome: impl Into<String>) -> Result<()> {
        let mut ledger = self.ledger.lock();
        let outcome = outcome.into();
        let Some((_, begun)) = ledger.open.remove(&id.0) else {
            bail!("{}: a second outcome, {outcome}", self.load);
        };
        // A call of one task, alone: what others take is of their own making.
        if self.load == TIMED && outcome == VALUE {
            ledger.took.add(begun.elapsed());
        }
        *ledger.outcomes.entry((self.load, outcome)).or_default() += 1;
        ledger.beats.insert(self.load, Instant::now());
        Ok(())
    }

    /// A task has ended with this error, which must be one of these kinds, or one that a signal from outside leads to.
    ///
    /// # Errors
    /// It is another, or it had ended before.
    pub(super) fn fail(&self, id: Id, error: &TaskError, kinds: &[&str]) -> Result<()> {
        let kind = error.kind();
        ensure!(
            FROM_OUTSIDE.contains(&kind) || kinds.contains(&kind),
            "{}: {kind}: {error}",
            self.load
        );
        self.end(id, kind)?;
        if kind == "tenant" {
            // The next one would be refused just as quickly.
            thread::sleep(REFUSED);
        }
        Ok(())
    }

    /// The outcome of a task that has this value when it has one.
    ///
    /// # Errors
    /// Another value, or an error of another kind than these.
    pub(super) fn settle<T: PartialEq + fmt::Debug>(
        &self,
        id: Id,
        outcome: Result<T, TaskError>,
        wanted: &T,
        kinds: &[&str],
    ) -> Result<bool> {
        match outcome {
            Ok(value) => {
                ensure!(value == *wanted, "{}: {value:?}, not {wanted:?}", self.load);
                self.end(id, VALUE)?;
                Ok(true)
            }
            Err(error) => {
                self.fail(id, &error, kinds)?;
                Ok(false)
            }
        }
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ledger = self.lock();
        writeln!(
            f,
            "{} tasks, {} without an outcome",
            ledger.next,
            ledger.open.len()
        )?;
        let mut last = "";
        for ((load, outcome), count) in &ledger.outcomes {
            if *load != last {
                if !last.is_empty() {
                    writeln!(f)?;
                }
                write!(f, "  {load:16}")?;
                last = load;
            }
            write!(f, " {outcome} {count}")?;
        }
        Ok(())
    }
}
