//! What the tests share: input, output and stop word in memory, and a module ready to run.

use std::io::Write as _;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, mpsc};

pub(super) use std::time::{Duration, Instant};

pub(super) use crate::module::info::{Number, TaskShape};
pub(super) use crate::worker::contract::{CallKind, CallSpec, LogSource};
pub(super) use crate::worker::runner::StartError;

use rustix::fs::{MemfdFlags, SealFlags};
use wasmpool_abi::Code;
use wasmtime::{Engine, Module};

use crate::module::engine::{EngineOptions, engine};
use crate::module::info::{ModuleInfo, ModuleKind, TaskExport};
use crate::wire::message::Callee;
use crate::worker::contract::{Called, Finished, Input, Outbox, Stop};
use crate::worker::runner::Runner;

/// How long a test waits for what must come: only a hang takes so long.
pub(super) const LONG: Duration = Duration::from_secs(30);

/// A stop word with a bell.
#[derive(Clone, Default)]
pub(super) struct Word(Arc<(Mutex<bool>, Condvar)>);

impl Word {
    pub(super) fn set(&self, stop: bool) {
        *self.0.0.lock().unwrap() = stop;
        self.0.1.notify_all();
    }
}

impl Stop for Word {
    fn requested(&self) -> bool {
        *self.0.0.lock().unwrap()
    }

    fn sleep(&self, until: Option<Instant>) {
        let left = until.map_or(LONG, |until| {
            until.saturating_duration_since(Instant::now())
        });
        let word = self.0.0.lock().unwrap();
        if !*word {
            drop(self.0.1.wait_timeout(word, left).unwrap());
        }
    }
}

impl Input for Vec<u8> {
    fn of(bytes: &Rc<[u8]>) -> Self {
        bytes.to_vec()
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn read(&self, offset: usize, dst: &mut [u8]) {
        dst.copy_from_slice(&self[offset..offset + dst.len()]);
    }
}

/// Everything that a task has sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) output: Vec<u8>,
    pub(super) emitted: Vec<Vec<u8>>,
    pub(super) progress: Vec<(i64, i64)>,
    pub(super) log: Vec<(LogSource, u8, String)>,
    pub(super) stderr: Vec<u8>,
    /// Whom it asked, and with what.
    pub(super) calls: Vec<(String, Vec<u8>)>,
}

impl Outbox for Sent {
    fn output(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }
    fn output_len(&self) -> u64 {
        self.output.len() as u64
    }
    fn discard(&mut self) {
        self.output.clear();
    }
    fn emit(&mut self, bytes: &[u8]) {
        self.emitted.push(bytes.to_vec());
    }
    fn progress(&mut self, done: i64, total: i64) {
        self.progress.push((done, total));
    }
    fn log(&mut self, source: LogSource, level: u8, text: &[u8]) {
        // A flood is a flood: the tests want its beginning.
        if self.log.len() < 1000 {
            let text = String::from_utf8_lossy(text).into_owned();
            self.log.push((source, level, text));
        }
    }
    fn stderr(&mut self, bytes: &[u8]) {
        self.stderr.extend_from_slice(bytes);
    }
    /// Says everything twice; knows no function `none`, and is silent when asked for `silence`.
    fn call(
        &mut self,
        callee: Callee<'_>,
        args: &[u8],
        stopped: &dyn Fn() -> bool,
        reply: &mut Vec<u8>,
    ) -> Called {
        self.calls.push((format!("{callee:?}"), args.to_vec()));
        match callee {
            Callee::Function("none") => Called::Replied(Err(Code::NotFound)),
            Callee::Function("silence") => {
                while !stopped() {
                    std::thread::yield_now();
                }
                Called::Stopped
            }
            _ => {
                reply.extend_from_slice(args);
                reply.extend_from_slice(args);
                Called::Replied(Ok(()))
            }
        }
    }
}

/// A module ready to run.
pub(super) struct World {
    pub(super) engine: Engine,
    pub(super) runner: Runner<Word, Vec<u8>, Sent>,
    pub(super) stop: Word,
}

impl World {
    /// Every export named is a task through the ABI.
    pub(super) fn abi(wat: &str, exports: &[&str]) -> Self {
        let tasks = exports.iter().map(|name| (*name, TaskShape::Abi));
        Self::start(wat, &info(tasks, wat.contains("\"_initialize\"")), false).unwrap()
    }

