//! What a worker can do that has been taken over: nothing. Each attack is made natively, by a program whose workers are
//! hijacked (`src/bin/hijacked.rs`), inside the finished jail; and each gets through when the walls against it are lifted.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use guest_files::Act;
use wasmpool::doctor::system_calls;
use wasmpool::{
    BuildError, Builder, ByteSize, Exit, Grants, Jail, Limits, LoadError, Need, Pool, PoolEvent,
    Standing, StartError, StartMethod, Task, TaskError, Wall,
};
use wasmpool_tests::attack::{ATTACKER, ATTACKS, len_of, plain_calls};
use wasmpool_tests::guests;
use wasmpool_tests::kinds::{self, START_METHODS};

const HIJACKED: &str = env!("CARGO_BIN_EXE_hijacked");

/// What comes of an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    /// The worker died of this signal.
    Died(i32),
    /// The kernel answered with this error.
    Error(i32),
    /// It got through.
    Through,
}

const KILLED: Came = Came::Died(libc::SIGSYS);

/// Each attack with a module of its own: who loses many workers in a row is made to wait.
fn attack(pool: &Pool, name: &str, argument: i64) -> Result<Came> {
    order(&pool.load_bytes(ATTACKER)?.task("attack")?, name, argument)
}

fn order(task: &Attacker, name: &str, argument: i64) -> Result<Came> {
    match task.call((len_of(name), argument)) {
        Ok(answer) if answer < 0 => Ok(Came::Error(i32::try_from(-answer)?)),
        Ok(_) => Ok(Came::Through),
        Err(TaskError::WorkerLost {
            exit: Some(Exit::Signal(signal)),
            reason,
            ..
        }) => {
            let named = reason.is_some_and(|reason| reason.contains("system call"));
            ensure!(
                named == (signal == libc::SIGSYS),
                "{name}: signal {signal}, and the reason says otherwise"
            );
            Ok(Came::Died(signal))
        }
        Err(other) => bail!("{name}: {other}"),
    }
}

/// A task that attacks.
type Attacker = Task<(i32, i64), i64>;

fn hijacked(builder: Builder) -> Result<Pool> {
    Ok(builder.worker_exe(HIJACKED).workers(1).build()?)
}

/// Attacks of which the worker does not die, and what their answer is.
const ANSWERED: [(&str, Came); 4] = [
    ("nothing", Came::Through),
    ("private_memory", Came::Error(libc::ENOMEM)),
    ("undo_dumpable", Came::Error(libc::EPERM)),
    ("undo_death_signal", Came::Error(libc::EPERM)),
];
/// Those that are none: the worker dies of what it does.
const SUICIDES: [(&str, Came); 3] = [
    ("abort", Came::Died(libc::SIGABRT)),
    ("exhaust_memory", Came::Died(libc::SIGABRT)),
    ("crash", Came::Died(libc::SIGSEGV)),
];
/// More than any task of these tests may use.
const TOO_MUCH: i64 = 1 << 40;

fn wanted(name: &str) -> Came {
    let known = ANSWERED.iter().chain(&SUICIDES).find(|(it, _)| *it == name);
    known.map_or(KILLED, |(_, came)| *came)
}

