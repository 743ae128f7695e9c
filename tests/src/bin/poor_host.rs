//! A program that has a pool and not enough of something else: what it comes to is checked here, and told by the exit code.
//!
//! `poor_host disk` makes disks of its own, full ones and read-only ones, and keeps compiled modules there; `poor_host processes`
//! may have few processes, `poor_host descriptors` few descriptors, and the compilers of `poor_host files` may write no file of any
//! length. One that cannot make itself so poor says `skipped` and why.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use guest_hostile::{Act, answer};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change, mount_remount};
use rustix::process::{Pid, Resource, Rlimit, getegid, geteuid, getrlimit, prlimit, setrlimit};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use wasmpool::{BuildError, LoadError, Outcome, Pool, PoolEvent, StartError, TaskError};
use wasmpool_tests::processes::{self, descendants};
use wasmpool_tests::{DEADLINE, guests, kinds};

/// How long a pool is left without what it needs when it cannot end its work.
const A_WHILE: Duration = Duration::from_millis(150);
/// How long a pool has patience when it has nothing and is given nothing.
const PATIENCE: Duration = Duration::from_secs(10);
/// More processes than a pool of two needs; even, so that nothing is taken from that one.
const ENOUGH: u64 = 14;

fn main() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("disk") => disk(),
        Some("processes") => processes(),
        Some("descriptors") => descriptors(),
        Some("files") => files(),
        what => bail!("what to be short of was not said, or not understood: {what:?}"),
    }
}

/// Mounts that nobody else sees.
fn own_mounts() -> Result<()> {
    let (user, group) = (geteuid(), getegid());
    let mut flags = UnshareFlags::NEWNS;
    if !user.is_root() {
        flags |= UnshareFlags::NEWUSER;
    }
    // SAFETY: this program has one thread so far, and no descriptors that others share.
    unsafe { unshare_unsafe(flags) }.context("namespaces")?;
    if !user.is_root() {
        let (user, group) = (user.as_raw(), group.as_raw());
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
        fs::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
    }
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).context("own mounts")
}

/// A disk that is made so, and where it is.
fn new_disk(base: &Path, name: &str, options: &str) -> Result<PathBuf> {
    let place = base.join(name);
    fs::create_dir(&place)?;
    let options = std::ffi::CString::new(format!("mode=700,{options}"))?;
    mount(
        "none",
        &place,
        "tmpfs",
        MountFlags::empty(),
        options.as_c_str(),
    )
    .context("a disk of its own")?;
    Ok(place)
}

fn disk() -> Result<()> {
    let base = tempfile::tempdir()?;
    let made = own_mounts().and_then(|()| new_disk(base.path(), "any", "size=16m"));
    let any = match made {
        Ok(any) => any,
        Err(error) => {
            println!("skipped: {error:#}");
            return Ok(());
        }
    };
    for (name, options, kept) in [
        // Room for the secret and for no module.
        ("small", "size=32k", Some(0)),
        // Not even for the secret.
        ("smaller", "size=4k,nr_inodes=2", None),
        // For the secret's name and not for its bytes.
        ("full", "size=4k,nr_inodes=10", Some(0)),
    ] {
        let place = new_disk(base.path(), name, options)?;
        if name == "full" {
            fs::write(place.join("somebody's"), [1; 4096])?;
        }
        // What one pool has it does not compile again.
        let pool = || kinds::builder().cache_dir(place.join("cache")).build();
        use_it(&pool()?, false).context(name)?;
        let pool = pool()?;
        use_it(&pool, false).context(name)?;
        let usage = pool.cache_usage().map(|(_, entries, _)| entries);
        ensure!(
            usage == kept || (name == "full" && usage.is_none()),
            "{name}: {usage:?}"
        );
        let unfinished = fs::read_dir(place.join("cache")).into_iter().flatten();
        let unfinished: Vec<_> = unfinished
            .filter_map(|file| Some(file.ok()?.file_name()))
            .filter(|name| name.to_string_lossy().starts_with('.'))
            .collect();
        ensure!(unfinished.is_empty(), "{name}: {unfinished:?} is left");
    }
    // What is kept is found when nothing more can be; what is not is compiled.
    let cache = any.join("cache");
    use_it(&kinds::builder().cache_dir(&cache).build()?, false)?;
    mount_remount(&any, MountFlags::RDONLY, "").context("read-only")?;
    let pool = kinds::builder().cache_dir(&cache).build()?;
    use_it(&pool, true).context("read-only")?;
    let other = pool.load(guests::wat("numbers"))?;
    ensure!(!other.cached() && other.task::<(i32, i32), i32>("add")?.call((1, 2))? == 3);
    // And one where nothing was ever kept.
    let empty = new_disk(base.path(), "empty", "size=16m")?;
    mount_remount(&empty, MountFlags::RDONLY, "").context("read-only")?;
    let pool = kinds::builder().cache_dir(empty.join("cache")).build()?;
    use_it(&pool, false).context("read-only and empty")?;
    ensure!(
        pool.cache_usage().is_none(),
        "a cache on an empty read-only disk"
    );
    println!("done");
    Ok(())
}

