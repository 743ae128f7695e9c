//! What this machine offers a pool: asked of the kernel, and seen at a pool that is really started.
//!
//! It changes nothing and decides nothing: a pool does not read these findings.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    os::fd::AsFd,
    path::Path,
    time::{Duration, Instant},
};

use rustix::fs::{Access, MemfdFlags, SealFlags};

use crate::{
    Pool, Standing, StartMethod, Wall, WallReport,
    jail::syscalls::{CALLS, Call, User},
    module::cache::Cache,
    supervisor::divert,
    sys::probe,
};

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Topic {
    /// Whether pools work at all, and how workers start.
    Start,
    /// Walls that this version builds around every worker.
    Wall,
    /// What makes things faster or larger.
    Comfort,
}

/// Whether something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// It cannot be seen from here.
    Unseen,
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// What it is about.
    pub topic: Topic,
    /// What was looked at.
    pub name: &'static str,
    /// Whether it is there.
    pub state: State,
    /// What was seen: a number, a path, a reason. May be empty.
    pub seen: String,
    /// What it means for the user.
    pub meaning: &'static str,
}

/// Looks at everything. Starts a pool by each start method, and ends it.
pub fn examine() -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut worker = None;
    for (method, name) in [
        (StartMethod::ForkServer, "forkserver"),
        (StartMethod::Spawn, "spawn"),
    ] {
        let trial = Trial::run(method);
        findings.push(started(name, &trial));
        worker = worker.or(trial.ok());
    }
    findings.extend(walls(worker.as_ref()));
    findings.extend(comforts());
    findings
}

/// A system call that the jail lets a process of the pool make.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SystemCall {
    /// Its name.
    pub name: &'static str,
    /// Its number on this processor.
    pub number: i64,
    /// Who makes it: `zygote`, `exec` (a process that was started by exec, before it has a filter of its own), `start` (a
    /// worker or a compiler on its way to its last filter), `worker`, `reader` and `writer` (what a worker makes beside
    /// that whose tasks have directories, to read or to change), `compiler`.
    pub users: Vec<&'static str>,
    /// What for.
    pub reason: &'static str,
}

/// Every system call that the jail allows; all others end the process that tries them. One that is allowed with several
/// kinds of arguments is there several times.
pub fn system_calls() -> Vec<SystemCall> {
    let users = [
        (User::Zygote, "zygote"),
        (User::Exec, "exec"),
        (User::Start, "start"),
        (User::Worker, "worker"),
        (User::Reader, "reader"),
        (User::Writer, "writer"),
        (User::Compiler, "compiler"),
    ];
    let call = |call: &Call| SystemCall {
        name: call.name,
        number: call.number,
        users: users
            .into_iter()
            .filter(|(user, _)| call.users.contains(user))
            .map(|(_, name)| name)
            .collect(),
        reason: call.reason,
    };
    CALLS.iter().map(call).collect()
}

/// Whether tasks can run here by at least one start method.
pub fn works(findings: &[Finding]) -> bool {
    findings
        .iter()
        .any(|finding| finding.topic == Topic::Start && finding.state == State::Yes)
}

fn state(yes: bool) -> State {
    if yes { State::Yes } else { State::No }
}

/// A pool of one worker that ran a task.
struct Trial {
    took: Duration,
    /// The pool's own words for what it tried.
    walls: Vec<WallReport>,
    worker: Option<Worker>,
}