#[test]
fn every_attack_is_refused() -> Result<()> {
    for start_method in START_METHODS {
        let pool = hijacked(kinds::builder().start_method(start_method))?;
        for (name, _) in ATTACKS.iter() {
            let argument = match *name {
                "kill_host" | "signal_process" => std::process::id().into(),
                "private_memory" => TOO_MUCH,
                _ => 0,
            };
            let came = attack(&pool, name, argument)?;
            ensure!(
                came == wanted(name),
                "{start_method:?}: {name} came to {came:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn no_family_of_sockets_is_left_out() -> Result<()> {
    let pool = hijacked(kinds::builder())?;
    for family in 0..48 {
        for kind in ["socket", "stream_socket"] {
            let came = attack(&pool, kind, family)?;
            ensure!(came == KILLED, "{kind} of family {family} came to {came:?}");
        }
    }
    Ok(())
}

#[test]
fn no_limit_can_be_raised() -> Result<()> {
    let pool = hijacked(kinds::builder())?;
    for resource in 0..16 {
        let came = attack(&pool, "raise_limit", resource)?;
        ensure!(came == KILLED, "limit {resource} came to {came:?}");
    }
    Ok(())
}

#[test]
fn the_same_walls_stand_for_a_user_without_rights() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: the other tests have shown it already");
        return Ok(());
    }
    // Where the programs of these tests cannot be reached by others there is nothing to be shown.
    let own = std::env::current_exe()?;
    let nobody = |program: &Path| {
        let mut command = Command::new(program);
        command.uid(65534).gid(65534).env_remove("HOME");
        command
    };
    let output = match nobody(&own)
        .args([
            "--exact",
            "every_attack_is_refused",
            "what_a_wall_refuses_gets_through_when_it_is_lifted",
        ])
        .output()
    {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            println!("skipped: {} is not for others", own.display());
            return Ok(());
        }
        output => output?,
    };
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success() && said.contains("2 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Which walls a row of the table builds; all others are lifted.
type Walls = &'static [Wall];

const NONE: Walls = &[];
const LANDLOCK: Walls = &[Wall::Landlock];
const SPACES: Walls = &[Wall::Namespaces];
const ROOT: Walls = &[Wall::Namespaces, Wall::EmptyRoot];
const CODE: Walls = &[Wall::NoNewCode];
const MEMORY: Walls = &[Wall::PrivateMemory];
const LARGE: Walls = &[Wall::SystemCalls];
const LAST: Walls = &[Wall::LastFilter];

#[test]
fn what_a_wall_refuses_gets_through_when_it_is_lifted() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port().into();
    let host = i64::from(std::process::id());
    let (error, through) = (Came::Error, Came::Through);
    let table: &[(&str, i64, Walls, Came)] = &[
        ("open_passwd", 0, NONE, through),
        ("open_passwd", 0, LANDLOCK, error(libc::EACCES)),
        ("open_passwd", 0, ROOT, error(libc::ENOENT)),
        // A worker opens some on its way to its last filter.
        ("open_passwd", 0, LARGE, through),
        ("open_to_write", 0, LARGE, KILLED),
        ("open_passwd", 0, LAST, KILLED),
        ("connect_tcp", port, NONE, through),
        ("connect_tcp", port, LANDLOCK, error(libc::EACCES)),
        ("connect_tcp", port, LARGE, KILLED),
        ("socket", 2, NONE, through),
        ("socket", 2, LANDLOCK, through),
        ("socket", 2, LAST, through),
        ("socket", 2, LARGE, KILLED),
        ("signal_process", host, NONE, through),
        ("signal_process", host, LANDLOCK, error(libc::EPERM)),
        ("signal_process", host, SPACES, error(libc::ESRCH)),
        ("signal_process", host, LARGE, KILLED),
        ("fork", 0, NONE, through),
        ("fork", 0, LARGE, through),
        ("fork", 0, LAST, KILLED),
        ("write_and_execute", 0, NONE, through),
        ("write_and_execute", 0, CODE, error(libc::EACCES)),
        ("write_and_execute", 0, LARGE, KILLED),
        ("write_and_execute", 0, LAST, KILLED),
        ("write_then_execute", 0, NONE, through),
        ("write_then_execute", 0, CODE, error(libc::EACCES)),
        ("write_then_execute", 0, LARGE, KILLED),
        ("execute_own_memfd", 0, NONE, through),
        // What makes the last filter necessary: the kernel's own rule looks at one mapping at a time.
        ("execute_own_memfd", 0, CODE, through),
        ("execute_own_memfd", 0, LAST, KILLED),
        ("execute_private_file", 0, LARGE, through),
        ("execute_private_file", 0, LAST, KILLED),
        ("private_memory", TOO_MUCH, NONE, through),
        ("private_memory", TOO_MUCH, MEMORY, error(libc::ENOMEM)),
        ("undo_dumpable", 0, NONE, through),
        ("undo_dumpable", 0, LARGE, through),
        ("undo_dumpable", 0, LAST, error(libc::EPERM)),
        // Some workers may change the size of files; what is shared is sealed against it.
        ("truncate_shared", 0, LARGE, error(libc::EBADF)),
        ("truncate_shared", 0, LAST, KILLED),
    ];
    let builder = || kinds::builder().jail(Jail::Off);
    let able = |walls: Walls| {
        let wall = |builder: Builder, wall: &Wall| builder.wall(*wall, Need::Required);
        walls.iter().fold(builder(), wall)
    };
    let mut pools = BTreeMap::new();
    for &(name, argument, walls, wanted) in table {
        let place = match pools.entry(walls) {
            std::collections::btree_map::Entry::Occupied(place) => place.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(hijacked(able(walls)))
            }
        };
        match place {
            Ok(pool) => {
                let came = attack(pool, name, argument).with_context(|| format!("{walls:?}"))?;
                ensure!(
                    came == wanted,
                    "{name} with {walls:?} came to {came:?}, not {wanted:?}"
                );
            }
            Err(error) => match error.downcast_ref::<BuildError>() {
                Some(BuildError::Start(StartError::Wall(missing))) => {
                    println!("skipped: {missing}");
                }
                _ => bail!("{walls:?}: {error}"),
            },
        }
    }
    Ok(())
}

