//! What a task may have beside its arguments: what was granted is there, exactly that, and for its task only.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use guest_files::{Act, Came};
use wasmpool::{
    ByteSize, Capped, Clock, GrantError, Grants, Isolation, Module, Need, Process, Random,
    SessionError, Task, TaskError, Wall,
};
use wasmpool_tests::attack::{ATTACKER, len_of};
use wasmpool_tests::kinds::{self, Kind, START_METHODS};
use wasmpool_tests::{TASK_TIMEOUT, guests};

/// Numbers of preview 1.
const ACCES: i32 = 2;
const BADF: i32 = 8;
const EXIST: i32 = 20;
const FBIG: i32 = 22;
const INVAL: i32 = 28;
const ISDIR: i32 = 31;
const LOOP: i32 = 32;
const NAMETOOLONG: i32 = 37;
const NOENT: i32 = 44;
const NOTDIR: i32 = 54;
const NOTEMPTY: i32 = 55;
const NOTSUP: i32 = 58;
const PERM: i32 = 63;
const ROFS: i32 = 69;

type Doer = Task<Vec<Act>, Vec<Came>>;

fn done(said: &str) -> Came {
    Came::Done(said.to_owned())
}

fn doer(module: &Module) -> Result<Doer> {
    Ok(module.task("act")?)
}

/// Does one thing.
fn one(task: &Doer, act: Act) -> Result<Came> {
    let mut came = task
        .call(vec![act.clone()])
        .with_context(|| format!("{act:?}"))?;
    came.pop().context("nothing came of it")
}

/// A directory with something in it, and a secret beside it.
fn place() -> Result<tempfile::TempDir> {
    let place = tempfile::tempdir()?;
    let data = place.path().join("data");
    fs::create_dir_all(data.join("sub/deep"))?;
    fs::write(data.join("file"), "what is in it")?;
    fs::write(data.join("sub/deep/file"), "deep")?;
    fs::write(place.path().join("secret"), "not for you")?;
    Ok(place)
}

#[test]
fn a_granted_directory_is_read_and_written_in_every_kind_of_pool() -> Result<()> {
    for kind in Kind::all(&[1]) {
        let place = place()?;
        let data = place.path().join("data");
        let pool = kind.builder().build()?;
        let module = pool.load(guests::files())?;
        let reader = doer(&module.grant(&Grants::none().read_dir("/in", &data))?)?;
        let came = one(&reader, Act::Read("/in/file".into()))?;
        ensure!(came == done("what is in it"), "{kind}: {came:?}");
        let writer = doer(&module.grant(&Grants::none().write_dir("/out", &data))?)?;
        let came = one(&writer, Act::Write("/out/sub/new".into(), "made".into()))?;
        ensure!(came == done(""), "{kind}: {came:?}");
        ensure!(fs::read_to_string(data.join("sub/new"))? == "made");
        let without = one(&doer(&module)?, Act::Read("/in/file".into()))?;
        ensure!(without == Came::Refused(NOENT), "{kind}: {without:?}");
    }
    Ok(())
}

/// What is in a directory: every path, and what is in it if it is a file.
fn all_in(directory: &Path) -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            let name = path.display().to_string();
            let it = fs::symlink_metadata(&path)?;
            if it.is_dir() {
                left.push(path);
                all.push((name, format!("{}", it.mtime())));
            } else if it.is_symlink() {
                all.push((name, fs::read_link(&path)?.display().to_string()));
            } else {
                all.push((name, fs::read_to_string(&path)?));
            }
        }
    }
    all.sort();
    Ok(all)
}

/// One of every kind of change.
fn changes() -> Vec<Act> {
    let at = |name: &str| format!("/data/{name}");
    vec![
        Act::Write(at("file"), "changed".into()),
        Act::Write(at("new"), "new".into()),
        Act::CreateNew(at("newer")),
        Act::Append(at("file"), "more".into()),
        Act::WriteAt(at("file"), 2, "XX".into()),
        Act::Truncate(at("file")),
        Act::SetLen(at("file"), 3),
        Act::Rename(at("file"), at("renamed")),
        Act::Rename(at("renamed"), at("file")),
        Act::Link(at("file"), at("second")),
        Act::Symlink("file".into(), at("link")),
        Act::SetTimes(at("file"), 1_000_000_000),
        Act::MakeDir(at("made")),
        Act::RemoveDir(at("made")),
        Act::Remove(at("link")),
        Act::Sync(at("file")),
    ]
}

