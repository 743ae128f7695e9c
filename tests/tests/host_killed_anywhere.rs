//! The host is killed at every step of its work: nothing of the pool outlives it. Alone in its program: it takes over whatever was
//! left behind below it.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::io::Errno;
use rustix::process::{WaitOptions, getpid, set_child_subreaper};
use wasmpool_tests::processes::{eventually, watch_descendants};
use wasmpool_tests::stress;

fn host(start_method: &str, step: u32) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pool_host"));
    command
        .args(["die", start_method, &step.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

/// Waits until there is nobody below this process: those whose parents have died are its own.
fn nobody_left() {
    eventually(
        "whatever the host left behind ends",
        || match rustix::process::wait(WaitOptions::NOHANG) {
            Err(Errno::CHILD) => Some(()),
            _ => None,
        },
    );
}

#[test]
fn nothing_outlives_a_host_that_is_killed_at_any_step() -> Result<()> {
    set_child_subreaper(Some(getpid()))?;
    for start_method in ["forkserver", "spawn"] {
        let begun = Instant::now();
        let unharmed = host(start_method, 0).output()?;
        let whole = begun.elapsed();
        ensure!(unharmed.status.success(), "{unharmed:?}");
        let steps: u32 = String::from_utf8(unharmed.stdout)?.trim().parse()?;
        ensure!(steps > 20, "{steps} steps");
        nobody_left();
        let stride = if stress::asked().is_some() { 1 } else { 3 };
        for step in (1..=steps).step_by(stride) {
            let output = host(start_method, step).output()?;
            let killed = output.status.code().is_none() || !output.stdout.is_empty();
            // The last steps are not always as many: an event comes earlier or later.
            ensure!(killed, "step {step}: {output:?}");
            nobody_left();
        }
        // And in between, at any instant: any will do.
        for part in 0..20 {
            let mut child = host(start_method, 0).spawn()?;
            thread::sleep(
                whole
                    .mul_f64(f64::from(part) / 20.0)
                    .min(Duration::from_secs(5)),
            );
            let family = watch_descendants(child.id());
            child.kill()?;
            child.wait().context("the host")?;
            nobody_left();
            for process in family {
                ensure!(process.gone_by(Instant::now())?, "{process:?}");
            }
        }
    }
    Ok(())
}