impl Trial {
    fn run(method: StartMethod) -> Result<Self, String> {
        let begun = Instant::now();
        let pool = Pool::builder()
            .workers(1)
            .start_method(method)
            .no_cache()
            .build()
            .map_err(|error| error.to_string())?;
        let module =
            pool.load_bytes(r#"(module (func (export "seven") (result i32) (i32.const 7)))"#);
        let task = module
            .map_err(|error| error.to_string())?
            .task::<(), i32>("seven")
            .map_err(|error| error.to_string())?;
        let seven = task.call(()).map_err(|error| error.to_string())?;
        let took = begun.elapsed();
        if seven != 7 {
            return Err(format!("a task that returns 7 returned {seven}"));
        }
        let walls = pool.jail_report().to_vec();
        // The worker that ran it waits for the next one: it can be looked at.
        Ok(Self {
            took,
            walls,
            worker: Worker::find(),
        })
    }
}

fn started(name: &'static str, trial: &Result<Trial, String>) -> Finding {
    let meaning = match name {
        "forkserver" => "workers are forked from a small process that is ready: the default",
        _ => "every worker is started from the program, with its own address layout: slower",
    };
    let (state, seen) = match trial {
        Ok(trial) => (
            State::Yes,
            format!(
                "pool, module and first result in {} ms",
                trial.took.as_millis()
            ),
        ),
        Err(reason) => (State::No, reason.clone()),
    };
    Finding {
        topic: Topic::Start,
        name,
        state,
        seen,
        meaning,
    }
}

/// What can be seen of a worker process from outside.
struct Worker {
    status: String,
    limits: String,
    /// It is not dumpable: then its files in /proc are root's, whoever runs it.
    closed: State,
    environment: State,
}

impl Worker {
    /// A worker of this process: the deepest of the processes below it.
    fn find() -> Option<Self> {
        let parents = parents();
        let depth = |pid: u32| {
            let mut depth = 0;
            let mut at = pid;
            while at != std::process::id() {
                at = *parents
                    .iter()
                    .find(|(child, _)| *child == at)
                    .map(|(_, parent)| parent)?;
                depth += 1;
            }
            Some(depth)
        };
        // Launcher, zygote, worker.
        let of_pool = |pid: u32| {
            let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            command
                .windows(divert::LAUNCHER.to_bytes().len())
                .any(|word| word == divert::LAUNCHER.to_bytes())
                || command.is_empty()
        };
        let (_, pid) = parents
            .iter()
            .filter_map(|(pid, _)| Some((depth(*pid)?, *pid)))
            .filter(|(depth, pid)| *depth == 3 && of_pool(*pid))
            .max()?;
        let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).ok();
        let status = read("status")?;
        let own_uid = field(&status, "Uid")?
            .split_ascii_whitespace()
            .next()?
            .to_owned();
        let root = own_uid == "0";
        let owner = fs::metadata(format!("/proc/{pid}/status"))
            .ok()
            .map(|data| std::os::unix::fs::MetadataExt::uid(&data));
        let closed = match owner {
            _ if root => State::Unseen,
            Some(owner) => state(owner == 0),
            None => State::Unseen,
        };
        let environment = match fs::read(format!("/proc/{pid}/environ")) {
            Ok(environment) => state(environment.iter().all(|byte| *byte == 0)),
            Err(_) => State::Unseen,
        };
        Some(Self {
            limits: read("limits")?,
            status,
            closed,
            environment,
        })
    }

    /// The value of a line of its status.
    fn status(&self, name: &str) -> Option<&str> {
        field(&self.status, name)
    }

    /// The soft limit of that name.
    fn limit(&self, name: &str) -> Option<&str> {
        self.limits
            .lines()
            .find_map(|line| line.strip_prefix(name))?
            .split_ascii_whitespace()
            .next()
    }
}

/// The value behind `name:` in a file of such lines.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
}

/// Every process with its parent.
fn parents() -> Vec<(u32, u32)> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let parent = |entry: fs::DirEntry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        Some((pid, field(&status, "PPid")?.parse().ok()?))
    };
    processes.filter_map(|entry| parent(entry.ok()?)).collect()
}