/// Loads a module and has a task run.
fn use_it(pool: &Pool, cached: bool) -> Result<()> {
    let module = pool.load(guests::hostile())?;
    ensure!(module.cached() == cached, "cached: {}", module.cached());
    let work = module.task::<(u64, Act), u64>("work")?;
    ensure!(pool.apply(&work, (1, Act::Behave))? == answer(1));
    Ok(())
}

/// Tasks of the kernel that belong to this user.
fn own_tasks() -> u64 {
    let own = geteuid().as_raw().to_string();
    let of = |pid: &Path| -> Option<u64> {
        let status = fs::read_to_string(pid.join("status")).ok()?;
        let field = |name| status.lines().find_map(|line| line.strip_prefix(name));
        let mine = field("Uid:")?.split_whitespace().nth(1) == Some(&own);
        mine.then(|| field("Threads:")?.trim().parse().ok())?
    };
    let all = fs::read_dir("/proc").into_iter().flatten();
    all.filter_map(|entry| of(&entry.ok()?.path())).sum()
}

fn allow(tasks: u64) -> Result<()> {
    let maximum = getrlimit(Resource::Nproc).maximum;
    let current = Some(tasks);
    Ok(setrlimit(Resource::Nproc, Rlimit { current, maximum })?)
}

/// The same for the processes below this one, of which each has a limit of its own.
fn allow_below(tasks: u64) -> Result<()> {
    let maximum = getrlimit(Resource::Nproc).maximum;
    let current = Some(tasks);
    for pid in descendants(std::process::id()) {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        match prlimit(pid, Resource::Nproc, Rlimit { current, maximum }) {
            // It has ended.
            Err(Errno::SRCH) => {}
            other => drop(other?),
        }
    }
    Ok(())
}

fn processes() -> Result<()> {
    if geteuid().is_root() {
        println!("skipped: the number of root's processes is not limited");
        return Ok(());
    }
    let most = getrlimit(Resource::Nproc).maximum.unwrap_or(u64::MAX);
    let directory = tempfile::tempdir()?;
    let cache = directory.path().join("cache");
    // Compiled once: this is about processes.
    use_it(&kinds::builder().cache_dir(&cache).build()?, false)?;
    let (mut refused, mut delayed, mut served) = (0, 0, 0);
    for more in 0..=ENOUGH {
        allow(own_tasks() + more)?;
        let built = kinds::builder().workers(2).cache_dir(&cache).build();
        let pool = match built {
            Ok(pool) => pool,
            // Each of these says what failed.
            Err(
                BuildError::Io(_)
                | BuildError::Start(
                    StartError::Exec { .. } | StartError::Failed(_) | StartError::Silent { .. },
                ),
            ) => {
                allow(most)?;
                refused += 1;
                continue;
            }
            Err(error) => return Err(error).context(format!("{more} more")),
        };
        let work = guests::work(&pool)?;
        if more % 2 == 1 {
            // The pool stands, and its first worker does not come.
            allow_below(1)?;
        }
        let calls: Vec<_> = (0..20).map(|n| work.start((n, Act::Behave))).collect();
        // A busy machine may not have served in that time who has all that it takes.
        let patience = if more == ENOUGH { DEADLINE } else { A_WHILE };
        let begun = Instant::now();
        while begun.elapsed() < patience && !calls.iter().all(wasmpool::Call::ready) {
            thread::yield_now();
        }
        if calls.iter().all(wasmpool::Call::ready) {
            served += 1;
        } else {
            delayed += 1;
        }
        // Others have given some back: whatever waited is done.
        allow(most)?;
        allow_below(most)?;
        for (n, call) in (0..).zip(calls) {
            let outcome = call.get();
            ensure!(
                outcome.as_ref().ok() == Some(&answer(n)),
                "task {n} with {more} more: {outcome:?}"
            );
        }
    }
    println!("done: {refused} pools refused, {delayed} delayed, {served} served at once");
    ensure!(refused > 0 && delayed > 0 && served > 0);
    no_process_for_long(&cache)
}