#[test]
fn a_required_wall_that_cannot_be_built_refuses_to_start() -> Result<()> {
    for start_method in START_METHODS {
        let pool = kinds::builder()
            .start_method(start_method)
            .wall(Wall::Namespaces, Need::Lifted)
            .wall(Wall::EmptyRoot, Need::Required)
            .build();
        match pool {
            Err(BuildError::Start(StartError::Wall(missing))) => {
                ensure!(missing.wall == Wall::EmptyRoot, "{missing}");
                ensure!(!missing.reason.is_empty());
            }
            other => bail!("{other:?}"),
        }
    }
    Ok(())
}

#[test]
fn the_report_names_every_wall() -> Result<()> {
    for start_method in START_METHODS {
        let pool = kinds::builder().start_method(start_method).build()?;
        let report = pool.jail_report();
        ensure!(report.iter().map(|line| line.wall).eq(Wall::ALL));
        for line in report {
            let needed = line.need == Need::Required;
            ensure!(!needed || line.standing == Standing::Stands, "{line:?}");
            ensure!(line.standing != Standing::Lifted, "{line:?}");
        }
        let off = kinds::builder()
            .start_method(start_method)
            .jail(Jail::Off)
            .build()?;
        ensure!(
            off.jail_report()
                .iter()
                .all(|line| line.standing == Standing::Lifted)
        );
        ensure!(off.walls().all(|(_, stands)| !stands));
    }
    Ok(())
}

#[test]
fn a_task_may_have_more_memory_than_the_pool_says() -> Result<()> {
    let pool = kinds::builder()
        .workers(1)
        .memory(ByteSize::mib(1))
        .max_output(ByteSize::mib(1))
        .build()?;
    let module = pool.load_bytes(
        r#"(module (memory (export "memory") 1)
            (func (export "fill") (param $pages i32) (result i32)
                (if (i32.lt_s (memory.grow (local.get $pages)) (i32.const 0)) (then unreachable))
                (memory.fill (i32.const 0) (i32.const 7) (i32.mul (memory.size) (i32.const 65536)))
                (memory.size)))"#,
    )?;
    let fill = module.task::<i32, i32>("fill")?;
    ensure!(fill.call(8)? == 9);
    // Half a gibibyte: more than the base of a worker.
    let pages = 8192;
    ensure!(fill.memory(ByteSize::gib(1)).call(pages)? == pages + 1);
    ensure!(matches!(fill.call(pages), Err(TaskError::Memory { .. })));
    Ok(())
}

/// A guest that goes everywhere.
const TRAVELLER: &str = r#"(module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
    (memory (export "memory") 30 400)
    (memory $other 1 400)
    (data (i32.const 32768) "an image")
    (data (i32.const 1500000) "that is long")
    (data $other (i32.const 0) "another one")
    (func (export "attack") (param $len i32) (param $argument i64) (result i64)
        (i64.store (i32.const 8) (local.get $argument))
        (drop (call $random (i32.const 8) (local.get $len)))
        (i64.load (i32.const 8)))
    (func (export "travel") (result i32)
        (drop (call $yield))
        (drop (call $random (i32.const 0) (i32.const 16)))
        (drop (call $time (i32.const 2) (i64.const 1) (i32.const 0)))
        ;; Five milliseconds on the monotonic clock.
        (i32.store (i32.const 80) (i32.const 1))
        (i64.store (i32.const 88) (i64.const 5000000))
        (drop (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 256)))
        (drop (memory.grow (i32.const 100)))
        (memory.fill (i32.const 0) (i32.const 1) (i32.const 6000000))
        (drop (memory.grow $other (i32.const 100)))
        (memory.fill $other (i32.const 0) (i32.const 1) (i32.const 6000000))
        (memory.size))
    (func (export "trap") unreachable)
    (func (export "spin") (loop $again (br $again))))"#;

