//! What is counted, and the process that does it.

use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use wasmpool::{Isolation, Jail, Pool, Task};
use wasmpool_tests::{guests, kinds, processes};

/// The first argument of this program where it is that process.
pub(crate) const SUBJECT: &str = "subject";

/// One way for a task to be run.
#[derive(Debug)]
pub(crate) struct Path {
    /// Its name.
    pub(crate) name: &'static str,
    /// How many tasks are counted: a few, and more.
    pub(crate) tasks: [u64; 2],
    run: fn(&Subjects, u64) -> Result<()>,
}

/// Whose instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    /// All threads of the program that has the pool.
    Host,
    /// Its one worker.
    Worker,
}

impl Side {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Worker => "worker",
        }
    }
}

/// A pool with one worker and its tasks.
struct Subjects {
    pool: Pool,
    double: Task<u64, u64>,
}

/// Items of a batch: given, since how long a task takes under a tracer says nothing.
const CHUNK: u32 = 20;

/// All that are counted.
pub(crate) const PATHS: &[Path] = &[
    Path {
        name: "apply",
        tasks: [4, 12],
        run: |it, tasks| {
            for n in 0..tasks {
                let answer = it.double.call(n)?;
                ensure!(answer == n * 2, "{n} doubled is {answer}");
            }
            Ok(())
        },
    },
    Path {
        name: "apply_async",
        tasks: [4, 12],
        run: |it, tasks| {
            for n in 0..tasks {
                let answer = it.double.start(n).get()?;
                ensure!(answer == n * 2, "{n} doubled is {answer}");
            }
            Ok(())
        },
    },
    Path {
        name: "map",
        tasks: [10, 30],
        run: |it, tasks| it.map(Isolation::Task, tasks),
    },
    Path {
        name: "map in batches",
        tasks: [100, 300],
        run: |it, tasks| it.map(Isolation::Batch, tasks),
    },
    Path {
        name: "imap",
        tasks: [100, 300],
        run: |it, tasks| {
            let double = it.double.isolation(Isolation::Batch).chunk_size(CHUNK);
            for (n, answer) in (0..).zip(it.pool.imap(&double, 0..tasks)) {
                let answer = answer?;
                ensure!(answer == n * 2, "{n} doubled is {answer}");
            }
            Ok(())
        },
    },
];

impl Subjects {
    fn map(&self, isolation: Isolation, tasks: u64) -> Result<()> {
        let double = self.double.isolation(isolation).chunk_size(CHUNK);
        for (n, answer) in (0..).zip(self.pool.map(&double, 0..tasks)) {
            let answer = answer?;
            ensure!(answer == n * 2, "{n} doubled is {answer}");
        }
        Ok(())
    }
}

/// Is the process that does the work: it runs as many tasks as each line of its input says, and says when that is done.
///
/// # Errors
/// When a task fails or its answer is wrong.
pub(crate) fn subject(name: &str) -> Result<()> {
    let path = PATHS.iter().find(|path| path.name == name);
    let path = path.context("there is no such path")?;
    // The walls are the kernel's work, but a worker behind them cannot be looked into.
    let pool = kinds::builder().workers(1).jail(Jail::Off).build()?;
    let module = pool.load(guests::tiny())?;
    let subjects = Subjects {
        double: module.task("double")?,
        pool,
    };
    // What is done once is done before counting.
    (path.run)(&subjects, path.tasks[1])?;
    // Launcher, zygote, worker.
    let mut below = std::process::id();
    for _ in 0..3 {
        below = processes::eventually("each process has one child", || {
            match processes::children(below)[..] {
                [child] => Some(child),
                _ => None,
            }
        });
    }
    println!("{below}");
    for line in stdin().lines() {
        (path.run)(&subjects, line?.parse()?)?;
        println!("done");
        stdout().flush()?;
    }
    Ok(())
}

/// That process, from outside.
#[derive(Debug)]
pub(crate) struct Subject {
    process: Child,
    orders: ChildStdin,
    words: BufReader<ChildStdout>,
    worker: u32,
}

impl Subject {
    /// Starts it and waits until it has warmed up.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn start(path: &Path) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([SUBJECT, path.name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = process.stdin.take().context("piped")?;
        let words = BufReader::new(process.stdout.take().context("piped")?);
        let mut subject = Self {
            process,
            orders,
            words,
            worker: 0,
        };
        subject.worker = subject.word()?.parse()?;
        Ok(subject)
    }

    /// The program that has the pool.
    pub(crate) fn host(&self) -> u32 {
        self.process.id()
    }

    /// Its worker.
    pub(crate) fn worker(&self) -> u32 {
        self.worker
    }

    /// Has it run so many tasks.
    ///
    /// # Errors
    /// When one fails.
    pub(crate) fn run(&mut self, tasks: u64) -> Result<()> {
        writeln!(self.orders, "{tasks}")?;
        match self.word()?.as_str() {
            "done" => Ok(()),
            word => bail!("it says {word:?}"),
        }
    }

    fn word(&mut self) -> Result<String> {
        let mut line = String::new();
        self.words.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
