//! `wasmpool map`: one task for each file or line, a line of JSON for each outcome.
//!
//! One thread reads and encodes items, this one prints outcomes. Nothing grows with the length of the input: what is on
//! its way is bounded by the flow, and names are kept only of what is on its way.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::{Value, json};
use wasmpool::{Encoded, Feeder, Next, Outcome, Outcomes, Signature, TaskError, TaskReport, json};

use super::{
    call::ATTENTION,
    callee::{Callee, CalleeArgs},
    cpu,
    failure::{self, Failure},
    input::{Item, ItemError, Items},
    interrupt::Interrupt,
    options::Common,
    report::{self, Bar, Lines},
};

/// What its help ends with.
const EXAMPLES: &str = "\
Examples:
  wasmpool map md5.wasm md5 one.jpg two.jpg
  wasmpool map numbers.wasm add --jsonl pairs.jsonl     (with lines such as [40,2])";

/// Run one task for each file or line, and print a line of JSON for each outcome
///
/// {"index":0,"input":"a.txt","ok":…} or {"index":0,"input":"a.txt","error":{"kind":"timeout","message":"…"}}
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Map {
    #[command(flatten)]
    callee: CalleeArgs,
    /// Files: the bytes of each are one item, for a task that takes bytes or a string
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// A file with one JSON value a line, each an item as `call` takes it; `-` is standard input
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::FilePath, conflicts_with = "files")]
    jsonl: Option<PathBuf>,
    /// Print outcomes as they come, not in the order of the input
    #[arg(long)]
    unordered: bool,
}

/// Names of the items that are on their way, by index.
type Names = Arc<Mutex<HashMap<u64, String>>>;

impl Map {
    pub(crate) fn execute(self, common: &Common) -> Result<(), Failure> {
        let interrupt = Interrupt::install()?;
        if self.files.is_empty() && self.jsonl.is_none() {
            return Err(Failure::Usage(
                "no items: name files, or a file of JSON lines with --jsonl".to_owned(),
            ));
        }
        let items = Items::open(self.files, self.jsonl.as_deref())?;
        let begun = Instant::now();
        let Callee {
            pool,
            task,
            signature,
        } = self.callee.find(common, None)?;
        // A task that takes no bytes can take none of the files: told once, and not for each of them.
        if matches!(items, Items::Files(_))
            && json::encode_args(&signature, None, Some(b"")).is_err()
        {
            return Err(Failure::Files(signature.to_string()));
        }
        let (feeder, outcomes) = if self.unordered {
            pool.flow_unordered(&task)
        } else {
            pool.flow(&task)
        };
        let bar = Bar::new(items.total(), common.quiet);
        let names = Names::default();
        interrupt.note_the_first();
        let reader = Reader::start(items, feeder, signature.clone(), Arc::clone(&names))?;
        let mut printer = Printer {
            signature,
            names,
            bar,
            lines: Lines::new(),
            tasks: 0,
            failures: 0,
        };
        let printed = printer.print_all(outcomes, &interrupt, &reader);
        let interrupted = interrupt.came();
        let Printer {
            bar,
            tasks,
            failures,
            ..
        } = printer;
        drop(bar);
        // While the workers are there: what they used is not added up when they end with the pool.
        let cpu = cpu::used();
        pool.close().join();
        let summary = Summary {
            tasks,
            failures,
            wall: begun.elapsed(),
            cpu,
        };
        if matches!(&printed, Err(failure) if failure.is_broken_pipe()) {
            return printed;
        }
        if !common.quiet {
            report::say(&if common.json {
                summary.json().to_string()
            } else {
                summary.words()
            });
        }
        printed?;
        if interrupted {
            return Err(Failure::Interrupted);
        }
        let total = reader.total;
        if let Reading::Stopped = reader.end()? {
            return Err(Failure::Unread { read: tasks, total });
        }
        if failures > 0 {
            Err(Failure::ItemsFailed)
        } else {
            Ok(())
        }
    }
}

/// How the reading of items ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// All of them were read.
    All,
    /// The pool takes no more, or somebody wished it.
    Stopped,
}

