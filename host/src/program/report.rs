//! What the program says: results on standard output, talk on standard error, and a bar that gives way to both.

use std::{
    io::{self, IsTerminal as _, Write},
    sync::{Mutex, PoisonError},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};
use wasmpool::{ByteSize, TaskReport};

use super::{failure::Failure, options::Talk};

/// The environment variable that says in detail which records are shown.
const LOG_VARIABLE: &str = "WASMPOOL_LOG";

/// The bar that is on the terminal, if one is.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Does something to the terminal while the bar is out of the way.
fn aside<T>(write: impl FnOnce() -> T) -> T {
    let bar = BAR.lock().unwrap_or_else(PoisonError::into_inner);
    match &*bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Shows records of pool and tasks, as many as were asked for.
pub(crate) fn show_records(talk: Talk) {
    let level = match talk {
        Talk { quiet: true, .. } => "error",
        Talk { verbose: 0, .. } => "warn",
        Talk { verbose: 1, .. } => "info",
        Talk { verbose: 2, .. } => "debug",
        Talk { .. } => "trace",
    };
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(StandardError)
        .with_ansi(io::stderr().is_terminal())
        .without_time()
        .init();
}

/// Standard error, beside the bar.
#[derive(Clone, Copy, Debug)]
struct StandardError;

impl Write for StandardError {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        aside(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for StandardError {
    type Writer = Self;

    fn make_writer(&self) -> Self::Writer {
        *self
    }
}

/// Says a line on standard error. Where that is closed there is nobody to tell.
pub(crate) fn say(line: &str) {
    let _ = aside(|| writeln!(io::stderr(), "{line}"));
}

/// What a task has used, as JSON: times in seconds, sizes in bytes.
pub(crate) fn report_json(report: &TaskReport) -> Value {
    json!({
        "wall_seconds": report.wall.as_secs_f64(),
        "cpu_seconds": report.cpu_time.map(|cpu| cpu.as_secs_f64()),
        "peak_memory": report.peak_memory.map(ByteSize::bytes),
        "fuel": report.fuel,
        "input": report.input.bytes(),
        "output": report.output.bytes(),
        "partials": report.partials.bytes(),
        "logs": report.logs.bytes(),
        "calls": report.calls.bytes(),
        "worker": report.worker,
        "pid": report.pid,
    })
}

/// Says what went wrong, and what to do.
pub(crate) fn say_failure(failure: &Failure) {
    if let Some(words) = failure.words() {
        say(&format!("wasmpool: {words}"));
    }
    if let Some(advice) = failure.advice() {
        say(&format!("  help: {advice}"));
    }
}

/// Writes to standard output, whole, and sees to it that it has arrived there.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(Failure::Write)
}

/// Writes a line to standard output.
pub(crate) fn print_line(line: &str) -> Result<(), Failure> {
    print(format!("{line}\n").as_bytes())
}

/// Standard output of many lines: written when there is a lot, or when nothing more comes at once.
#[derive(Debug)]
pub(crate) struct Lines {
    waiting: Vec<u8>,
    terminal: bool,
}

/// Bytes of lines that are written at once.
const LOT: usize = 64 << 10;

impl Lines {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Vec::new(),
            terminal: io::stdout().is_terminal(),
        }
    }

    /// Appends a line: `write` makes it, without its end.
    pub(crate) fn line(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Failure> {
        write(&mut self.waiting);
        self.waiting.push(b'\n');
        if self.waiting.len() >= LOT {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Writes what waits.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let result = if self.terminal {
            aside(|| print(&self.waiting))
        } else {
            print(&self.waiting)
        };
        self.waiting.clear();
        result
    }
}

/// A progress bar on standard error. Without a terminal there, or when nothing is to be said, it is not there.
#[derive(Debug)]
pub(crate) struct Bar(Option<ProgressBar>);

impl Bar {
    /// `total` items, where that is known.
    pub(crate) fn new(total: Option<u64>, quiet: bool) -> Self {
        if quiet || !io::stderr().is_terminal() {
            return Self(None);
        }
        let (bar, template) = match total {
            Some(total) => (
                ProgressBar::new(total),
                "{wide_bar} {pos}/{len} {msg} ({per_sec}, {eta} left)",
            ),
            None => (
                ProgressBar::new_spinner(),
                "{spinner} {pos} {msg} ({per_sec}, {elapsed})",
            ),
        };
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = bar.with_style(style);
        bar.set_draw_target(ProgressDrawTarget::stderr());
        *BAR.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
        Self(Some(bar))
    }

    /// So many items are done, so many of them failed.
    pub(crate) fn show(&self, done: u64, failed: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(done);
            if failed > 0 {
                bar.set_message(format!("{failed} failed"));
            }
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
            *BAR.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// Hands a command's standard error on, as it is.
pub(crate) fn pass_on(bytes: &[u8]) {
    let _ = aside(|| io::stderr().write_all(bytes));
}