/// A command that says a lot.
const TALKER: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 3)
    (func (export "_start") (local $left i32)
        (i32.store (i32.const 0) (i32.const 65536))
        (i32.store (i32.const 4) (i32.const 65536))
        (local.set $left (i32.const 40))
        (loop $again
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br_if $again (local.get $left)))))"#;

/// One that takes some memory to compile.
fn large_module() -> String {
    let functions = (0..5_000).map(|number| {
        format!("(func (param i32) (result i32) (i32.add (local.get 0) (i32.const {number})))")
    });
    format!("(module {})", functions.collect::<String>())
}

/// Does everything that a pool's processes do, with this program for them.
fn everything(program: &Path, method: StartMethod) -> Result<()> {
    let builder = || {
        let builder = kinds::builder().no_cache().worker_exe(program);
        builder.workers(1).start_method(method)
    };
    let stopped = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stopped);
    let watch = move |event: &PoolEvent<'_>| {
        if let PoolEvent::WorkerExited { exit, .. } = event
            && *exit == Exit::Signal(libc::SIGSYS)
        {
            seen.store(true, SeqCst);
        }
    };
    let pool = builder().on_event(watch).build()?;
    ensure!(matches!(
        pool.load_bytes(b"no module"),
        Err(LoadError::Refused(_))
    ));
    let module = pool.load_bytes(TRAVELLER)?;
    let (travel, attack_task) = (module.task::<(), i32>("travel")?, module.task("attack")?);
    for _ in 0..3 {
        ensure!(travel.call(())? == 130);
        ensure!(matches!(
            module.task::<(), ()>("trap")?.call(()),
            Err(TaskError::Trap { .. })
        ));
    }
    let spin = module
        .task::<(), ()>("spin")?
        .timeout(Duration::from_millis(20));
    ensure!(matches!(spin.call(()), Err(TaskError::Timeout { .. })));
    ensure!(travel.call(())? == 130);
    // What comes after an answer costs the worker and no task.
    ensure!(!stopped.load(SeqCst), "a system call that is forbidden");
    for (name, came) in SUICIDES {
        ensure!(order(&attack_task, name, 0)? == came);
    }
    stopped.store(false, SeqCst);
    let talker = pool.load_bytes(TALKER)?.command()?;
    // The second time shows what became of the worker after the first.
    for _ in 0..2 {
        let said = talker.call(wasmpool::CommandInput::default())?;
        ensure!(said.stdout.len() == 40 << 16);
    }
    ensure!(!stopped.load(SeqCst), "a system call that is forbidden");
    let component = pool.load(guests::wat("component_types"))?;
    ensure!(component.task::<(i32, i32), i32>("add")?.call((40, 2))? == 42);
    let mut limits = Limits::default();
    // As much as the process has to begin with, and a little.
    limits.compile_memory = ByteSize::mib(8);
    let narrow = builder().limits(limits).build()?.load_bytes(large_module());
    ensure!(
        matches!(narrow, Err(LoadError::CompileMemory { .. })),
        "{narrow:?}"
    );
    let counting = builder().fuel(100_000_000).build()?;
    ensure!(
        counting
            .load_bytes(TRAVELLER)?
            .task::<(), i32>("travel")?
            .call(())?
            == 130
    );
    Ok(())
}

