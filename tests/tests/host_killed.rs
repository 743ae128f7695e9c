//! What becomes of a pool whose host is killed. Alone in its program: it measures a tenth of a second.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wasmpool_tests::processes::{Watched, all_gone_within, kill, watch_descendants};

/// The promise.
const PROMISE: Duration = Duration::from_millis(100);
/// Who is killed has to be given the processor to end, which a busy machine may do later: so often that may be.
const TRIES: u32 = 10;

/// Tries it until all were gone in time; in each of them all go.
fn in_time(once: impl Fn() -> Result<Duration>) -> Result<()> {
    let mut took = Vec::new();
    while took.len() < TRIES as usize {
        took.push(once()?);
        if took.iter().any(|took| *took <= PROMISE) {
            return Ok(());
        }
    }
    anyhow::bail!("they were gone after {took:?}")
}

#[test]
fn nothing_of_the_pool_is_alive_100_ms_after_its_host_was_killed() -> Result<()> {
    for start_method in ["forkserver", "spawn"] {
        in_time(|| kill_busy_host(start_method))
            .with_context(|| format!("start method {start_method}"))?;
    }
    Ok(())
}

/// How long the processes of a pool lived on when its host was killed.
fn kill_busy_host(start_method: &str) -> Result<Duration> {
    let mut host = Host::start(&["busy", start_method])?;
    let family = watch_descendants(host.0.id());
    ensure!(
        family.len() >= 6,
        "a parent, three workers, a process and a session are busy: {family:?}"
    );
    let watched_host = Watched::open(host.0.id())?;
    kill(host.0.id())?;
    ensure!(
        watched_host.gone_by(Instant::now() + wasmpool_tests::DEADLINE)?,
        "the host survives SIGKILL"
    );
    let dead = Instant::now();
    all_gone_within(&family, wasmpool_tests::DEADLINE)?;
    let took = dead.elapsed();
    host.0.wait()?;
    Ok(took)
}

#[test]
fn leaving_main_with_running_calls_leaves_no_process() -> Result<()> {
    in_time(|| {
        let mut host = Host::start(&["leave"])?;
        // Its processes may be gone already: those that are not must go.
        let family = watch_descendants(host.0.id());
        let status = host.0.wait()?;
        ensure!(status.success(), "{status}");
        let left = Instant::now();
        all_gone_within(&family, wasmpool_tests::DEADLINE)?;
        Ok(left.elapsed())
    })
}

#[test]
fn a_forked_child_of_the_host_can_neither_use_nor_end_the_pool() -> Result<()> {
    let output = Command::new(env!("CARGO_BIN_EXE_pool_host"))
        .arg("fork")
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    ensure!(output.stdout == b"done\n");
    Ok(())
}

/// The helper program, killed and reaped when it is dropped.
struct Host(Child);

impl Host {
    /// Starts it and waits until it says that it is ready.
    fn start(arguments: &[&str]) -> Result<Self> {
        let child = Command::new(env!("CARGO_BIN_EXE_pool_host"))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut host = Self(child);
        let mut line = String::new();
        BufReader::new(host.0.stdout.take().context("piped")?).read_line(&mut line)?;
        ensure!(line == "ready\n", "it says {line:?}");
        Ok(host)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may be dead already: then there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