    pub(super) fn abi_with_fuel(wat: &str) -> Self {
        Self::start(wat, &info([("task", TaskShape::Abi)], false), true).unwrap()
    }

    pub(super) fn command(wat: &str) -> Self {
        Self::start(wat, &info([("_start", TaskShape::Command)], false), false).unwrap()
    }

    pub(super) fn numbers(wat: &str, name: &str, params: &[Number], results: &[Number]) -> Self {
        let shape = TaskShape::Numbers {
            params: params.to_vec(),
            results: results.to_vec(),
        };
        Self::start(wat, &info([(name, shape)], false), false).unwrap()
    }

    pub(super) fn start(wat: &str, info: &ModuleInfo, fuel: bool) -> Result<Self, StartError> {
        let engine = engine(EngineOptions {
            fuel,
            ..EngineOptions::default()
        })
        .unwrap();
        let module = module(&engine, wat);
        let stop = Word::default();
        Ok(Self {
            runner: Runner::new(Runner::imports(&engine)?, &module, info, stop.clone(), 1)?,
            engine,
            stop,
        })
    }

    pub(super) fn run(&mut self, call: &CallSpec, input: &[u8]) -> Finished<Sent> {
        self.runner.run(call, input.to_vec(), Sent::default())
    }

    /// Runs a call that is told to stop after a while, as the host does it: the word, then the epoch, again and again. On a busy
    /// machine it may not have begun by then.
    pub(super) fn run_and_stop(&mut self, call: &CallSpec, after: Duration) -> Finished<Sent> {
        let begun = Instant::now();
        self.run_and_stop_when(call, || begun.elapsed() >= after)
    }

    /// The same for a call that is told to stop when this is so, at the latest when it takes too long.
    pub(super) fn run_and_stop_when(
        &mut self,
        call: &CallSpec,
        is_so: impl Fn() -> bool + Send,
    ) -> Finished<Sent> {
        let (engine, stop) = (self.engine.clone(), self.stop.clone());
        let finished = std::thread::scope(|scope| {
            // Over when it is dropped, also by a panic.
            let (_running, over) = mpsc::channel::<()>();
            let moment = Duration::from_millis(1);
            scope.spawn(move || {
                let begun = Instant::now();
                while !is_so() && begun.elapsed() < LONG {
                    std::thread::sleep(moment);
                }
                stop.set(true);
                while over.recv_timeout(moment) == Err(mpsc::RecvTimeoutError::Timeout) {
                    engine.increment_epoch();
                }
            });
            self.run(call, b"")
        });
        self.stop.set(false);
        finished
    }
}

pub(super) fn info<'a>(
    tasks: impl IntoIterator<Item = (&'a str, TaskShape)>,
    initialize: bool,
) -> ModuleInfo {
    let task = |(name, shape): (&str, TaskShape)| TaskExport {
        name: name.to_owned(),
        export: name.to_owned(),
        shape,
    };
    ModuleInfo {
        kind: ModuleKind::Raw,
        task_section: Vec::new(),
        tasks: tasks.into_iter().map(task).collect(),
        imports: Vec::new(),
        functions: Vec::new(),
        memories: Vec::new(),
        tables: Vec::new(),
        data_end: 0,
        initialize,
        wasm_size: 0,
    }
}

/// Compiles as the compiler process does and loads as a worker does.
pub(super) fn module(engine: &Engine, wat: &str) -> Module {
    let wasm = wat::parse_str(wat).unwrap();
    let code = engine.precompile_module(&wasm).unwrap();
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = rustix::fs::memfd_create("code", flags).unwrap();
    let mut file = std::fs::File::from(fd);
    file.write_all(&code).unwrap();
    assert!(
        crate::sys::code::load(engine, file.as_fd(), code.len()).is_err(),
        "a file that can still change was mapped"
    );
    let seals = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&file, seals).unwrap();
    assert!(crate::sys::code::load(engine, file.as_fd(), code.len() + 1).is_err());
    crate::sys::code::load(engine, file.as_fd(), code.len()).unwrap()
}

/// The call that a test starts from.
pub(super) fn call() -> CallSpec {
    CallSpec {
        task: 0,
        memory: 64 << 20,
        fuel: None,
        output: 1 << 20,
        partial: 1 << 20,
        logs: u64::MAX,
        stderr: 1 << 10,
        cpu: None,
        report: false,
        keep_instance: false,
        kind: CallKind::default(),
    }
}
