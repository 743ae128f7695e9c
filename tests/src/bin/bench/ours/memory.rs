//! What processes take of memory.

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wasmpool::{Barrier, Pool, Task};
use wasmpool_tests::processes::{Held, children, descendants};
use wasmpool_tests::{guests, kinds};

use super::ends::below;

/// The bytes that an idle worker takes for itself, what it shares divided among those who share it: the mean of so many. Each
/// has run a task, which has written to so many MiB, and one that has written to none. `None` when the kernel hides it from this user.
///
/// # Errors
/// When there is no pool, or not so many workers.
pub(crate) fn idle(workers: usize, mebibytes: u32) -> Result<Option<f64>> {
    let pool = kinds::builder().workers(workers).build()?;
    let task: Task<(Barrier, u32), u32> = pool.load(guests::locks())?.task("fill_together")?;
    // They wait for each other, so that each is in a worker of its own.
    let all = Barrier::new(u32::try_from(workers)?)?;
    // An instance is taken apart after its task's result is told, and before the next task begins: so each runs one more.
    for mebibytes in [mebibytes, 0] {
        let calls: Vec<_> = (0..workers)
            .map(|_| task.start((&all, mebibytes)))
            .collect();
        for call in calls {
            let filled = call.get()?;
            ensure!(filled == mebibytes, "{filled} MiB were filled");
        }
    }
    let zygote = below(below(std::process::id())?)?;
    let idle = children(zygote);
    ensure!(idle.len() == workers, "{} workers", idle.len());
    Ok(Held::by(&idle)?.map(|held| bytes(&held) / workers as f64))
}

/// What one of many parked tenants takes, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parked {
    /// Host, launcher, zygote and workers, over the number of tenants.
    pub(crate) all: f64,
    /// The host's part.
    pub(crate) host: f64,
}

/// So many tenants that have called once, all of whose workers are parked.
///
/// # Errors
/// When there is no pool, or a tenant's worker is not there.
pub(crate) fn parked(tenants: u64) -> Result<Parked> {
    // A loaded module and a parked worker are some descriptors each.
    let limit = getrlimit(Resource::Nofile);
    let current = limit.maximum;
    setrlimit(Resource::Nofile, Rlimit { current, ..limit })?;
    let host = || -> Result<f64> {
        let held = Held::by(&[std::process::id()])?;
        Ok(bytes(&held.context("this process hides itself")?))
    };
    let before = host()?;
    let pool: Pool = kinds::builder()
        .max_idle_workers(tenants.try_into()?)
        .build()?;
    // They stay loaded, as with a host whose tenants come back.
    let tasks = (0..tenants)
        .map(|n| {
            let task: Task<u64, u64> = pool
                .load_for(&n.to_string(), guests::tiny())?
                .task("double")?;
            ensure!(task.call(n)? == n * 2);
            Ok(task)
        })
        .collect::<Result<Vec<_>>>()?;
    let workers = children(below(below(std::process::id())?)?);
    ensure!(
        workers.len() as u64 == tenants,
        "{} workers are parked",
        workers.len()
    );
    let below_host = Held::by(&descendants(std::process::id()))?.context("a process hides")?;
    let host = host()? - before;
    drop(tasks);
    let each = tenants as f64;
    Ok(Parked {
        all: (host + bytes(&below_host)) / each,
        host: host / each,
    })
}

fn bytes(held: &Held) -> f64 {
    held.memory as f64 * 1024.0
}