/// None is given for so long that what waits fails: with the kernel's word, and as no loss of a worker.
fn no_process_for_long(cache: &Path) -> Result<()> {
    let most = getrlimit(Resource::Nproc).maximum.unwrap_or(u64::MAX);
    let pool = kinds::builder().workers(2).cache_dir(cache).build()?;
    let module = pool.load(guests::hostile())?;
    let work = module.task::<(u64, Act), u64>("work")?;
    allow_below(1)?;
    let why = Errno::AGAIN.to_string();
    let refused = |error: &dyn std::fmt::Display| {
        let said = error.to_string();
        ensure!(said.contains(&why), "{said}");
        Ok(())
    };
    // Those who wait for their process themselves are told at once.
    refused(&module.session().err().context("a session")?)?;
    refused(
        &pool
            .load(guests::wat("numbers"))
            .err()
            .context("compiled")?,
    )?;
    in_vain(&pool.map(&work, (0..20).map(|n| (n, Act::Behave))), &why)?;
    allow_below(most)?;
    ensure!(work.call((1, Act::Behave))? == answer(1), "it goes on");
    Ok(())
}

/// All of these failed for want of a worker.
fn in_vain(outcomes: &[Outcome<u64>], why: &str) -> Result<()> {
    for outcome in outcomes {
        let Err(TaskError::Host(error)) = outcome else {
            bail!("{outcome:?}");
        };
        let said = error.to_string();
        ensure!(
            said.contains("no worker could be started") && said.contains(why),
            "{said}"
        );
    }
    Ok(())
}

/// All descriptors that there are but some.
fn all_descriptors_but(free: usize) -> Vec<File> {
    let mut taken: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    taken.truncate(taken.len().saturating_sub(free));
    taken
}

fn descriptors() -> Result<()> {
    let before = getrlimit(Resource::Nofile);
    let current = Some(processes::descriptors(std::process::id())? as u64 + 80);
    setrlimit(Resource::Nofile, Rlimit { current, ..before })?;
    let pauses = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&pauses);
    let pool = kinds::builder().workers(2).on_event(move |event| {
        if matches!(event, PoolEvent::StartsPaused { .. }) {
            seen.fetch_add(1, SeqCst);
        }
    });
    let pool = pool.build()?;
    let work = guests::work(&pool)?;
    let add = pool.load(guests::wat("numbers"))?;
    let add = add.task::<(i32, i32), i32>("add")?;
    // Nothing of the pool is alive that could give anything back: whoever waits is told in the end, and who comes later too.
    let taken = all_descriptors_but(0);
    let begun = Instant::now();
    let why = Errno::MFILE.to_string();
    in_vain(&pool.map(&work, (0..1000).map(|n| (n, Act::Behave))), &why)?;
    ensure!(begun.elapsed() >= PATIENCE, "{:?}", begun.elapsed());
    in_vain(&[work.call((1, Act::Behave))], &why)?;
    drop(taken);
    ensure!(work.call((1, Act::Behave))? == answer(1), "it goes on");
    // A worker that rests is alive: it makes room for one of another module, with what was too little for that.
    let taken = all_descriptors_but(2);
    let before = pauses.load(SeqCst);
    ensure!(add.call((2, 3))? == 5);
    ensure!(pauses.load(SeqCst) > before, "there were enough");
    drop(taken);
    println!("done");
    Ok(())
}

fn files() -> Result<()> {
    let cache = tempfile::tempdir()?;
    let pool = kinds::builder().cache_dir(cache.path()).build()?;
    for pid in descendants(std::process::id()) {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let before = prlimit(
            pid,
            Resource::Fsize,
            Rlimit {
                current: Some(0),
                maximum: None,
            },
        )?;
        ensure!(before.maximum.is_none(), "it may be raised again");
    }
    match pool.load(guests::wat("numbers")) {
        Err(LoadError::CompilerLost { reason }) => ensure!(
            reason.contains("it gave up") && reason.contains("limit of file sizes"),
            "{reason}"
        ),
        other => bail!("{other:?}"),
    }
    println!("done");
    Ok(())
}