#[test]
fn a_directory_to_read_refuses_every_change() -> Result<()> {
    for start_method in START_METHODS {
        let place = place()?;
        let data = place.path().join("data");
        symlink("file", data.join("link"))?;
        fs::create_dir(data.join("made"))?;
        let before = all_in(&data)?;
        let pool = kinds::builder()
            .workers(1)
            .start_method(start_method)
            .build()?;
        let module = pool.load(guests::files())?;
        let task = doer(&module.grant(&Grants::none().read_dir("/data", &data))?)?;
        for act in changes() {
            let came = one(&task, act.clone())?;
            ensure!(
                matches!(came, Came::Refused(ROFS)),
                "{start_method:?}: {act:?} came to {came:?}"
            );
        }
        ensure!(all_in(&data)? == before);
        let looks = vec![
            Act::Read("/data/sub/deep/file".into()),
            Act::Read("/data/sub/../file".into()),
            Act::List("/data".into()),
            Act::List("/data/sub/".into()),
            Act::Look("/data/link".into()),
            Act::Look("/data/file".into()),
            Act::Look("/data".into()),
            Act::ReadLink("/data/link".into()),
            Act::Read("/data/link".into()),
            Act::Look("/data/none".into()),
            Act::Read("/data/file/none".into()),
            Act::List("/data/file".into()),
        ];
        let came = task.call(looks)?;
        let size = fs::metadata(&data)?.len();
        let wanted = [
            done("deep"),
            done("what is in it"),
            done("file link made sub"),
            done("deep"),
            done("link 4"),
            done("file 13"),
            done(&format!("directory {size}")),
            done("file"),
            done("what is in it"),
            Came::Refused(NOENT),
            Came::Refused(NOTDIR),
            Came::Refused(NOTDIR),
        ];
        ensure!(came == wanted, "{start_method:?}: {came:?}");
    }
    Ok(())
}

#[test]
fn a_directory_to_write_takes_every_change() -> Result<()> {
    for start_method in START_METHODS {
        let place = place()?;
        let data = place.path().join("data");
        let pool = kinds::builder()
            .workers(1)
            .start_method(start_method)
            .build()?;
        let module = pool.load(guests::files())?;
        let task = doer(&module.grant(&Grants::none().write_dir("/data", &data))?)?;
        for act in changes() {
            let wanted = match act {
                Act::Append(..) => done("11"),
                Act::WriteAt(..) => done("chXXgedmore"),
                _ => done(""),
            };
            let came = one(&task, act.clone())?;
            ensure!(came == wanted, "{start_method:?}: {act:?} came to {came:?}");
        }
        let file = fs::metadata(data.join("file"))?;
        ensure!((file.len(), file.mtime(), file.nlink()) == (3, 1_000_000_000, 2));
        ensure!(fs::read_to_string(data.join("second"))? == "\0\0\0");
        ensure!(!data.join("link").exists() && !data.join("made").exists());
        let at = |name: &str| format!("/data/{name}");
        let more = vec![
            // From one directory to another, within what was granted.
            Act::Rename(at("file"), at("sub/deep/moved")),
            Act::Rename(at("sub/deep"), at("shallow")),
            Act::Read(at("shallow/moved")),
            Act::CreateNew(at("shallow/moved")),
            Act::RemoveDir(at("shallow")),
            Act::Remove(at("shallow")),
            Act::RemoveDir(at("new")),
            Act::Remove(at("new/")),
            Act::MakeDir(at("shallow")),
            Act::MakeDir(at("with-a-slash/")),
            Act::Rename(at("new"), at("new-directory/")),
            Act::Symlink("/etc/passwd".into(), at("passwd")),
            Act::Changed(at("shallow/moved")),
        ];
        let came = task.call(more)?;
        let wanted = [
            done(""),
            done(""),
            done("\0\0\0"),
            Came::Refused(EXIST),
            Came::Refused(NOTEMPTY),
            Came::Refused(ISDIR),
            Came::Refused(NOTDIR),
            Came::Refused(NOTDIR),
            Came::Refused(EXIST),
            done(""),
            Came::Refused(NOTDIR),
            Came::Refused(PERM),
            done("1000000000000000000"),
        ];
        for (at, (came, wanted)) in came.iter().zip(&wanted).enumerate() {
            ensure!(came == wanted, "{start_method:?}: {at} came to {came:?}");
        }
    }
    Ok(())
}

