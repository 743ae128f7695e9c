//! What a worker can reach while it runs a guest, read from outside, where the kernel says it. One test at a time: they look at the
//! processes below this one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context, Result, ensure};
use guest_hostile::Act;
use wasmpool_tests::kinds::{self, START_METHODS};
use wasmpool_tests::processes::{descendants, only_busy};
use wasmpool_tests::witness::Witness;
use wasmpool_tests::{guests, turn};

/// What a descriptor of a worker may be: nothing at all, its socket, its arena, its module, its own page map.
const DESCRIPTORS: [&str; 7] = [
    "/dev/null",
    "socket:",
    "/memfd:wasmpool-arena",
    "/memfd:wasmpool-code",
    "/memfd:wasm-memory-image",
    "anon_inode:[pidfd]",
    "/pagemap",
];

#[test]
fn memory_pressure_takes_every_process_of_the_pool_before_the_host() -> Result<()> {
    let _turn = turn();
    let score = |process: u32| -> Result<i32> {
        let score = fs::read_to_string(format!("/proc/{process}/oom_score_adj"))?;
        Ok(score.trim().parse()?)
    };
    let own = score(process::id())?;
    for start_method in START_METHODS {
        let pool = kinds::builder()
            .workers(2)
            .start_method(start_method)
            .build()?;
        let module = pool.load(guests::hostile())?;
        ensure!(
            module
                .task::<(u64, Act), u64>("work")?
                .call((7, Act::Behave))
                .is_ok()
        );
        let below = descendants(process::id());
        ensure!(below.len() >= 3, "launcher, zygote, worker: {below:?}");
        for process in below {
            ensure!(score(process)? == 1000, "process {process}");
        }
    }
    ensure!(score(process::id())? == own);
    Ok(())
}

#[test]
fn a_busy_worker_has_nothing_but_what_it_serves() -> Result<()> {
    let _turn = turn();
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root may look into processes that hide themselves");
        return Ok(());
    }
    for start_method in START_METHODS {
        let witness = Witness::default();
        let builder = kinds::builder().workers(1).start_method(start_method);
        let pool = witness.watch(builder).build()?;
        let work = guests::work(&pool)?;
        let call = work.start((1, Act::WaitToBeKilled));
        witness.wait_for_logs("kill me", 1);
        let worker = only_busy(process::id());
        let walls: Vec<(String, bool)> = pool
            .walls()
            .map(|(wall, stands)| (wall.to_owned(), stands))
            .collect();
        look(worker, &walls)
            .with_context(|| format!("process {worker}, {start_method:?}, {walls:?}"))?;
        drop(call);
    }
    Ok(())
}

/// KiB of a process that lie in large pages.
fn large_pages(process: u32) -> Result<u64> {
    let memory = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let large = memory
        .lines()
        .find_map(|line| line.strip_prefix("AnonHugePages:"))
        .context("no AnonHugePages")?;
    Ok(large.trim().trim_end_matches(" kB").parse()?)
}

/// A guest that uses much memory has it in large pages, which cost a fraction of the faults; the first of it is in small ones.
#[test]
fn a_large_guest_has_large_pages() -> Result<()> {
    let _turn = turn();
    /// Fills so many pages of WebAssembly, which it grows by first.
    const FILL: &str = r#"(module (memory (export "memory") 1)
        (func (export "fill") (param i32) (result i32)
            (drop (memory.grow (local.get 0)))
            (memory.fill (i32.const 0) (i32.const 7) (i32.mul (local.get 0) (i32.const 65536)))
            (memory.size)))"#;
    const MIB: i32 = 16;
    let modes = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    if !rustix::process::geteuid().is_root()
        || !modes.is_ok_and(|modes| modes.contains("[madvise]"))
    {
        println!(
            "skipped: it takes root to look, and a system that gives large pages to who asks and to nobody else"
        );
        return Ok(());
    }
    let pool = kinds::builder().workers(1).build()?;
    let session = pool.load_bytes(FILL)?.session()?;
    let fill = session.task::<i32, i32>("fill")?;
    let worker = u32::try_from(session.pid())?;
    ensure!(fill.call(2 * MIB)? == 2 * MIB + 1);
    ensure!(large_pages(worker)? == 0, "2 MiB are in large pages");
    ensure!(fill.call(64 * MIB)? == 66 * MIB + 1);
    let large = large_pages(worker)?;
    ensure!(large >= 32 << 10, "{large} KiB are in large pages");
    Ok(())
}

fn look(worker: u32, walls: &[(String, bool)]) -> Result<()> {
    let proc = PathBuf::from(format!("/proc/{worker}"));
    let environ = fs::read(proc.join("environ"))?;
    ensure!(
        environ.is_empty(),
        "environ: {:?}",
        String::from_utf8_lossy(&environ)
    );

    let status = fs::read_to_string(proc.join("status"))?;
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
            .with_context(|| format!("no {name}"))
    };
    ensure!(field("NoNewPrivs")? == "1", "no_new_privs is not set");
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        let left = u64::from_str_radix(field(set)?, 16)?;
        ensure!(left == 0, "{set} is {left:x}");
    }
    // None that nobody has asked for. Where the system gives none unasked this shows nothing.
    let large = large_pages(worker)?;
    ensure!(large == 0, "large pages: {large} KiB");
    let first_to_go = fs::read_to_string(proc.join("oom_score_adj"))?;
    ensure!(first_to_go.trim() == "1000", "oom_score_adj: {first_to_go}");

    for entry in fs::read_dir(proc.join("fd"))? {
        let path = entry?.path();
        let what = fs::read_link(&path)?;
        let what = what.to_string_lossy();
        ensure!(
            DESCRIPTORS
                .iter()
                .any(|kind| what.starts_with(kind) || what.ends_with(kind)),
            "{} is {what}",
            path.display()
        );
    }

    let stands = |wall: &str| walls.iter().any(|(name, stands)| *stands && name == wall);
    if stands("not_root") {
        // As the host sees them, not as they are called inside.
        for ids in ["Uid", "Gid"] {
            let mut ids = field(ids)?.split_ascii_whitespace();
            ensure!(ids.all(|id| id == "65534"), "it belongs to somebody");
        }
        ensure!(field("Groups")?.is_empty(), "it is in groups");
    }
    if stands("namespaces") {
        let of = |process: &Path| fs::read_link(process.join("ns/pid"));
        ensure!(
            of(&proc)? != of(Path::new("/proc/self"))?,
            "it is in the host's pid namespace"
        );
    }
    if stands("empty_root") {
        // Where each worker has its own, this is the worker's; where they share one, the zygote's.
        let names = fs::read_dir(proc.join("root"))?.map(|entry| Ok(entry?.file_name()));
        let mut names: Vec<_> = names.collect::<Result<_>>()?;
        names.retain(|name| name != "dev");
        ensure!(names.is_empty(), "files: {names:?}");
    }
    Ok(())
}
