//! Processes that are forked, killed and reaped, with nothing in them.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// The argument of the process that does it: one with a single thread.
pub(crate) const FORK: &str = "floor-fork";

fn in_a_process(mebibytes: usize, times: u64) -> Result<Duration> {
    let output = Command::new(std::env::current_exe()?)
        .args([FORK, &mebibytes.to_string(), &times.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "{}", output.status);
    let seconds: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok(Duration::from_secs_f64(seconds))
}

/// The time of a kill of a process of so many MiB, of its end, and of another that begins and ends.
///
/// # Errors
/// When there is no process to be had.
pub(crate) fn kill(mebibytes: usize) -> Result<Duration> {
    in_a_process(mebibytes, 0)
}

/// The time of one of so many processes that begin and end.
///
/// # Errors
/// When there is no process to be had.
pub(crate) fn forks(times: u64) -> Result<Duration> {
    in_a_process(0, times)
}

/// Forks: the child calls `inside` and ends.
pub(super) fn fork(inside: impl FnOnce()) -> Result<Pid> {
    // SAFETY: this process has one thread; the child does what it is told to and ends without returning.
    let child = unsafe { libc::fork() };
    if child == 0 {
        inside();
        // SAFETY: ends the child and nothing else.
        unsafe { libc::_exit(0) };
    }
    Pid::from_raw(child)
        .filter(|_| child > 0)
        .context("no process")
}

pub(super) fn reap(child: Pid) -> Result<()> {
    waitpid(Some(child), WaitOptions::empty())?.context("no child")?;
    Ok(())
}

/// The process itself: prints the seconds.
///
/// # Errors
/// When there is no process to be had.
pub(crate) fn child(mebibytes: usize, times: u64) -> Result<()> {
    let begun;
    let parts;
    if times == 0 {
        let (told, tell) = rustix::pipe::pipe()?;
        let victim = fork(|| {
            let held = vec![1_u8; mebibytes << 20];
            std::hint::black_box(&held);
            let _ = rustix::io::write(&tell, &[1]);
            loop {
                std::hint::black_box(&held);
            }
        })?;
        rustix::io::read(&told, &mut [0; 1])?;
        begun = Instant::now();
        kill_process(victim, Signal::KILL)?;
        reap(victim)?;
        reap(fork(|| {})?)?;
        parts = 1;
    } else {
        begun = Instant::now();
        for _ in 0..times {
            reap(fork(|| {})?)?;
        }
        parts = times;
    }
    println!("{}", begun.elapsed().as_secs_f64() / parts as f64);
    Ok(())
}
