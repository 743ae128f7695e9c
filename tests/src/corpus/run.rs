//! Runs cases: in pools of one kind, as they stand, and with what stops them lifted.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use guest_hostile::answer;
use wasmpool::{
    Builder, ByteSize, Isolation, Jail, Limits, Lock, Need, Outcome, Pool, RawArray, Receive, Task,
    TaskError, Wall,
};

use super::{Argument, Came, Case, End, Lift, Relax, Run, Setting, Show, plain};
use crate::kinds::Kind;
use crate::{DEADLINE, TASK_TIMEOUT, attack, guests, lie, project};

/// A task that asks for random bytes, so many that a program of the tests takes it for an order.
fn attacker(pool: &Pool) -> Result<Task<(i32, i64), i64>> {
    Ok(pool.load_bytes(attack::ATTACKER)?.task("attack")?)
}

/// Whose workers they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Program {
    /// This program's own.
    Own,
    /// `src/bin/hijacked.rs`.
    Hijacked,
    /// `src/bin/liar.rs`.
    Liar,
}

type Key = (Program, Setting, String);

/// Pools of one kind, each made when it is first needed.
#[derive(Debug)]
pub struct Pools {
    kind: Kind,
    programs: [&'static str; 2],
    made: Mutex<BTreeMap<Key, Arc<Pool>>>,
}

/// For what is to be compiled in the end.
const PATIENCE: Duration = Duration::from_secs(600);
/// Cases that fill gigabytes take turns.
static WIDE: Mutex<()> = Mutex::new(());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pools {
    /// Pools of this kind; the programs whose workers are hijacked and lie, which only a test knows the path of.
    #[must_use]
    pub fn new(kind: Kind, hijacked: &'static str, liar: &'static str) -> Self {
        Self {
            kind,
            programs: [hijacked, liar],
            made: Mutex::default(),
        }
    }

    /// A builder of an ordinary pool of this kind.
    pub(super) fn builder(&self) -> Builder {
        self.kind.builder()
    }

    /// A pool of honest workers.
    pub(super) fn pool(&self, setting: Setting) -> Result<Arc<Pool>> {
        self.of(Program::Own, setting, None)
    }

    pub(super) fn of(
        &self,
        program: Program,
        setting: Setting,
        relax: Option<Relax>,
    ) -> Result<Arc<Pool>> {
        let key = (program, setting, format!("{relax:?}"));
        let mut made = lock(&self.made);
        if let Some(pool) = made.get(&key) {
            return Ok(Arc::clone(pool));
        }
        let pool = Arc::new(self.build(program, setting, relax)?);
        made.insert(key, Arc::clone(&pool));
        Ok(pool)
    }

    fn build(&self, program: Program, setting: Setting, relax: Option<Relax>) -> Result<Pool> {
        let mut limits = Limits::default();
        limits.timeout = Some(DEADLINE);
        limits.memory = ByteSize::mib(64);
        limits.output = ByteSize::mib(4);
        if program == Program::Liar {
            limits.partial = ByteSize::new(lie::cap::PARTIAL);
            limits.message = ByteSize::new(lie::cap::CALL);
        }
        match setting {
            Setting::Ordinary => {}
            Setting::Fuel => limits.fuel = Some(10_000_000),
            Setting::Cpu => limits.cpu_time = Some(Duration::from_millis(100)),
            Setting::Patient => limits.compile_time = PATIENCE,
            Setting::Wide => limits.memory = ByteSize::gib(4),
            Setting::SmallModules => limits.module_size = ByteSize::new(64 << 10),
            Setting::Hurried => limits.compile_time = Duration::from_millis(50),
            Setting::NarrowCompiler => {
                limits.compile_memory = ByteSize::mib(8);
                limits.compile_time = PATIENCE;
            }
        }
        let defaults = Limits::default();
        match relax {
            Some(Relax::Memory) => limits.memory = ByteSize::mib(128),
            Some(Relax::AllMemory) => limits.memory = ByteSize::gib(4),
            Some(Relax::Stack) => limits.stack = ByteSize::mib(4),
            Some(Relax::Fuel) => limits.fuel = None,
            Some(Relax::CpuTime) => limits.cpu_time = None,
            Some(Relax::Output) => limits.output = ByteSize::mib(16),
            Some(Relax::Partials) => limits.partial = ByteSize::mib(256),
            Some(Relax::ModuleSize) => limits.module_size = defaults.module_size,
            Some(Relax::CompileTime) => limits.compile_time = PATIENCE,
            Some(Relax::CompileMemory) => {
                limits.compile_memory = defaults.compile_memory;
                limits.compile_time = PATIENCE;
            }
            _ => {}
        }
        let mut builder = self.kind.builder().limits(limits);
        builder = match program {
            Program::Own => builder,
            Program::Hijacked => builder.worker_exe(self.programs[0]),
            Program::Liar => builder.worker_exe(self.programs[1]),
        };
        if matches!(setting, Setting::Hurried | Setting::NarrowCompiler) {
            // What was compiled before would not be compiled again.
            builder = builder.no_cache();
        }
        builder = match relax {
            Some(Relax::Import) => builder.host_import("env", "open_the_door", |_, door: i32| door),
            Some(Relax::AllWalls) => builder.jail(Jail::Off),
            Some(Relax::Walls) => builder
                .jail(Jail::Off)
                .wall(Wall::Namespaces, Need::IfAvailable),
            Some(Relax::AllBut(walls)) => {
                let keep = |builder: Builder, wall: &Wall| builder.wall(*wall, Need::IfAvailable);
                walls.iter().fold(builder.jail(Jail::Off), keep)
            }
            _ => builder,
        };
        if matches!(
            relax,
            Some(Relax::Walls | Relax::AllWalls | Relax::AllBut(_))
        ) {
            // What an attack leaves behind in its process is nobody else's.
            builder = builder.isolation(Isolation::Process);
        }
        builder
            .build()
            .with_context(|| format!("{program:?}, {setting:?}, {relax:?}"))
    }
}

/// Runs a case as it stands; `None` when another program shows it.
///
/// # Errors
/// What ended otherwise than a case can end, such as a neighbour that noticed.
pub fn run(pools: &Pools, case: &Case) -> Result<Option<Came>> {
    if let Run::Elsewhere { file, test } = case.run {
        exists(file, test)?;
        return Ok(None);
    }
    attempt(pools, &case.run, case.setting, None, case.ends).map(Some)
}

/// Runs a case with what stops it lifted, and says how that should end; `None` when it cannot be.
///
/// # Errors
/// As [`run`].
pub fn run_lifted(pools: &Pools, case: &Case) -> Result<Option<(End, Came)>> {
    match &case.lifted {
        Lift::Not(_) => Ok(None),
        Lift::Again { relax, comes } => {
            let came = attempt(pools, &case.run, case.setting, Some(*relax), *comes)?;
            Ok(Some((*comes, came)))
        }
        Lift::Shown { comes, show, .. } => Ok(Some((*comes, shown(pools, case, show)?))),
    }
}

/// Runs something that is part of a larger case, in an ordinary pool.
pub(super) fn once(pools: &Pools, run: &Run) -> Result<Came> {
    attempt(pools, run, Setting::Ordinary, None, End::Answers)
}

fn shown(pools: &Pools, case: &Case, show: &Show) -> Result<Came> {
    let source = || match &case.run {
        Run::Load(source) | Run::Work(source) | Run::Objects(source) => Ok(source.binary()),
        other => bail!("{other:?} has no module"),
    };
    match show {
        Show::EveryProposal => plain::validates(&source()?),
        Show::Engine => plain::reads(&source()?),
        Show::PlainRun => plain::runs(&source()?),
        Show::Believe => match &case.run {
            Run::Lie(name) => Ok(Came::Harmed(lie::believe(lie::named(name)))),
            other => bail!("{other:?} is no lie"),
        },
        Show::Objects(source) => once(pools, &Run::Objects(source.clone())),
        Show::Play(play) => play(pools),
    }
}

fn attempt(
    pools: &Pools,
    run: &Run,
    setting: Setting,
    relax: Option<Relax>,
    ends: End,
) -> Result<Came> {
    let _turn = (setting == Setting::Wide).then(|| lock(&WIDE));
    let pool = || pools.of(Program::Own, setting, relax);
    match run {
        Run::Act(act) => {
            let pool = pool()?;
            let task = guests::work(&pool)?;
            let right = |value: u64| {
                ensure!(value == answer(7), "the answer is {value}");
                Ok(Came::Value(Vec::new()))
            };
            finish(&task, (7, *act), ends, right)
        }
        Run::Work(source) => {
            let pool = pool()?;
            let module = pool.load_bytes(source.bytes())?;
            let task = module.task::<Vec<u8>, Vec<u8>>("work")?;
            finish(&task, Vec::<u8>::new(), ends, |bytes| {
                Ok(Came::Value(bytes))
            })
        }
        Run::Objects(source) => {
            let pool = pool()?;
            let module = pool.load_bytes(source.bytes())?;
            let task = module.task::<(Lock, Lock, RawArray<u64>), u8>("work")?;
            let (one, other) = (Lock::new()?, Lock::new()?);
            let array = RawArray::<u64>::zeroed(16_384)?;
            Ok(match task.call((&one, &other, &array)) {
                Ok(code) => Came::Value(vec![code]),
                Err(error) => Came::Failed(error),
            })
        }
        Run::Load(source) => Ok(load(&*pool()?, source.bytes())),
        Run::Family(all) => {
            let pool = pool()?;
            let mut last = None;
            for (number, source) in all().into_iter().enumerate() {
                let came = load(&pool, source);
                ensure!(ends.is(&came), "number {number} comes to {came:?}");
                last = Some(came);
            }
            last.context("a family of nobody")
        }
        Run::Lie(name) => tell(pools, name, ends),
        Run::Native(name, argument) => native(pools, name, *argument, relax),
        Run::Play(play) => play(pools),
        Run::Elsewhere { .. } => bail!("another program shows it"),
    }
}

/// Loads a module, and has what can be named of it.
fn load(pool: &Pool, source: Vec<u8>) -> Came {
    match pool.load_bytes(source) {
        Ok(_) => Came::Loaded,
        Err(error) => Came::NotLoaded(error),
    }
}

/// Runs a task to the end that is expected of it: in a moment, by its time limit, or never.
fn finish<In, Out: Receive, A: wasmpool::Arg<In>>(
    task: &Task<In, Out>,
    argument: A,
    ends: End,
    value: impl FnOnce(Out) -> Result<Came>,
) -> Result<Came> {
    let outcome: Outcome<Out> = match ends {
        End::Fails("timeout") => task.timeout(TASK_TIMEOUT).call(argument),
        End::RunsOn => match task.start(argument).get_timeout(2 * TASK_TIMEOUT) {
            Err(call) => {
                call.cancel();
                let outcome = call.get();
                ensure!(
                    matches!(outcome, Err(TaskError::Cancelled)),
                    "a cancelled call did not end so"
                );
                return Ok(Came::RanOn);
            }
            Ok(outcome) => outcome,
        },
        _ => task.call(argument),
    };
    match outcome {
        Ok(it) => value(it),
        Err(error) => Ok(Came::Failed(error)),
    }
}

/// A lie between two honest tasks, which must not notice.
fn tell(pools: &Pools, name: &str, ends: End) -> Result<Came> {
    let pool = pools.of(Program::Liar, Setting::Ordinary, None)?;
    let task = attacker(&pool)?.max_output(ByteSize::new(lie::cap::OUTPUT));
    let task = match ends {
        End::Fails("timeout") => task.timeout(TASK_TIMEOUT),
        _ => task,
    };
    let (told, honest) = (lie::len_of(name), lie::len_of("nothing"));
    let mut outcomes = pool
        .map(&task, [(honest, 40), (told, 41), (honest, 42)])
        .into_iter();
    let (before, it, after) = (outcomes.next(), outcomes.next(), outcomes.next());
    ensure!(
        matches!((&before, &after), (Some(Ok(40)), Some(Ok(42)))),
        "its neighbours came to {before:?} and {after:?}"
    );
    Ok(match it.context("no outcome")? {
        Ok(number) => Came::Number(number),
        Err(error) => Came::Failed(error),
    })
}

/// A process that can be spared.
struct Victim(Child);

impl Victim {
    fn start() -> Result<Self> {
        let mut command = Command::new("sleep");
        let child = command.arg("600").stdin(Stdio::null()).spawn()?;
        Ok(Self(child))
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn native(pools: &Pools, name: &str, argument: Argument, relax: Option<Relax>) -> Result<Came> {
    let pool = pools.of(Program::Hijacked, Setting::Ordinary, relax)?;
    let victim = relax.map(|_| Victim::start()).transpose()?;
    let argument = match (argument, &victim) {
        (Argument::Number(number), _) => number,
        (Argument::Victim, Some(victim)) => victim.0.id().into(),
        (Argument::Victim, None) => std::process::id().into(),
    };
    let came = attack(&pool, name, argument)?;
    if let (Some(mut victim), "kill_host") = (victim, name) {
        use std::os::unix::process::ExitStatusExt;
        ensure!(victim.0.wait()?.signal() == Some(libc::SIGKILL));
    }
    Ok(came)
}

fn attack(pool: &Pool, name: &str, argument: i64) -> Result<Came> {
    Ok(
        match attacker(pool)?.call((attack::len_of(name), argument)) {
            Ok(number) => Came::Number(number),
            Err(error) => Came::Failed(error),
        },
    )
}

/// Connects to somebody who listens.
pub(super) fn connect(pools: &Pools) -> Result<Came> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let pool = pools.of(Program::Hijacked, Setting::Ordinary, Some(Relax::AllWalls))?;
    attack(&pool, "connect_tcp", port.into())
}

/// Whether a file of the project has a test of this name.
fn exists(file: &str, test: &str) -> Result<()> {
    let path = project().join(file);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    ensure!(
        text.contains(&format!("fn {test}(")),
        "{file} has no test {test}"
    );
    Ok(())
}
