//! Pools of hosts that have not enough: of processes, of disk. Each is a program of its own, since all of it is short. One test at a
//! time: one of them looks for the process below this one.

use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use guest_hostile::{Act, answer};
use wasmpool::{BuildError, StartError, TaskError};
use wasmpool_tests::kinds::{self, START_METHODS};
use wasmpool_tests::processes::{Watched, children, kill};
use wasmpool_tests::{DEADLINE, guests, turn};

const POOR_HOST: &str = env!("CARGO_BIN_EXE_poor_host");
/// A user of whom nothing else is known to run, and who is another one in each run.
fn somebody() -> u32 {
    20_000 + std::process::id() % 40_000
}

fn done(output: &Output) -> Result<()> {
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    ensure!(
        output.status.success() && (said.contains("done") || said.contains("skipped")),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

#[test]
fn full_and_read_only_disks_cost_the_cache_and_nothing_else() -> Result<()> {
    let _turn = turn();
    done(&Command::new(POOR_HOST).arg("disk").output()?)
}

#[test]
fn running_out_of_processes_delays_tasks_and_costs_none() -> Result<()> {
    let _turn = turn();
    let mut command = Command::new(POOR_HOST);
    command.arg("processes").env_remove("HOME");
    if rustix::process::geteuid().is_root() {
        command.uid(somebody()).gid(somebody());
    }
    match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            println!("skipped: {POOR_HOST} is not for others");
            Ok(())
        }
        output => done(&output?),
    }
}

#[test]
fn without_descriptors_for_long_calls_fail_and_the_pool_goes_on() -> Result<()> {
    let _turn = turn();
    done(&Command::new(POOR_HOST).arg("descriptors").output()?)
}

#[test]
fn a_compiler_that_gives_up_says_why() -> Result<()> {
    let _turn = turn();
    done(&Command::new(POOR_HOST).arg("files").output()?)
}

#[test]
fn a_worker_program_that_is_missing_is_told_by_name() -> Result<()> {
    let _turn = turn();
    for start_method in START_METHODS {
        let built = kinds::builder()
            .start_method(start_method)
            .worker_exe("/nowhere/worker")
            .build();
        let error = built.err().context("a pool without a program")?;
        ensure!(
            matches!(&error, BuildError::Start(StartError::Exec { program, .. }) if program.ends_with("worker")),
            "{error:?}"
        );
    }
    Ok(())
}

/// It was there, and is gone when another zygote is needed: every call ends, and says why.
#[test]
fn a_worker_program_that_vanishes_ends_the_pool_with_the_reason() -> Result<()> {
    let _turn = turn();
    let directory = tempfile::tempdir()?;
    let program = directory.path().join("worker");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_hijacked"), &program)?;
    let pool = kinds::builder().workers(1).worker_exe(&program).build()?;
    let work = guests::work(&pool)?;
    ensure!(work.call((1, Act::Behave))? == answer(1));
    std::fs::remove_file(&program)?;
    let calls: Vec<_> = (0..3).map(|n| work.start((n, Act::Spin))).collect();
    let launcher = *children(std::process::id()).first().context("a launcher")?;
    let launcher = Watched::open(launcher)?;
    kill(launcher.pid)?;
    ensure!(launcher.gone_by(std::time::Instant::now() + DEADLINE)?);
    let mut told = false;
    for call in calls {
        match call.get() {
            Err(TaskError::Host(error)) => told |= error.to_string().contains("worker"),
            Err(TaskError::Closed | TaskError::WorkerLost { .. }) => {}
            other => anyhow::bail!("{other:?}"),
        }
    }
    ensure!(told, "nobody was told what is missing");
    let later = work.call((1, Act::Behave));
    ensure!(matches!(later, Err(TaskError::Closed)), "{later:?}");
    Ok(())
}