#[test]
fn nothing_leads_out_of_a_granted_directory() -> Result<()> {
    let place = place()?;
    let data = place.path().join("data");
    symlink("../secret", data.join("out"))?;
    symlink(place.path().join("secret"), data.join("straight"))?;
    symlink("sub/deep/file", data.join("in"))?;
    symlink("sub/../../data/file", data.join("out-and-in"))?;
    symlink("loop", data.join("loop"))?;
    symlink("b", data.join("a"))?;
    symlink("a", data.join("b"))?;
    symlink("..", data.join("up"))?;
    symlink("/proc/self/root", data.join("root"))?;
    rustix::fs::mknodat(
        rustix::fs::CWD,
        data.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )?;
    drop(std::os::unix::net::UnixListener::bind(data.join("socket"))?);
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load(guests::files())?;
    for grants in [
        Grants::none().read_dir("/data", &data),
        Grants::none().write_dir("/data", &data),
    ] {
        let task = doer(&module.grant(&grants)?)?;
        let outside = [
            ("/data/../secret", PERM),
            ("/data/sub/../../secret", PERM),
            ("/data/out", PERM),
            ("/data/straight", PERM),
            ("/data/out-and-in", PERM),
            ("/data/up/secret", PERM),
            ("/data/root/etc/passwd", PERM),
            ("/data/loop", LOOP),
            ("/data/a", LOOP),
            ("/secret", NOENT),
            ("../secret", NOENT),
            ("/etc/passwd", NOENT),
            ("/data/pipe", ACCES),
        ];
        for (path, wanted) in outside {
            let came = one(&task, Act::Read(path.into()))?;
            ensure!(came == Came::Refused(wanted), "{path} came to {came:?}");
        }
        // There is nobody behind it, or it is not opened.
        let came = one(&task, Act::Read("/data/socket".into()))?;
        ensure!(matches!(came, Came::Refused(_)), "{came:?}");
        ensure!(one(&task, Act::Read("/data/in".into()))? == done("deep"));
        ensure!(one(&task, Act::Look("/data/out".into()))? == done("link 9"));
        ensure!(one(&task, Act::List("/data/up".into()))? == Came::Refused(PERM));
    }
    let task = doer(&module.grant(&Grants::none().write_dir("/data", &data))?)?;
    for act in [
        Act::Write("/data/out".into(), "mine".into()),
        Act::Write("/data/../new".into(), "mine".into()),
        Act::MakeDir("/data/up/new".into()),
        Act::Remove("/data/up/secret".into()),
        Act::Rename("/data/up/secret".into(), "/data/stolen".into()),
        Act::Rename("/data/file".into(), "/data/up/file".into()),
        Act::Link("/data/up/secret".into(), "/data/stolen".into()),
        Act::SetTimes("/data/up".into(), 1),
        Act::SetTimes("/data/out".into(), 1),
        Act::Symlink("x".into(), "/data/up/new".into()),
    ] {
        let came = one(&task, act.clone())?;
        ensure!(came == Came::Refused(PERM), "{act:?} came to {came:?}");
    }
    ensure!(fs::read_to_string(place.path().join("secret"))? == "not for you");
    ensure!(fs::read_dir(place.path())?.count() == 2);
    Ok(())
}

