//! What bad input gets when a pool is built, a module is loaded, or a task is named: a clear word, and the pool goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use guest_hostile::{Act, answer};
use wasmpool::{BuildError, ByteSize, LoadError, Pool};
use wasmpool_tests::{guests, kinds};

fn pool() -> Result<Pool> {
    Ok(kinds::builder().workers(1).build()?)
}

/// The error and all of its sources in one line, as a program prints it.
fn words<T>(result: Result<T, impl std::error::Error + Send + Sync + 'static>) -> Result<String> {
    match result {
        Ok(_) => bail!("it was accepted"),
        Err(error) => Ok(format!("{:#}", anyhow::Error::new(error))),
    }
}

/// Fails unless the message says all of these, in whatever case.
fn says(message: &str, all: &[&str]) -> Result<()> {
    for word in all {
        ensure!(
            message.to_lowercase().contains(&word.to_lowercase()),
            "{message:?} does not say {word:?}"
        );
    }
    Ok(())
}

/// The pool still does its work.
fn goes_on(pool: &Pool) -> Result<()> {
    let work = guests::work(pool)?;
    ensure!(pool.apply(&work, (1, Act::Behave))? == answer(1));
    Ok(())
}

#[test]
fn a_missing_file_is_named() -> Result<()> {
    let pool = pool()?;
    says(
        &words(pool.load("no/such/guest.wasm"))?,
        &["no/such/guest.wasm", "no such file"],
    )?;
    goes_on(&pool)
}

#[test]
fn what_is_not_wasm_is_refused() -> Result<()> {
    let pool = pool()?;
    for bytes in [
        &b""[..],
        b"\0asm",
        b"\0asm\x01\0\0",
        b"\0asm\x02\0\0\0",
        b"\x7fELF and so on",
        b"\xff\xfe\xfd",
        b"(module (func",
    ] {
        let message = words(pool.load_bytes(bytes)).with_context(|| format!("{bytes:?}"))?;
        ensure!(!message.is_empty());
    }
    goes_on(&pool)
}

#[test]
fn a_module_cut_anywhere_is_refused() -> Result<()> {
    let pool = pool()?;
    let whole = fs::read(guests::tiny())?;
    // Every cut within the header and the first sections, then every thousandth byte.
    for end in (8..200).chain((200..whole.len()).step_by(whole.len() / 40)) {
        // A cut between two sections may leave a valid module with less in it.
        if let Ok(module) = pool.load_bytes(&whole[..end]) {
            ensure!(
                module.task::<u64, u64>("double").is_err(),
                "{end} of {} bytes still have the task",
                whole.len()
            );
        }
    }
    goes_on(&pool)
}

#[test]
fn an_unknown_import_is_named() -> Result<()> {
    let pool = pool()?;
    says(
        &words(pool.load(guests::wat("unknown_import")))?,
        &["open_the_door"],
    )?;
    goes_on(&pool)
}

#[test]
fn a_module_over_the_size_cap_is_refused_with_both_numbers() -> Result<()> {
    let mut limits = wasmpool::Limits::default();
    limits.module_size = ByteSize::kib(1);
    let pool = kinds::builder().workers(1).limits(limits).build()?;
    match pool.load(guests::tiny()) {
        Err(LoadError::TooLarge { size, limit, .. }) => {
            ensure!(
                size.bytes() == fs::metadata(guests::tiny())?.len(),
                "{size}"
            );
            ensure!(limit == ByteSize::kib(1), "{limit}");
            Ok(())
        }
        other => bail!("{other:?}"),
    }
}

#[test]
fn a_wrong_task_name_lists_those_that_exist_nearest_first() -> Result<()> {
    let pool = pool()?;
    let module = pool.load(guests::tiny())?;
    let message = words(module.task::<u64, u64>("duoble"))?;
    says(&message, &["duoble", "double", "divide", "echo"])?;
    let place = |name: &str| {
        message
            .rfind(name)
            .with_context(|| format!("{message:?} has no {name}"))
    };
    ensure!(place("double")? < place("echo")?, "{message}");
    let same_module = module.task::<u64, u64>("double")?;
    ensure!(same_module.call(4)? == 8);
    Ok(())
}

#[test]
fn wrong_types_are_told_from_both_sides_before_any_call() -> Result<()> {
    let pool = pool()?;
    let module = pool.load(guests::tiny())?;
    says(
        &words(module.task::<String, u64>("double"))?,
        &["double", "String", "u64"],
    )?;
    says(&words(module.task::<u64, i8>("double"))?, &["u64", "i8"])?;
    says(&words(module.task::<String, String>("repeat"))?, &["u32"])?;
    says(
        &words(module.task::<(u64, u64), u64>("double"))?,
        &["double"],
    )?;
    Ok(())
}

#[test]
fn what_a_module_offers_is_told() -> Result<()> {
    let pool = pool()?;
    let module = pool.load(guests::tiny())?;
    let signatures: Vec<String> = module.tasks().iter().map(ToString::to_string).collect();
    for wanted in [
        "double(u64) -> u64",
        "repeat(String, u32) -> String",
        "echo(Vec<u8>) -> Vec<u8>",
        "sum(Vec<f64>) -> f64",
    ] {
        ensure!(
            signatures.iter().any(|have| have == wanted),
            "{wanted} is not in {signatures:?}"
        );
    }
    ensure!(module.size().bytes() == fs::metadata(guests::tiny())?.len());
    Ok(())
}