fn walls(trial: Option<&Trial>) -> Vec<Finding> {
    let worker = trial.and_then(|trial| trial.worker.as_ref());
    let wall = |name, state, seen: &str, meaning| Finding {
        topic: Topic::Wall,
        name,
        state,
        seen: seen.to_owned(),
        meaning,
    };
    let by_worker =
        |look: &dyn Fn(&Worker) -> Option<bool>| worker.and_then(look).map_or(State::Unseen, state);
    // What the pool itself found out, with the reason where a wall does not stand.
    let reported = |which: Wall, name, about: String, meaning| {
        let line = trial.and_then(|trial| trial.walls.iter().find(|line| line.wall == which));
        let (state, seen) = match line.map(|line| &line.standing) {
            Some(Standing::Stands) => (State::Yes, about),
            Some(Standing::Missing(reason)) => (State::No, reason.clone()),
            Some(Standing::Lifted) | None => (State::Unseen, String::new()),
        };
        wall(name, state, &seen, meaning)
    };
    let landlock = probe::landlock_version();
    let allowed: BTreeSet<i64> = system_calls().iter().map(|call| call.number).collect();
    let core = worker
        .and_then(|worker| worker.limit("Max core file size"))
        .unwrap_or("?");
    let files = worker
        .and_then(|worker| worker.limit("Max open files"))
        .unwrap_or("?");
    vec![
        wall(
            "WebAssembly",
            state(trial.is_some()),
            "wasmtime, compiled code with bounds and stack checks",
            "the boundary itself: a task reaches its own memory and the functions it is given, nothing else",
        ),
        reported(
            Wall::Namespaces,
            "namespaces",
            "user, process, mount, IPC and host-name namespaces".to_owned(),
            "code that broke out could not see or signal other processes",
        ),
        reported(
            Wall::EmptyRoot,
            "empty root",
            "with the start method forkserver".to_owned(),
            "code that broke out would find no file by any path",
        ),
        reported(
            Wall::Landlock,
            "Landlock",
            landlock.map_or(String::new(), |version| format!("version {version}")),
            "code that broke out could open no file, however it was started",
        ),
        reported(
            Wall::NoNewCode,
            "no new code",
            "PR_SET_MDWE".to_owned(),
            "memory that was ever writable never becomes executable",
        ),
        reported(
            Wall::PrivateMemory,
            "private memory",
            "RLIMIT_DATA".to_owned(),
            "a worker cannot use more memory than its task may, and a base for itself",
        ),
        reported(
            Wall::SystemCalls,
            "seccomp filter",
            format!("{} system calls are allowed", allowed.len()),
            "code that broke out could make no system call but the few that the pool needs",
        ),
        reported(
            Wall::LastFilter,
            "last filter",
            "loaded when everything is mapped".to_owned(),
            "code that broke out could open, start or make executable nothing more",
        ),
        wall(
            "no_new_privs",
            by_worker(&|worker| Some(worker.status("NoNewPrivs")? == "1")),
            "",
            "no program that it starts can have more rights than it has",
        ),
        wall(
            "no capabilities",
            by_worker(&|worker| Some(worker.status("CapEff")?.chars().all(|digit| digit == '0'))),
            "",
            "nothing of root's powers is left in a worker, whoever runs your program",
        ),
        wall(
            "no dumps",
            worker.map_or(State::Unseen, |worker| worker.closed),
            if worker.is_some_and(|worker| worker.closed == State::Unseen) {
                "set, and not to be seen by root"
            } else {
                ""
            },
            "processes of this user, other workers among them, cannot read or trace a worker",
        ),
        wall(
            "empty environment",
            worker.map_or(State::Unseen, |worker| worker.environment),
            if worker.is_some_and(|worker| worker.environment == State::Unseen) {
                "set, and not to be seen by others"
            } else {
                ""
            },
            "no password or token of yours is in a worker",
        ),
        wall(
            "resource limits",
            by_worker(&|worker| Some(worker.limit("Max core file size")? == "0")),
            &format!("core dumps {core}, open files {files}"),
            "a worker cannot fill the disk with dumps or use up descriptors",
        ),
        wall(
            "dies with its parent",
            state(trial.is_some()),
            "set for launcher, zygote and worker; and end of file on their sockets",
            "no worker outlives your program, however that ends",
        ),
    ]
}