#[test]
fn a_link_that_is_swapped_meanwhile_leads_nowhere_else() -> Result<()> {
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    let place = place()?;
    let data = place.path().join("data");
    fs::create_dir(data.join("door"))?;
    fs::write(data.join("door/secret"), "yours")?;
    symlink("..", data.join("other"))?;
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load(guests::files())?;
    let task = doer(&module.grant(&Grants::none().read_dir("/data", &data))?)?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            let (door, other) = (data.join("door"), data.join("other"));
            while !stop.load(SeqCst) {
                let cwd = rustix::fs::CWD;
                rustix::fs::renameat_with(cwd, &door, cwd, &other, flags)
                    .expect("two names are exchanged");
            }
        });
        let tried = (|| {
            let (mut opened, mut refused) = (0, 0);
            // Until both have been seen, and then some.
            while opened < 500 || refused < 500 {
                let acts = vec![Act::Read("/data/door/secret".into()); 500];
                for came in task.call(acts)? {
                    match came {
                        Came::Done(text) if text == "yours" => opened += 1,
                        Came::Refused(PERM | NOENT) => refused += 1,
                        other => bail!("{other:?}"),
                    }
                }
            }
            Ok(())
        })();
        stop.store(true, SeqCst);
        tried
    })
}

#[test]
fn odd_calls_get_errors_and_nothing_else() -> Result<()> {
    let place = place()?;
    let data = place.path().join("data");
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load(guests::files())?;
    let granted = module.grant(&Grants::none().write_dir("/data", &data))?;
    let odd = granted.task::<String, Vec<(String, i32)>>("odd_calls")?;
    let wanted = [
        ("open an absolute path", PERM),
        ("open the directory above", PERM),
        ("open by way of the one above", PERM),
        ("open an empty path", NOENT),
        ("open a path with a zero byte", INVAL),
        ("open a path without end", NAMETOOLONG),
        ("open from standard output", NOTDIR),
        ("open from nowhere", BADF),
        ("open from a file", NOTDIR),
        ("seek before the beginning", INVAL),
        ("seek past all files", 0),
        ("seek past all numbers", INVAL),
        ("seek by no rule", INVAL),
        ("seek in a directory", ISDIR),
        ("allocate", NOTSUP),
        ("list a file", NOTDIR),
        ("list from a mark that is none", INVAL),
        ("make the one above", INVAL),
        ("remove the one above", INVAL),
        ("remove oneself", INVAL),
        ("unlink the one above", INVAL),
        ("rename over the granted directory", INVAL),
        ("rename the granted directory", INVAL),
        ("renumber nothing over it", BADF),
        ("renumber it over nothing", BADF),
        ("renumber a file over it", 0),
        ("ask for its name then", BADF),
        ("open from where it was", NOTDIR),
        ("read where the file was", BADF),
        ("read where it was", 0),
        ("close it", 0),
        ("close it again", BADF),
        ("close no number", BADF),
    ];
    // Each task finds what was granted, whatever the one before it did to its numbers.
    for _ in 0..2 {
        let came = odd.call("/data".to_owned())?;
        for (came, wanted) in came.iter().zip(wanted) {
            ensure!(
                (came.0.as_str(), came.1) == wanted,
                "{came:?}, not {wanted:?}"
            );
        }
        ensure!(came.len() == wanted.len());
    }
    ensure!(data.join("sub").is_dir() && place.path().join("secret").is_file());
    Ok(())
}

#[test]
fn so_many_files_may_be_open_and_any_number_opened() -> Result<()> {
    let place = place()?;
    let data = place.path().join("data");
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load(guests::files())?;
    let task = doer(&module.grant(&Grants::none().read_dir("/data", &data))?)?;
    for _ in 0..3 {
        // 128 numbers, of which three are streams and one is the directory.
        let came = one(&task, Act::OpenMany("/data/file".into(), 100_000))?;
        ensure!(came == done("124"), "{came:?}");
    }
    let came = one(&task, Act::OpenAndClose("/data/file".into(), 100_000))?;
    ensure!(came == done(""), "{came:?}");
    Ok(())
}