/// Everything that tasks do with directories which they may read, or change as well.
fn everything_with_files(program: &Path, write: bool) -> Result<()> {
    let at = |name: &str| format!("/data/{name}");
    let place = tempfile::tempdir()?;
    std::fs::write(place.path().join("file"), "what is in it")?;
    std::os::unix::fs::symlink("file", place.path().join("link"))?;
    let grants = match write {
        false => Grants::none().read_dir("/data", place.path()),
        true => Grants::none().write_dir("/data", place.path()),
    };
    let mut acts = vec![
        Act::Read(at("link")),
        Act::List("/data".into()),
        Act::ReadLink(at("link")),
    ];
    if write {
        acts.extend([
            Act::Write(at("new"), "new".into()),
            Act::Append(at("new"), "er".into()),
            Act::SetLen(at("new"), 2),
            Act::Sync(at("new")),
            Act::SetTimes(at("new"), 1),
            Act::Rename(at("new"), at("old")),
            Act::Link(at("old"), at("second")),
            Act::Symlink("old".into(), at("third")),
            Act::Remove(at("third")),
            Act::MakeDir(at("directory")),
            Act::RemoveDir(at("directory")),
        ]);
    }
    let builder = kinds::builder().worker_exe(program).workers(1);
    let pool = builder.build()?;
    let module = pool.load(guests::files())?.grant(&grants)?;
    let act = module.task::<Vec<Act>, Vec<guest_files::Came>>("act")?;
    for came in act.call(acts)? {
        ensure!(matches!(came, guest_files::Came::Done(_)), "{came:?}");
    }
    Ok(())
}

/// What is needed all the same, and cannot be shown here.
const UNSHOWN: &[(&str, &str, &str)] = &[
    ("worker", "close", "files of shared objects"),
    ("worker", "fcntl", "the same, in debug builds"),
    (
        "large",
        "newfstatat",
        "only with some versions of libc; the others ask otherwise",
    ),
    (
        "worker",
        "brk",
        "whether the allocator needs more depends on what it has",
    ),
    ("compiler", "brk", "the same"),
    (
        "large",
        "exit_group",
        "who cannot end by himself is killed, with the same effect",
    ),
    ("worker", "exit_group", "the same"),
    ("compiler", "exit_group", "the same"),
    ("compiler", "close", "after its answer"),
    (
        "compiler",
        "madvise",
        "only where the allocator uses huge pages",
    ),
    (
        "compiler",
        "clock_gettime",
        "only where the kernel's page has no clock",
    ),
    (
        "compiler",
        "getrandom",
        "only for the first hash map of a process",
    ),
    ("compiler", "rt_sigaction", "only when Cranelift crashes"),
    ("compiler", "rt_sigreturn", "only when Cranelift crashes"),
    (
        "worker",
        "process_madvise",
        "only for memory in several pieces",
    ),
    ("wide", "faccessat", "only on other processors"),
    ("wide", "readlinkat", "only on other processors"),
    ("large", "kill", "only where the host is out of descriptors"),
    (
        "worker",
        "restart_syscall",
        "only after a worker was stopped and continued in a wait",
    ),
];

#[test]
fn every_entry_of_the_list_is_needed() -> Result<()> {
    let directory = tempfile::tempdir_in(Path::new(HIJACKED).parent().context("no directory")?)?;
    let program = |name: &str| -> Result<_> {
        let path = directory.path().join(name);
        std::fs::hard_link(HIJACKED, &path)?;
        Ok(path)
    };
    let whole = program("without-nothing")?;
    for start_method in START_METHODS {
        everything(&whole, start_method).context("the whole list")?;
    }
    for write in [false, true] {
        everything_with_files(&whole, write).context("the whole list, with files")?;
    }
    let mut tried = BTreeSet::new();
    let mut idle = Vec::new();
    for call in system_calls() {
        for user in &call.users {
            let place = match *user {
                "worker" | "compiler" | "reader" | "writer" => *user,
                "exec" => "wide",
                _ => "large",
            };
            if UNSHOWN
                .iter()
                .any(|(at, name, _)| (*at, *name) == (place, call.name))
                || !tried.insert((place, call.number))
            {
                continue;
            }
            let narrower = program(&format!("without-{place}-{}", call.number))?;
            let worked = match place {
                "reader" => everything_with_files(&narrower, false),
                "writer" => everything_with_files(&narrower, true),
                "wide" => everything(&narrower, StartMethod::Spawn),
                // What a worker with directories does on its way is the large one's affair too.
                _ => everything(&narrower, StartMethod::ForkServer)
                    .and_then(|()| everything_with_files(&narrower, false)),
            };
            if worked.is_ok() {
                idle.push(format!("{place}: {}", call.name));
            }
        }
    }
    ensure!(idle.is_empty(), "nobody misses {idle:#?}");
    Ok(())
}

#[test]
fn attacks_have_names_of_their_own() {
    let names: BTreeSet<_> = ATTACKS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), ATTACKS.len());
    assert!(plain_calls().count() > 50);
}