fn comforts() -> Vec<Finding> {
    let comfort = |name, state, seen, meaning| Finding {
        topic: Topic::Comfort,
        name,
        state,
        seen,
        meaning,
    };
    let scan = File::open("/proc/self/pagemap")
        .is_ok_and(|pagemap| probe::has_pagemap_scan(pagemap.as_fd()));
    let (cached, cache) = cache();
    let (files, descriptors) = descriptors();
    vec![
        comfort(
            "cache",
            cached,
            cache,
            "compiled modules are kept on disk: the next start maps them",
        ),
        comfort(
            "sealed memory files",
            state(has_sealed_files()),
            String::new(),
            "needed: machine code and large data are handed over without a copy, and cannot be changed behind one's back",
        ),
        comfort(
            "page map scan",
            state(scan),
            String::new(),
            "a fresh instance costs 2 µs instead of 6",
        ),
        comfort(
            "descriptors",
            files,
            descriptors,
            "each worker takes two of this program's",
        ),
        cgroup(),
    ]
}

/// Whether compiled modules are kept, where, and how many.
fn cache() -> (State, String) {
    match Cache::open_default() {
        Ok(cache) => {
            let held = cache.usage().map_or(String::new(), |usage| {
                format!(
                    ", {} modules in {} MiB",
                    usage.entries,
                    usage.bytes.div_ceil(1 << 20)
                )
            });
            (State::Yes, format!("{}{held}", cache.path().display()))
        }
        Err(error) => {
            let source = std::error::Error::source(&error)
                .map_or(String::new(), |source| format!(": {source}"));
            (State::No, format!("{error}{source}"))
        }
    }
}

fn has_sealed_files() -> bool {
    let file = rustix::fs::memfd_create(
        c"wasmpool-doctor",
        MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING,
    );
    file.is_ok_and(|file| {
        rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)
            .is_ok()
    })
}

/// How many workers the limit of open files leaves room for, beside some for the program itself.
fn descriptors() -> (State, String) {
    /// What a program of ordinary size has open itself.
    const OWN: u64 = 64;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let Some(limit) = limit else {
        return (State::Yes, "no limit".to_owned());
    };
    let workers = limit.saturating_sub(OWN) / 2;
    (
        state(workers > 0),
        format!("{limit} open files: room for some {workers} workers"),
    )
}

fn cgroup() -> Finding {
    let group = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let path = group
        .lines()
        .find_map(|line| line.strip_prefix("0::"))
        .map(|path| format!("/sys/fs/cgroup{path}"));
    let writable = |path: &String| {
        rustix::fs::access(Path::new(path).join("memory.max"), Access::WRITE_OK).is_ok()
    };
    Finding {
        topic: Topic::Comfort,
        name: "own cgroup",
        state: path
            .as_ref()
            .map_or(State::No, |path| state(writable(path))),
        seen: path.unwrap_or_default(),
        meaning: "not used by this version; limits of tasks need none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let status = "NSpid:\t7\t2\nPid:\t9\nNoNewPrivs:\t1\n";
        assert_eq!(field(status, "Pid"), Some("9"));
        assert_eq!(field(status, "NSpid"), Some("7\t2"));
        assert_eq!(field(status, "Priv"), None);
    }

    #[test]
    fn this_process_has_a_parent() {
        let own = parents()
            .into_iter()
            .find(|(pid, _)| *pid == std::process::id());
        assert_eq!(
            own.map(|(_, parent)| parent),
            Some(std::os::unix::process::parent_id())
        );
    }

    #[test]
    fn it_looks_at_everything_and_pools_work_here() {
        let findings = examine();
        assert!(works(&findings), "{findings:?}");
        for name in [
            "forkserver",
            "spawn",
            "namespaces",
            "no_new_privs",
            "Landlock",
            "seccomp filter",
            "cache",
        ] {
            assert_eq!(
                findings
                    .iter()
                    .filter(|finding| finding.name == name)
                    .count(),
                1,
                "{name}"
            );
        }
        let no_new_privs = findings
            .iter()
            .find(|finding| finding.name == "no_new_privs");
        assert_eq!(
            no_new_privs.map(|finding| finding.state),
            Some(State::Yes),
            "{findings:?}"
        );
    }
}