#[test]
fn time_and_cancelling_end_a_task_among_its_files() -> Result<()> {
    let place = place()?;
    let data = place.path().join("data");
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load(guests::files())?;
    let task = doer(&module.grant(&Grants::none().write_dir("/data", &data))?)?;
    for act in [
        Act::OpenForEver("/data/file".into()),
        Act::ReadForEver("/data/file".into()),
        Act::WriteForEver("/data/new".into()),
    ] {
        let written = Grants::none()
            .write_dir("/data", &data)
            .max_written(ByteSize::gib(1 << 20));
        let ended = task
            .grant(&written)?
            .timeout(TASK_TIMEOUT)
            .call(vec![act.clone()]);
        ensure!(
            matches!(ended, Err(TaskError::Timeout { .. })),
            "{act:?}: {ended:?}"
        );
        let call = task.grant(&written)?.start(vec![act.clone()]);
        call.cancel();
        ensure!(matches!(call.get(), Err(TaskError::Cancelled)), "{act:?}");
    }
    ensure!(one(&task, Act::Read("/data/sub/deep/file".into()))? == done("deep"));
    Ok(())
}

#[test]
fn what_is_written_has_a_limit() -> Result<()> {
    let place = place()?;
    let data = place.path().join("data");
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load(guests::files())?;
    let limit = ByteSize::mib(1);
    let grants = Grants::none().write_dir("/data", &data).max_written(limit);
    let task = doer(&module.grant(&grants)?)?;
    let write = |bytes| task.call(vec![Act::WriteBytes("/data/new".into(), bytes)]);
    // For each task anew.
    for _ in 0..3 {
        ensure!(write(limit.bytes())? == [done("")]);
    }
    match write(limit.bytes() + 1) {
        Err(TaskError::Output {
            what,
            limit: told,
            wanted,
            ..
        }) => {
            ensure!(what == Capped::Files && told == limit, "{what:?} {told}");
            ensure!(wanted.bytes() == limit.bytes() + 1, "{wanted}");
        }
        other => bail!("{other:?}"),
    }
    ensure!(fs::metadata(data.join("new"))?.len() == limit.bytes());
    let came = task.call(vec![
        Act::SetLen("/data/new".into(), limit.bytes() + 1),
        Act::Append("/data/new".into(), "x".into()),
        Act::SetLen("/data/new".into(), 0),
    ])?;
    ensure!(
        came == [Came::Refused(FBIG), Came::Refused(FBIG), done("")],
        "{came:?}"
    );
    Ok(())
}

#[test]
fn surroundings_are_as_granted_and_for_their_task_only() -> Result<()> {
    type Surroundings = (Vec<(String, String)>, Vec<String>);
    for isolation in [Isolation::Task, Isolation::Batch, Isolation::Process] {
        let pool = kinds::builder().workers(1).isolation(isolation).build()?;
        let module = pool.load(guests::files())?;
        let plain = module.task::<(), Surroundings>("surroundings")?;
        let grants = Grants::none()
            .env("LANG", "C")
            .env("EMPTY", "")
            .env("LANG", "de_DE.UTF-8")
            .args(["--flag", "ümläut", ""]);
        let granted = plain.grant(&grants)?;
        let of_module = module.grant(&Grants::none().env("A", "b=c"))?;
        let of_module = of_module.task::<(), Surroundings>("surroundings")?;
        for _ in 0..2 {
            ensure!(plain.call(())? == (vec![], vec![]));
            let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            let env = vec![pair("EMPTY", ""), pair("LANG", "de_DE.UTF-8")];
            let name = module.name().to_owned();
            let args = [name.as_str(), "--flag", "ümläut", ""].map(str::to_owned);
            ensure!(granted.call(())? == (env, args.to_vec()));
            // At once after it, in the same worker.
            ensure!(plain.call(())? == (vec![], vec![]));
            ensure!(of_module.call(())? == (vec![pair("A", "b=c")], vec![]));
            // A task's grants take the place of its module's.
            let none = of_module.grant(&Grants::none())?;
            ensure!(none.call(())? == (vec![], vec![]));
        }
    }
    Ok(())
}

#[test]
fn a_command_finds_granted_arguments_after_its_own() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load(guests::command())?;
    let granted = module.grant(&Grants::none().arg("needle"))?;
    let input = |args: &[&str]| wasmpool::CommandInput {
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        stdin: b"hay\nneedle\n".to_vec(),
    };
    ensure!(granted.command()?.call(input(&["find"]))?.stdout == b"2:needle\n");
    ensure!(granted.command()?.call(input(&[]))?.stdout == b"2:needle\n");
    ensure!(granted.command()?.call(input(&["find", "hay"]))?.code != 0);
    ensure!(module.command()?.call(input(&["find", "hay"]))?.stdout == b"1:hay\n");
    Ok(())
}

