//! Workers that end, and the next ones.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wasmpool::{ByteSize, Isolation, Limits, Pool, Task, TaskError};
use wasmpool_tests::processes::{children, kill};
use wasmpool_tests::witness::Witness;
use wasmpool_tests::{guests, kinds};

/// A pool of one whose worker holds some memory when its end comes.
#[derive(Debug)]
pub(crate) struct Ends {
    witness: Witness,
    hold: Task<usize, ()>,
    double: Task<u64, u64>,
    times: usize,
    _pool: Pool,
}

/// What came of one kill.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// From the kill to the outcome of the task that ran.
    pub(crate) outcome: Duration,
    /// From there to the result of the next task, in the next worker.
    pub(crate) next: Duration,
}

impl Ends {
    /// Ready to be killed again and again.
    ///
    /// # Errors
    /// When there is no pool.
    pub(crate) fn new() -> Result<Self> {
        let witness = Witness::default();
        let mut limits = Limits::default();
        // More than the largest that is held.
        limits.memory = ByteSize::gib(3);
        let builder = kinds::builder().limits(limits).workers(1);
        let pool = witness.watch(builder).build()?;
        let module = pool.load(guests::tiny())?;
        Ok(Self {
            witness,
            hold: module.task("hold")?,
            double: module.task("double")?,
            times: 0,
            _pool: pool,
        })
    }

    /// A task holds so many MiB, and its worker is killed.
    ///
    /// # Errors
    /// When something else comes of it than a lost worker and a right result.
    pub(crate) fn kill(&mut self, mebibytes: usize) -> Result<Times> {
        let call = self.hold.start(mebibytes);
        self.times += 1;
        self.witness.wait_for_logs("held", self.times);
        let worker = below(below(below(std::process::id())?)?)?;
        let killed = Instant::now();
        kill(worker)?;
        let outcome = call.get();
        let lost = Instant::now();
        ensure!(
            matches!(outcome, Err(TaskError::WorkerLost { .. })),
            "{outcome:?}"
        );
        ensure!(self.double.call(21)? == 42);
        Ok(Times {
            outcome: lost - killed,
            next: lost.elapsed(),
        })
    }

    /// A task loops past its time limit: from the limit to the result of the next one.
    ///
    /// # Errors
    /// When it comes to something else.
    pub(crate) fn time_out(&mut self) -> Result<Duration> {
        const LIMIT: Duration = Duration::from_millis(50);
        self.double.call(1)?;
        let begun = Instant::now();
        let outcome = self.hold.timeout(LIMIT).call(0);
        self.times += 1;
        ensure!(
            matches!(outcome, Err(TaskError::Timeout { .. })),
            "{outcome:?}"
        );
        ensure!(self.double.call(21)? == 42);
        Ok(begun.elapsed().saturating_sub(LIMIT))
    }
}

/// The one child of a process.
pub(super) fn below(of: u32) -> Result<u32> {
    children(of)
        .first()
        .copied()
        .context("a process without a child")
}

/// The time of each of many tasks, each in a process that is forked for it.
///
/// # Errors
/// When a call fails or its answer is wrong.
pub(crate) fn processes(tasks: u64) -> Result<Vec<Duration>> {
    let pool = kinds::builder()
        .workers(1)
        .isolation(Isolation::Process)
        .build()?;
    let double = pool.load(guests::tiny())?.task::<u64, u64>("double")?;
    double.call(1)?;
    (0..tasks)
        .map(|n| {
            let begun = Instant::now();
            let answer = double.call(n)?;
            let time = begun.elapsed();
            ensure!(answer == n * 2, "{n} doubled is {answer}");
            Ok(time)
        })
        .collect()
}