/// The thread that reads items and pushes them.
#[derive(Debug)]
struct Reader {
    thread: JoinHandle<Result<Reading, Failure>>,
    stop: Arc<AtomicBool>,
    /// It has come to the end of the items, or cannot read them. Set before the last outcome can be seen.
    is_done: Arc<AtomicBool>,
    /// How many items there are, where that is known.
    total: Option<u64>,
}

impl Reader {
    fn start(
        mut items: Items,
        feeder: Feeder<Encoded, Encoded>,
        signature: Signature,
        names: Names,
    ) -> Result<Self, Failure> {
        let total = items.total();
        let (stop, is_done) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (stopped, done) = (Arc::clone(&stop), Arc::clone(&is_done));
        let read = move || {
            let mut feeding = Feeding {
                ended: None,
                is_done: done,
                feeder,
            };
            let read = read(
                &mut items,
                &mut feeding.feeder,
                &signature,
                &names,
                &stopped,
            );
            feeding.ended = read.as_ref().ok().copied();
            read
        };
        let thread = std::thread::Builder::new()
            .name("reader".to_owned())
            .spawn(read)
            .map_err(Failure::Thread)?;
        Ok(Self {
            thread,
            stop,
            is_done,
            total,
        })
    }

    /// How reading ended. Asked when all outcomes are there.
    fn end(self) -> Result<Reading, Failure> {
        // The pool has ended before it. It may wait for a line that never comes: nobody waits for it.
        if !self.is_done.load(SeqCst) {
            return Ok(Reading::Stopped);
        }
        match self.thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// Tells that reading has come to its end, by an error or a panic too, before there can be a last outcome.
struct Feeding {
    /// How reading ended, unless it failed.
    ended: Option<Reading>,
    is_done: Arc<AtomicBool>,
    /// The outcomes end after it is dropped.
    feeder: Feeder<Encoded, Encoded>,
}

impl Drop for Feeding {
    fn drop(&mut self) {
        let is_done = self.ended != Some(Reading::Stopped);
        self.is_done.store(is_done, SeqCst);
    }
}

/// Reads items and pushes them, until there are no more or nobody takes them.
fn read(
    items: &mut Items,
    feeder: &mut Feeder<Encoded, Encoded>,
    signature: &Signature,
    names: &Names,
    stopped: &AtomicBool,
) -> Result<Reading, Failure> {
    let mut index = 0;
    while !stopped.load(SeqCst) {
        if !items.is_at_hand() {
            feeder.flush();
        }
        let Some(Item { name, input }) = items.next(signature)? else {
            return Ok(Reading::All);
        };
        // Before it is sent: its outcome may come at once.
        names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(index, name);
        let sent = match input {
            Ok(input) => feeder.push(Encoded(input)),
            Err(error) => feeder.fail(TaskError::Host(Arc::new(error))),
        };
        if sent.is_none() {
            break;
        }
        index += 1;
    }
    Ok(Reading::Stopped)
}

/// Prints outcomes and counts them.
struct Printer {
    signature: Signature,
    names: Names,
    bar: Bar,
    lines: Lines,
    tasks: u64,
    failures: u64,
}

impl Printer {
    fn print_all(
        &mut self,
        mut outcomes: Outcomes<Encoded, Encoded>,
        interrupt: &Interrupt,
        reader: &Reader,
    ) -> Result<(), Failure> {
        let mut stopped = false;
        loop {
            // What is there is collected; what has to be waited for is waited for with everything printed.
            let next = match outcomes.next_timeout(Duration::ZERO) {
                Next::Timeout => {
                    self.lines.flush()?;
                    outcomes.next_timeout(ATTENTION)
                }
                next => next,
            };
            match next {
                Next::Outcome(index, outcome) => {
                    self.print(index, &outcome, outcomes.report())?;
                }
                Next::Timeout => {}
                Next::End => return self.lines.flush(),
            }
            if !stopped && interrupt.came() {
                stopped = true;
                reader.stop.store(true, SeqCst);
                // What runs ends as cancelled, and says so in its line.
                outcomes.stop();
            }
        }
    }

    fn print(
        &mut self,
        index: u64,
        outcome: &Outcome<Encoded>,
        report: Option<&TaskReport>,
    ) -> Result<(), Failure> {
        let name = self
            .names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&index)
            .unwrap_or_default();
        let Self {
            signature, lines, ..
        } = self;
        let mut failed = false;
        lines.line(|line| {
            failed = !write_line(line, index, &name, outcome, signature);
            if let Some(report) = report {
                // Into the object, which is closed already.
                line.truncate(line.len().saturating_sub(1));
                line.extend_from_slice(b",\"report\":");
                line.extend_from_slice(report::report_json(report).to_string().as_bytes());
                line.push(b'}');
            }
        })?;
        self.tasks += 1;
        self.failures += u64::from(failed);
        self.bar.show(self.tasks, self.failures);
        Ok(())
    }
}

/// Writes the line of one outcome. Returns whether it is a value.
fn write_line(
    line: &mut Vec<u8>,
    index: u64,
    name: &str,
    outcome: &Outcome<Encoded>,
    signature: &Signature,
) -> bool {
    let head = |line: &mut Vec<u8>, what: &str| {
        line.extend_from_slice(
            format!(
                "{{\"index\":{index},\"input\":{},\"{what}\":",
                Value::from(name)
            )
            .as_bytes(),
        );
    };
    let before = line.len();
    let error = match outcome {
        Ok(output) => {
            head(line, "ok");
            match json::Output::new(signature, &output.0).append_to(line) {
                Ok(()) => {
                    line.push(b'}');
                    return true;
                }
                Err(error) => {
                    let failure = Failure::result(error, signature);
                    json!({"kind": failure.kind(), "message": failure.words()})
                }
            }
        }
        Err(error) => error_json(error, signature),
    };
    line.truncate(before);
    head(line, "error");
    line.extend_from_slice(error.to_string().as_bytes());
    line.push(b'}');
    false
}

/// An item's error. One that was never sent has a kind of its own.
fn error_json(error: &TaskError, signature: &Signature) -> Value {
    if let TaskError::Host(host) = error
        && let Some(item) = host.downcast_ref::<ItemError>()
    {
        return json!({"kind": item.kind(), "message": item.to_string()});
    }
    failure::task_json(error, failure::error_value(error, signature))
}

/// What a map came to.
#[derive(Clone, Copy, Debug)]
struct Summary {
    tasks: u64,
    failures: u64,
    wall: Duration,
    cpu: Option<Duration>,
}

impl Summary {
    fn rate(&self) -> f64 {
        let seconds = self.wall.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate is a rounded number")]
        if seconds > 0.0 {
            self.tasks as f64 / seconds
        } else {
            0.0
        }
    }