#[test]
fn clocks_are_coarse_unless_fine_ones_were_granted() -> Result<()> {
    let place = place()?;
    let data = place.path().join("data");
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load(guests::files())?;
    let look = module.task::<u32, (u32, u64)>("odd_times")?;
    let precise = look.grant(&Grants::none().clock(Clock::Precise))?;
    for _ in 0..2 {
        ensure!(look.call(10_000)? == (0, 1_000));
        let (odd, resolution) = precise.call(10_000)?;
        ensure!(odd > 5_000 && resolution == 1, "{odd} {resolution}");
    }
    let file = fs::File::options().write(true).open(data.join("file"))?;
    let changed = std::time::UNIX_EPOCH + Duration::from_nanos(1_000_000_123_456_789);
    file.set_modified(changed)?;
    let granted = Grants::none().read_dir("/data", &data);
    let ask = Act::Changed("/data/file".into());
    let coarse = doer(&module.grant(&granted)?)?;
    ensure!(one(&coarse, ask.clone())? == done("1000000123456000"));
    let precise = doer(&module.grant(&granted.clock(Clock::Precise))?)?;
    ensure!(one(&precise, ask)? == done("1000000123456789"));
    Ok(())
}

#[test]
fn randomness_comes_from_where_it_was_granted() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load(guests::files())?;
    let plain = module.task::<u32, Vec<u8>>("random")?;
    let seeded = |seed| plain.grant(&Grants::none().random(Random::Seeded(seed)));
    let (one, other) = (seeded(1)?, seeded(2)?);
    let first = one.call(100_000)?;
    ensure!(first == one.call(100_000)?, "each task gets the same");
    ensure!(first[..64] == one.call(64)?[..]);
    ensure!(first != other.call(100_000)?);
    ensure!(first[..1000] != first[1000..2000]);
    ensure!(plain.call(64)? != plain.call(64)?);
    let denied = plain.grant(&Grants::none().random(Random::Denied))?;
    match denied.call(1) {
        Err(TaskError::Guest { message, .. }) => ensure!(message.contains("58"), "{message}"),
        other => bail!("{other:?}"),
    }
    ensure!(plain.call(64)?.len() == 64);
    Ok(())
}

/// A guest with as much memory as there can be.
const LARGE: &str = r#"(module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 65536)
    (func (export "random") (result i32) (call $random (i32.const 0) (i32.const -1)))
    (func (export "subscribe") (result i32)
        (call $poll (i32.const 0) (i32.const 100000000) (i32.const 1000000) (i32.const 8)))
    (func (export "sleep") (result i32)
        (i64.store (i32.const 24) (i64.const -1))
        (call $poll (i32.const 0) (i32.const 128) (i32.const 1) (i32.const 256))))"#;

