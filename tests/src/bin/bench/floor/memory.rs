//! What a forked process takes of memory when it does nothing.

use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::process::Stdio;

use anyhow::{Context, Result};
use rustix::process::{Signal, kill_process};
use wasmpool_tests::processes::Held;

use super::ends::{fork, reap};
use super::{Kept, myself};

/// The argument of the process that forks: one with a single thread.
pub(crate) const IDLE: &str = "floor-idle";

/// The bytes that one of so many children takes, what they share divided among them.
///
/// # Errors
/// When they cannot be had or looked at.
pub(crate) fn forked(children: usize) -> Result<f64> {
    let mut command = myself(IDLE)?;
    command
        .arg(children.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut parent = Kept(command.spawn()?);
    let mut line = String::new();
    BufReader::new(parent.0.stdout.take().context("piped")?).read_line(&mut line)?;
    let pids = line.split_whitespace().map(str::parse);
    let pids = pids.collect::<Result<Vec<u32>, _>>()?;
    let held = Held::by(&pids)?.context("the children hide")?;
    // The end of its input is the parent's end; it reaps its children before.
    drop(parent.0.stdin.take());
    parent.0.wait()?;
    Ok(held.memory as f64 * 1024.0 / children as f64)
}

/// The process itself.
///
/// # Errors
/// When it cannot fork.
pub(crate) fn child(children: usize) -> Result<()> {
    let pids = (0..children)
        .map(|_| {
            fork(|| {
                // Until it is killed, with its parent or by it.
                let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
                loop {
                    rustix::event::pause();
                }
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let words: Vec<String> = pids
        .iter()
        .map(|pid| pid.as_raw_pid().to_string())
        .collect();
    println!("{}", words.join(" "));
    stdout().flush()?;
    stdin().read_line(&mut String::new())?;
    for pid in pids {
        kill_process(pid, Signal::KILL)?;
        reap(pid)?;
    }
    Ok(())
}