#[test]
fn zero_workers_and_limits_of_zero_are_refused() -> Result<()> {
    ensure!(matches!(
        kinds::builder().workers(0).build(),
        Err(BuildError::NoWorkers)
    ));
    ensure!(matches!(
        kinds::builder().max_tasks_per_worker(0).build(),
        Err(BuildError::NoTasks)
    ));
    let nothing = ByteSize::new(0);
    for (builder, name) in [
        (kinds::builder().timeout(Duration::ZERO), "timeout"),
        (kinds::builder().memory(nothing), "memory"),
        (kinds::builder().max_output(nothing), "output"),
        (kinds::builder().fuel(0), "fuel"),
    ] {
        match builder.build() {
            Err(error @ BuildError::Limit(_)) => says(&error.to_string(), &[name, "zero"])?,
            other => bail!("a {name} of zero: {other:?}"),
        }
    }
    Ok(())
}

#[test]
fn a_worker_program_that_is_none_is_an_error_and_not_a_wait() -> Result<()> {
    for program in ["/no/such/program", "/bin/true", "/dev/null"] {
        let outcome = kinds::builder().workers(1).worker_exe(program).build();
        ensure!(
            !words(outcome)
                .with_context(|| program.to_owned())?
                .is_empty()
        );
    }
    Ok(())
}

/// Loads a module in a pool with this cache; whether it came from there.
fn load_cached(cache: &Path) -> Result<bool> {
    let pool = wasmpool::Pool::builder()
        .workers(1)
        .cache_dir(cache)
        .build()?;
    let module = pool.load(guests::tiny())?;
    ensure!(module.task::<u64, u64>("double")?.call(2)? == 4);
    Ok(module.cached())
}

#[test]
fn the_second_load_comes_from_the_cache() -> Result<()> {
    let cache = tempfile::tempdir()?;
    let load = || load_cached(cache.path());
    ensure!(!load()?, "the first one is compiled");
    ensure!(load()?, "the second one is not");
    Ok(())
}

#[test]
fn a_corrupted_cache_entry_is_compiled_anew_in_silence() -> Result<()> {
    let cache = tempfile::tempdir()?;
    let load = || load_cached(cache.path());
    load()?;
    let entries: Vec<PathBuf> = files(cache.path())?
        .into_iter()
        .filter(|path| fs::metadata(path).is_ok_and(|m| m.len() > 4096))
        .collect();
    ensure!(!entries.is_empty(), "the cache has an entry");
    let damage: [fn(&mut Vec<u8>); 5] = [
        |bytes| bytes[0] ^= 1,
        |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x40;
        },
        |bytes| {
            if let Some(last) = bytes.last_mut() {
                *last ^= 0x80;
            }
        },
        |bytes| bytes.truncate(100),
        Vec::clear,
    ];
    for (which, damage) in damage.into_iter().enumerate() {
        for entry in &entries {
            let mut bytes = fs::read(entry)?;
            damage(&mut bytes);
            // Entries may be read-only files: a damaged one is put in their place.
            fs::remove_file(entry)?;
            fs::write(entry, &bytes)?;
        }
        ensure!(
            !load().with_context(|| format!("damage {which}"))?,
            "damage {which} was not noticed"
        );
        ensure!(load()?, "damage {which} was not repaired");
    }
    Ok(())
}

#[test]
fn a_pool_without_a_cache_compiles_each_time() -> Result<()> {
    for _ in 0..2 {
        let pool = wasmpool::Pool::builder().workers(1).no_cache().build()?;
        ensure!(!pool.load(guests::wat("numbers"))?.cached());
    }
    Ok(())
}

/// A cache on a full disk costs its speed and nothing else.
#[test]
fn a_full_disk_under_the_cache_is_no_error() -> Result<()> {
    let place = tempfile::tempdir()?;
    let disk = match SmallDisk::mount(place.path()) {
        Ok(disk) => disk,
        Err(error) => {
            println!("skipped: a small disk cannot be mounted here ({error:#}); it needs root");
            return Ok(());
        }
    };
    let filler = fs::write(place.path().join("filler"), vec![1; 1 << 20]);
    ensure!(filler.is_err(), "the disk is full");
    let pool = wasmpool::Pool::builder()
        .workers(1)
        .cache_dir(place.path())
        .build()?;
    goes_on(&pool)?;
    drop(pool);
    drop(disk);
    Ok(())
}

/// A tmpfs of a few pages, unmounted when it is dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(place: &'a Path) -> Result<Self> {
        use rustix::mount::{MountFlags, mount};
        mount(
            "wasmpool-test",
            place,
            "tmpfs",
            MountFlags::empty(),
            Some(c"size=64k,mode=0700"),
        )?;
        Ok(Self(place))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        use rustix::mount::{UnmountFlags, unmount};
        if let Err(error) = unmount(self.0, UnmountFlags::DETACH) {
            println!("{} stays mounted: {error}", self.0.display());
        }
    }
}

/// All files below a directory.
fn files(below: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(below)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    Ok(found)
}