#[test]
fn asking_for_too_much_ends_at_the_deadline_or_is_refused() -> Result<()> {
    let pool = kinds::builder()
        .workers(1)
        .memory(ByteSize::gib(5))
        .build()?;
    let module = pool.load_bytes(LARGE)?;
    ensure!(module.task::<(), i32>("subscribe")?.call(())? == INVAL);
    for source in [Random::System, Random::Seeded(7)] {
        let granted = module.grant(&Grants::none().random(source))?;
        for name in ["random", "sleep"] {
            let ended = granted
                .task::<(), i32>(name)?
                .timeout(TASK_TIMEOUT)
                .call(());
            ensure!(
                matches!(ended, Err(TaskError::Timeout { .. })),
                "{name}: {ended:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn what_cannot_be_granted_is_an_error_then() -> Result<()> {
    let place = place()?;
    let data = place.path().join("data");
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load(guests::files())?;
    let refused = |grants: Grants| match module.grant(&grants) {
        Err(error) => error,
        Ok(_) => panic!("{grants:?} was granted"),
    };
    let error = refused(Grants::none().read_dir("/x", place.path().join("none")));
    ensure!(matches!(error, GrantError::Open { .. }), "{error}");
    let error = refused(Grants::none().write_dir("/x", data.join("file")));
    ensure!(matches!(error, GrantError::NotADirectory { .. }), "{error}");
    let error = refused(Grants::none().read_dir("/x", &data).write_dir("/x/", &data));
    ensure!(
        matches!(&error, GrantError::SameName { guest, .. } if guest == "/x"),
        "{error}"
    );
    let error = refused(Grants::none().read_dir("", &data));
    ensure!(matches!(error, GrantError::Name { .. }), "{error}");
    let many = (0..17).fold(Grants::none(), |grants, at| {
        grants.read_dir(format!("/{at}"), &data)
    });
    ensure!(matches!(
        refused(many),
        GrantError::Directories { count: 17, .. }
    ));
    let error = refused(Grants::none().env("A=B", "c"));
    ensure!(matches!(error, GrantError::Variable { .. }), "{error}");
    let error = refused(Grants::none().env("LONG", "x".repeat(9_000)));
    ensure!(matches!(error, GrantError::TextSize { .. }), "{error}");
    let error = refused(Grants::none().arg("a\0b"));
    ensure!(
        matches!(error, GrantError::Argument { index: 0, .. }),
        "{error}"
    );
    Ok(())
}

#[test]
fn sixteen_directories_of_any_name_are_told_apart() -> Result<()> {
    let place = place()?;
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load(guests::files())?;
    let mut grants = Grants::none();
    for at in 0..16 {
        let host = place.path().join(format!("{at}"));
        fs::create_dir(&host)?;
        fs::write(host.join("file"), format!("in {at}"))?;
        grants = grants.read_dir(format!("/{at}/{}", "x".repeat(1_000)), host);
    }
    let task = doer(&module.grant(&grants)?)?;
    for at in 0..16 {
        let path = format!("/{at}/{}/file", "x".repeat(1_000));
        ensure!(one(&task, Act::Read(path))? == done(&format!("in {at}")));
    }
    Ok(())
}

#[test]
fn a_process_and_a_session_have_the_directories_of_their_module() -> Result<()> {
    let place = place()?;
    let data = place.path().join("data");
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load(guests::files())?;
    let granted = module.grant(&Grants::none().read_dir("/data", &data))?;
    let read = || vec![Act::Read("/data/file".into())];
    let process = Process::spawn(&doer(&granted)?, read())?;
    ensure!(process.result()? == [done("what is in it")]);
    let session = granted.session()?;
    let task = session.task::<Vec<Act>, Vec<Came>>("act")?;
    for _ in 0..3 {
        ensure!(task.call(read())? == [done("what is in it")]);
    }
    // A task without them, and one with others.
    let others = granted.grant(&Grants::none().read_dir("/data", &data))?;
    for other in [doer(&module)?, doer(&others)?] {
        let ended = session.call(&other, read());
        ensure!(
            matches!(ended, Err(SessionError::Directories { .. })),
            "{ended:?}"
        );
    }
    ensure!(task.call(read())? == [done("what is in it")]);
    Ok(())
}

#[test]
fn workers_with_directories_serve_one_grant_and_no_other() -> Result<()> {
    use std::sync::{Arc, Mutex};
    use wasmpool::PoolEvent;

    let place = place()?;
    let data = place.path().join("data");
    let started = Arc::new(Mutex::new(0));
    let count = Arc::clone(&started);
    let pool = kinds::builder()
        .workers(2)
        .on_event(move |event| {
            if let PoolEvent::WorkerStarted { .. } = event {
                *count.lock().expect("nobody panics with it") += 1;
            }
        })
        .build()?;
    let started = || *started.lock().expect("nobody panics with it");
    let module = pool.load(guests::files())?;
    let grants = Grants::none().read_dir("/data", &data);
    let (plain, granted) = (doer(&module)?, doer(&module.grant(&grants)?)?);
    let read = Act::Read("/data/file".into());
    for _ in 0..5 {
        ensure!(one(&plain, read.clone())? == Came::Refused(NOENT));
        ensure!(one(&granted, read.clone())? == done("what is in it"));
        // What needs no descriptor needs no worker either.
        let lang = plain.grant(&Grants::none().env("LANG", "C"))?;
        ensure!(one(&lang, read.clone())? == Came::Refused(NOENT));
    }
    ensure!(started() == 2, "{} workers were started", started());
    // The same directories, granted a second time, are another grant.
    let again = doer(&module.grant(&grants)?)?;
    ensure!(one(&again, read)? == done("what is in it"));
    ensure!(started() == 3, "{} workers were started", started());
    Ok(())
}

const HIJACKED: &str = env!("CARGO_BIN_EXE_hijacked");

/// What comes of an attack: the kernel's answer, or the signal that the worker died of.
fn attack(task: &Task<(i32, i64), i64>, name: &str) -> Result<Result<i64, i32>> {
    match task.call((len_of(name), 0)) {
        Ok(answer) => Ok(Ok(answer.min(0))),
        Err(TaskError::WorkerLost {
            exit: Some(wasmpool::Exit::Signal(signal)),
            ..
        }) => Ok(Err(signal)),
        Err(other) => bail!("{name}: {other}"),
    }
}

#[test]
fn a_hijacked_worker_stays_in_the_directories_that_it_has() -> Result<()> {
    let (through, refused) = (Ok(0), Ok(-i64::from(libc::EACCES)));
    let killed = Err(libc::SIGSYS);
    // What comes of it in a worker with a directory to read, and in one with a directory to change.
    let table = [
        ("open_here", through, through),
        ("open_above", refused, refused),
        ("open_beside", refused, refused),
        ("open_root_by_openat2", refused, refused),
        ("open_passwd", killed, killed),
        ("write_here", refused, through),
        ("make_here", refused, through),
        ("make_directory_here", killed, through),
        ("make_directory_beside", killed, refused),
        ("remove_beside", killed, refused),
        ("make_device_here", killed, killed),
        ("change_mode_here", killed, killed),
        ("execute_here", killed, killed),
        ("fork", killed, killed),
        ("memfd_create", killed, killed),
        ("sendmsg", killed, killed),
        ("execute_private_file", killed, killed),
        ("write_then_execute", killed, killed),
    ];
    for start_method in START_METHODS {
        for write in [false, true] {
            let place = place()?;
            let data = place.path().join("data");
            let pool = kinds::builder()
                .worker_exe(HIJACKED)
                .workers(1)
                .start_method(start_method)
                .build()?;
            let grants = match write {
                false => Grants::none().read_dir("/data", &data),
                true => Grants::none().write_dir("/data", &data),
            };
            let module = pool.load_bytes(ATTACKER)?.grant(&grants)?;
            let task = module.task("attack")?;
            for (name, reader, writer) in table {
                let wanted = if write { writer } else { reader };
                let came = attack(&task, name)?;
                ensure!(
                    came == wanted,
                    "{start_method:?}, write {write}: {name} came to {came:?}, not {wanted:?}"
                );
            }
            for name in ["move_out", "link_in"] {
                let came = attack(&task, name)?;
                let gone = place.path().join("file").exists() || data.join("stolen").exists();
                ensure!(came != through && !gone, "{name} came to {came:?}");
            }
            // Truncating counts as writing from Linux 6.2 on.
            if kernel() >= (6, 2) {
                let came = attack(&task, "truncate_here")?;
                ensure!(came == if write { through } else { refused }, "{came:?}");
            }
            ensure!(fs::read_to_string(place.path().join("secret"))? == "not for you");
        }
    }
    Ok(())
}

/// The version of the kernel.
fn kernel() -> (u32, u32) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|part| part.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[test]
fn landlock_is_what_keeps_a_hijacked_worker_in() -> Result<()> {
    let place = place()?;
    let data = place.path().join("data");
    let pool = kinds::builder()
        .worker_exe(HIJACKED)
        .workers(1)
        .wall(Wall::Landlock, Need::Lifted)
        .build()?;
    let grants = Grants::none().read_dir("/data", &data);
    let module = pool.load_bytes(ATTACKER)?.grant(&grants)?;
    let task = module.task("attack")?;
    for name in ["open_above", "open_beside", "write_here"] {
        let came = attack(&task, name)?;
        ensure!(came == Ok(0), "{name} came to {came:?}");
    }
    Ok(())
}