    fn words(&self) -> String {
        let tasks = if self.tasks == 1 {
            "1 task".to_owned()
        } else {
            format!("{} tasks", self.tasks)
        };
        let failures = match self.failures {
            0 => "no failures".to_owned(),
            1 => "1 failure".to_owned(),
            several => format!("{several} failures"),
        };
        let cpu = self.cpu.map_or(String::new(), |cpu| {
            format!(", {:.2} s CPU", cpu.as_secs_f64())
        });
        format!(
            "{tasks}, {failures}, {:.0} a second, {:.2} s wall{cpu}",
            self.rate(),
            self.wall.as_secs_f64()
        )
    }

    fn json(&self) -> Value {
        json!({"summary": {
            "tasks": self.tasks,
            "failures": self.failures,
            "rate": self.rate(),
            "wall_seconds": self.wall.as_secs_f64(),
            "cpu_seconds": self.cpu.map(|cpu| cpu.as_secs_f64()),
        }})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_all_in_a_line() {
        let summary = Summary {
            tasks: 200,
            failures: 1,
            wall: Duration::from_secs(2),
            cpu: Some(Duration::from_millis(3500)),
        };
        assert_eq!(
            summary.words(),
            "200 tasks, 1 failure, 100 a second, 2.00 s wall, 3.50 s CPU"
        );
        assert_eq!(summary.json()["summary"]["rate"], 100.0);
        let nothing = Summary {
            tasks: 0,
            failures: 0,
            wall: Duration::ZERO,
            cpu: None,
        };
        assert_eq!(
            nothing.words(),
            "0 tasks, no failures, 0 a second, 0.00 s wall"
        );
    }
}
