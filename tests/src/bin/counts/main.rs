//! Counts the instructions that a call, a task of a map and its worker take, and holds them against bounds that are checked
//! in: a change that costs something shows on a machine on which no time means anything.
//!
//! `cargo run --release -p wasmpool-tests --bin counts -- [--write] [NAME]...`
//!
//! One process after the other is run instruction by instruction, on one core, while it does its work twice, a few times
//! and more often: what the second takes more is what the work takes. Kernel time, waiting and cache misses are not in it.

mod bounds;
mod paths;
mod steps;

use std::io;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use paths::{PATHS, Path, Side};

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, name] = &arguments[..]
        && word == paths::SUBJECT
    {
        paths::subject(name)?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.iter().any(|it| it == "--help" || it == "-h") {
        let names: Vec<_> = PATHS.iter().map(|path| path.name).collect();
        println!(
            "usage: counts [--write] [NAME]...\n\nwith all or some of: {}",
            names.join(", ")
        );
        return Ok(ExitCode::SUCCESS);
    }
    let write = arguments.first().is_some_and(|it| it == "--write");
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build, and the bounds are for others: use --release");
        ensure!(!write, "its counts are no bounds");
    }
    let names = &arguments[usize::from(write)..];
    let unknown = names
        .iter()
        .find(|name| PATHS.iter().all(|path| path.name != **name));
    if let Some(unknown) = unknown {
        eprintln!("nothing is counted by the name {unknown:?}; --help shows what is");
        return Ok(ExitCode::from(2));
    }
    let wanted = |path: &&Path| names.is_empty() || names.iter().any(|it| it == path.name);
    one_core().context("keeping to one core")?;
    steps::go_first();
    let mut bounds = bounds::Bounds::read()?;
    let mut exceeded = 0;
    for path in PATHS.iter().filter(wanted) {
        for side in [Side::Host, Side::Worker] {
            let name = format!("{}, {}", path.name, side.name());
            match count(path, side) {
                Ok(count) if write => bounds.set(&name, count),
                Ok(count) => exceeded += u32::from(!bounds.holds(&name, count)),
                Err(error) if forbidden(&error) => println!(
                    "skipped: {name}: this user may not look into that process ({error:#})"
                ),
                Err(error) => return Err(error.context(name)),
            }
        }
    }
    if write {
        bounds.write()?;
    }
    if exceeded > 0 {
        eprintln!("{exceeded} counts are above their bounds, or have none");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// The instructions that one task takes on this side.
fn count(path: &Path, side: Side) -> Result<u64> {
    let run = |tasks| {
        let mut subject = paths::Subject::start(path)?;
        let target = match side {
            Side::Host => subject.host(),
            Side::Worker => subject.worker(),
        };
        steps::count(target, || subject.run(tasks))
    };
    let [few, many] = path.tasks;
    let (short, long) = (run(few)?, run(many)?);
    ensure!(
        long > short,
        "{many} tasks took {long} steps and {few} took {short}"
    );
    Ok((long - short) / (many - few))
}

/// With one core nothing runs beside anything else, so that who waits for whom is the same each time.
fn one_core() -> io::Result<()> {
    let allowed = sched_getaffinity(None)?;
    let mut one = CpuSet::new();
    if let Some(core) = (0..CpuSet::MAX_CPU).find(|&core| allowed.is_set(core)) {
        one.set(core);
    }
    Ok(sched_setaffinity(None, &one)?)
}

fn forbidden(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}
