//! The host's end of a worker that says anything: notices on the socket, bytes in the ring, words in the control page, in
//! any order with what the host does meanwhile.
//!
//! Whatever it is: no panic, each item has exactly one outcome, a result consists of what was said for that very task, no
//! cap is passed, and nothing that people get to see obeys a worker.

use std::{
    collections::BTreeMap,
    os::fd::OwnedFd,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use wasmpool_abi::{Encoded, to_vec};

use super::{assert_clean, script::Script};
use crate::{
    Manager, PoolEvent,
    dispatch::{
        hub::Hub,
        link::{Broken, Link},
        segment::Segment,
        stream::{Delivery, Stream},
    },
    jail::wall::{Jail, Policy, WallSet},
    module::{
        accept::accept,
        codec::ItemCodec,
        describe::{self, Description},
        sealed::SealedCode,
    },
    pool::{
        builder::{CacheChoice, Config, Isolation},
        event::LogSource,
        host_function::{CallContext, Functions, Named, typed},
        limits::Limits,
        loading::Loader,
        module::{Module, ModuleInner},
        outcome::TaskError,
        size::ByteSize,
        tenant::TenantLimits,
    },
    shared::grant::{self, Grant},
    supervisor::{
        child::{Child, Role},
        host_end::StartMethod,
        protocol::Exit,
    },
    wire::{
        arena::{Arena, monotonic_ns},
        completion::{Completion, Frame, GuestFailure, OutputKind, TrapReport},
        message::{Callee, Notice, Response},
        ring::HEAD,
        socket,
    },
    worker::contract::CallKind,
};

/// Cap of a result.
const OUTPUT: u64 = 100;
/// Cap of a task's partial results.
const PARTIAL: u64 = 50;
/// Cap of a call to the host.
const CALL: u64 = 4 << 10;
/// Bytes of an input slot: three long items, which are too long for a message.
const SLOT: u64 = 3 * (LONG as u64 + 8);
/// Bytes of an item that is long.
const LONG: usize = 20 << 10;
/// Workers of one run: what one leaves the next gets.
const WORKERS: u32 = 4;

/// Plays one worker after the other, as the bytes say.
pub fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut scene = Scene::new(&mut script);
    let mut workers = 1;
    while !script.is_over() {
        let Err(broken) = scene.step(&mut script) else {
            continue;
        };
        assert_clean(&broken.to_string());
        if workers == WORKERS {
            break;
        }
        workers += 1;
        scene.replace(&broken, &mut script);
    }
    scene.finish();
}

/// A module with one task of bytes.
static DESCRIPTION: LazyLock<Description> = LazyLock::new(|| {
    let wat = br#"(module (import "wasmpool" "input_len" (func (result i32)))
        (func (export "t") (result i32) i32.const 0))"#;
    let accepted = accept(wat, 1 << 20, &[]).expect("the module is accepted");
    describe::describe(accepted.info).expect("and described")
});

/// What a function will answer, some time later.
type Late = Box<dyn FnOnce(&mut Link, &Hub)>;

struct Scene {
    hub: Arc<Hub>,
    module: Arc<ModuleInner>,
    stream: Arc<Stream>,
    link: Link,
    arena: Arena,
    socket: OwnedFd,
    items: u8,
    /// The item of each task of this worker; the first task is number 1.
    tasks: Vec<u8>,
    /// The task that an honest worker would speak of now.
    due: u64,
    /// Bytes were written that may be anything: what results consist of is not known any more.
    raw: bool,
    late: Option<Late>,
    /// An event had a text that is not to be printed.
    unclean: Arc<AtomicBool>,
}

fn hub(unclean: &Arc<AtomicBool>) -> Arc<Hub> {
    let mut functions = Functions::default();
    let twice = typed(|_: &CallContext, text: String| Ok::<_, String>(text.repeat(2)));
    let deep = typed(
        |_: &CallContext, rows: Vec<(u32, Option<String>)>| match rows.len() {
            0 => Err("no rows"),
            rows => Ok(rows as u64),
        },
    );
    let twice = Named::new::<String, String>(twice);
    let deep = Named::new::<Vec<(u32, Option<String>)>, u64>(deep);
    for (name, function) in [("twice", twice), ("rows", deep)] {
        functions
            .add(name.into(), function)
            .expect("names of their own");
    }
    let unclean = Arc::clone(unclean);
    let observer = move |event: &PoolEvent<'_>| {
        if let PoolEvent::Log { text, .. } = event
            && text
                .chars()
                .any(|c| c.is_control() && c != '\n' && c != '\t')
        {
            unclean.store(true, SeqCst);
        }
    };
    let config = Config {
        workers: 1,
        start_method: StartMethod::default(),
        isolation: Isolation::default(),
        limits: Limits {
            message: ByteSize::new(CALL),
            output: ByteSize::new(OUTPUT),
            partial: ByteSize::new(PARTIAL),
            ..Limits::default()
        },
        reports: false,
        tenant_limits: TenantLimits::default(),
        max_idle_workers: 1,
        max_tasks_per_worker: None,
        cache: CacheChoice::Off,
        worker_exe: None,
        observer: Some(Arc::new(observer)),
        functions,
        jail: Policy::of(Jail::Off),
    };
    Hub::new(config).expect("there are descriptors")
}

/// The objects of every third item: a dictionary and a lock.
fn grants() -> Vec<Grant> {
    let dict = Manager::new().max_items(8).dict::<u8, String>();
    let lock = crate::Lock::new().expect("there is memory");
    let (encoded, collected) = grant::collect(|| {
        to_vec::<crate::Dict<u8, String>, _>(&dict)?;
        to_vec::<crate::Lock, _>(&lock)
    });
    encoded.expect("both are arguments");
    collected.grants
}

/// A worker's process that is none, the host's end and the worker's.
fn worker(module: &Arc<ModuleInner>) -> (Link, Arena, OwnedFd) {
    let (ours, file) = Arena::create(SLOT).expect("there is memory");
    let (here, there) = socket::pair().expect("there are descriptors");
    let theirs = Arena::open(&file, SLOT).expect("there is memory");
    let child = Arc::new(Child::new(1, Role::Worker, 0));
    let link = Link::new(child, Arc::clone(module), here, ours, 7);
    (link, theirs, there)
}

impl Scene {
    fn new(script: &mut Script<'_>) -> Self {
        let unclean = Arc::new(AtomicBool::new(false));
        let hub = hub(&unclean);
        let file = || SealedCode::from_bytes(b"-").expect("there is memory");
        let module = Arc::new(ModuleInner::new(
            1,
            "m".into(),
            (file(), file()),
            false,
            DESCRIPTION.clone(),
            false,
            Arc::default(),
        ));
        let loader = Arc::new(Loader::new(&CacheChoice::Off).expect("there is no cache"));
        let limits = Arc::new(hub.config.limits.clone());
        let named = Module::new(Arc::clone(&hub), loader, Arc::clone(&module), limits);
        let mut plan = named
            .task_at::<Encoded, Encoded>(0, ItemCodec::Verbatim)
            .plan()
            .clone();
        let setup = script.u8();
        plan.timeout = (setup & 1 != 0).then_some(Duration::from_secs(1));
        plan.retries = u32::from(setup >> 1 & 1);
        plan.process_per_task = setup & 4 != 0;
        // Else results may be as much longer as a command's have beside its output.
        plan.spec.stderr = 0;
        if setup & 8 != 0 {
            plan.spec.kind = CallKind::Session;
        }
        plan.spec.report = setup & 32 != 0;
        plan.spec.cpu = (setup & 64 != 0).then_some(1_000_000);
        let long = setup & 16 != 0;
        let items = script.below(if long { 6 } else { 24 }) + 1;
        let stream = Stream::new(plan, &hub, true);
        let mut segment = Segment::new(0, u32::from(setup >> 1 & 1));
        for item in 0..items {
            segment
                .push(|bytes| {
                    bytes.resize(bytes.len() + if long { LONG } else { 1 }, item);
                    Ok::<_, ()>(())
                })
                .expect("it always encodes");
            let objects = if item % 3 == 0 { grants() } else { Vec::new() };
            segment.give(objects);
        }
        while long && segment.count > 3 {
            let rest = segment.split_off(3);
            stream.push(std::mem::replace(&mut segment, rest));
        }
        stream.push(segment);
        stream.complete();
        let (link, arena, socket) = worker(&module);
        let mut scene = Self {
            hub,
            module,
            stream,
            link,
            arena,
            socket,
            items,
            tasks: Vec::new(),
            due: 1,
            raw: false,
            late: None,
            unclean,
        };
        scene.link.dedicated = setup & 32 != 0;
        if setup & 64 == 0 {
            scene.notice(&Notice::Ready(WallSet::default()));
            scene.send(setup >> 4);
        }
        scene
    }

    /// Another worker in the place of one that is of no more use.
    fn replace(&mut self, broken: &Broken, script: &mut Script<'_>) {
        let (link, arena, socket) = worker(&self.module);
        let exit = match script.below(4) {
            0 => Some(Exit::Code(script.u8().into())),
            1 => Some(Exit::Signal(31)),
            _ => None,
        };
        std::mem::replace(&mut self.link, link).bury(&self.hub, exit, broken);
        (self.arena, self.socket) = (arena, socket);
        (self.tasks, self.due, self.late) = (Vec::new(), 1, None);
        if script.flag() {
            self.notice(&Notice::Ready(WallSet::default()));
        }
    }

    fn step(&mut self, script: &mut Script<'_>) -> Result<(), Broken> {
        let now = Instant::now();
        match script.below(20) {
            0..=4 => self.say(script),
            5 => {
                let (task, body) = (self.task(script), script.piece());
                self.raw = true;
                self.record(task, body);
            }
            6 => {
                self.raw = true;
                self.commit(script.long_piece());
            }
            7 => {
                let _ = socket::send(&self.socket, script.piece(), &[]);
            }
            8 => self.word(script),
            9 => {
                self.arena.started().store(monotonic_ns(), SeqCst);
                self.arena.running().store(self.task(script), SeqCst);
            }
            10 => self.arena.write_stderr(script.piece()),
            11 => self.notice(&Notice::Doorbell),
            12 => return self.link.read(&self.hub),
            13 => return self.link.wait(&self.hub, Some(now)),
            14 => {
                const AFTER: [u64; 5] = [0, 2, 150, 1500, 20_000];
                let after = AFTER[usize::from(script.below(5))];
                let now = now + Duration::from_millis(after);
                return self.link.tick(&self.hub, now).map(drop);
            }
            15 => {
                let held = self.link.holds_up(now, Duration::ZERO);
                assert!(!held || self.link.flights() > 0);
                return self.link.revoke(&self.hub);
            }
            16 => {
                let most = script.below(8);
                return self.try_send(most);
            }
            17 => {
                if let Some(call) = self.link.take_call() {
                    let late: Late = Box::new(move |link, hub| link.reply(hub, call.run()));
                    self.late = Some(late);
                }
            }
            18 => {
                if let Some(late) = self.late.take() {
                    late(&mut self.link, &self.hub);
                }
            }
            _ => {
                if script.below(8) == 0 {
                    self.hub.cancel(&self.stream);
                } else if self.link.is_idle() {
                    self.link.trim();
                }
            }
        }
        Ok(())
    }

    /// The host sends as many items as there are, up to `most` and one.
    fn send(&mut self, most: u8) {
        // A worker that is gone is found out by the next step.
        let _ = self.try_send(most);
    }

    fn try_send(&mut self, most: u8) -> Result<(), Broken> {
        if !self.link.has_room() {
            return Ok(());
        }
        let Some(mut segment) = self.stream.next_segment() else {
            return Ok(());
        };
        self.stream.put_back(segment.split_off(u32::from(most) + 1));
        let first = segment.first;
        for item in first..first + u64::from(segment.count) {
            self.tasks.push(u8::try_from(item).expect("items are few"));
        }
        self.link.send(Arc::clone(&self.stream), segment)
    }

    /// The number of a task: mostly the one that is due.
    fn task(&self, script: &mut Script<'_>) -> u64 {
        match script.u8() {
            0..200 => self.due,
            near @ 200..240 => self.due.wrapping_add(u64::from(near)).wrapping_sub(205),
            _ => script.number(),
        }
    }

    /// Bytes for a task, which show whose they are, unless nobody knows that yet.
    fn bytes_of(&mut self, task: u64, len: u8) -> Vec<u8> {
        let place = usize::try_from(task.wrapping_sub(1)).ok();
        let item = place.and_then(|place| self.tasks.get(place)).copied();
        self.raw |= item.is_none();
        vec![item.unwrap_or(0xff); len.into()]
    }

    /// A response that decodes.
    fn say(&mut self, script: &mut Script<'_>) {
        let task = self.task(script);
        let kind = script.below(16);
        let payload = self.bytes_of(task, script.u8());
        let response = match kind {
            0..=2 => Response::Value(&payload),
            3 => Response::Piece(&payload),
            4 => Response::Partial(&payload),
            5 => Response::PartialPiece(&payload),
            6 | 7 => Response::Failed(completion(script)),
            8 => Response::Progress {
                done: script.number().cast_signed(),
                total: script.number().cast_signed(),
            },
            9 => Response::Log {
                source: LogSource::Stdout,
                level: script.u8(),
                text: script.piece(),
            },
            10 => Response::Dropped,
            11 => Response::Gone,
            12 => Response::CallPiece(script.piece()),
            13 => Response::Long(script.number()),
            _ => Response::Call {
                callee: callee(script),
                args: script.piece(),
            },
        };
        let body = postcard::to_allocvec(&response).expect("it encodes");
        self.record(task, &body);
        match response {
            Response::Value(_) | Response::Failed(_) => self.due = task.wrapping_add(1),
            // An honest worker goes on with what was sent after it.
            Response::Dropped => self.due = self.tasks.len() as u64 + 1,
            _ => {}
        }
    }

    fn record(&self, task: u64, body: &[u8]) {
        let mut record = vec![0; HEAD];
        let len = u32::try_from(body.len()).expect("bodies are short");
        record[0..4].copy_from_slice(&len.to_le_bytes());
        record[8..16].copy_from_slice(&task.to_le_bytes());
        record.extend_from_slice(body);
        record.resize(record.len().next_multiple_of(8), 0);
        self.commit(&record);
    }

    fn commit(&self, bytes: &[u8]) {
        let at = self.arena.committed().load(SeqCst);
        self.arena.write_ring(at, bytes);
        let end = at.wrapping_add(bytes.len() as u64);
        self.arena.committed().store(end, SeqCst);
    }

    fn notice(&mut self, notice: &Notice) {
        let bytes = postcard::to_allocvec(notice).expect("it encodes");
        let _ = socket::send(&self.socket, &bytes, &[]);
    }

    /// A word of the control page is whatever it is, those of the host among them.
    fn word(&mut self, script: &mut Script<'_>) {
        let (word, value) = (script.below(12), script.number());
        // A position shows the host what lay in the ring long ago, or half of it.
        self.raw |= matches!(word, 7 | 8);
        let short = u32::try_from(value).unwrap_or(u32::MAX);
        let arena = &self.arena;
        match word {
            0 => arena.stop().store(value, SeqCst),
            1 => arena.revoked().store(value, SeqCst),
            2 => arena.consumed().store(value, SeqCst),
            3 => arena.wake().store(short, SeqCst),
            4 => arena.replied().store(value, SeqCst),
            5 => arena.running().store(value, SeqCst),
            6 => arena.started().store(value, SeqCst),
            7 => {
                arena.committed().fetch_add(value, SeqCst);
            }
            8 => arena.committed().store(value, SeqCst),
            9 => arena.stderr_total().store(value, SeqCst),
            10 => arena.waiting().store(short, SeqCst),
            _ => arena.notified().store(short, SeqCst),
        }
    }

    /// The worker's process ends, and the call; what became of the items.
    fn finish(self) {
        drop(self.socket);
        self.link.bury(&self.hub, None, &Broken::Ended);
        self.stream.cancel(&TaskError::Cancelled);
        let mut seen = BTreeMap::new();
        let mut put = |item: u64, outcome: Result<&[u8], &TaskError>| {
            assert!(seen.insert(item, ()).is_none(), "item {item} came twice");
            match outcome {
                Ok(bytes) => {
                    assert!(bytes.len() as u64 <= OUTPUT + 64, "{} bytes", bytes.len());
                    let own = bytes.iter().all(|byte| u64::from(*byte) == item);
                    assert!(self.raw || own, "item {item} is {bytes:?}");
                }
                Err(error) => assert_clean(&error.to_string()),
            }
        };
        while let Some(delivery) = self.stream.try_take() {
            match &delivery {
                Delivery::Values {
                    first,
                    copy,
                    ranges,
                } => {
                    for (index, range) in (*first..).zip(ranges) {
                        put(index, Ok(&copy[range.start as usize..range.end as usize]));
                    }
                }
                Delivery::Value { index, bytes } => put(*index, Ok(bytes)),
                Delivery::Failed { index, error } => put(*index, Err(error)),
            }
        }
        assert!(
            seen.into_keys().eq(0..u64::from(self.items)),
            "one is missing"
        );
        assert!(self.stream.is_over());
        while let Some(partial) = self.stream.next_partial() {
            assert!(partial.len() as u64 <= PARTIAL, "{} bytes", partial.len());
            let own = partial.iter().all(|byte| *byte == partial[0]);
            assert!(self.raw || own, "a partial result of several: {partial:?}");
        }
        assert!(!self.unclean.load(SeqCst), "a log is not to be printed");
    }
}

/// How a task may be said to have ended.
fn completion(script: &mut Script<'_>) -> Completion {
    let text = |script: &mut Script<'_>| String::from_utf8_lossy(script.piece()).into_owned();
    let frames = |script: &mut Script<'_>| {
        let mut frames = Vec::new();
        for _ in 0..script.below(3) {
            frames.push(Frame {
                function: text(script),
                file: script.flag().then(|| text(script)),
                line: Some(script.u32()),
            });
        }
        frames
    };
    match script.below(9) {
        0 => Completion::Value,
        1 => Completion::Stopped,
        2 => Completion::Memory {
            limit: script.number(),
            wanted: script.number(),
        },
        3 => Completion::Fuel {
            limit: script.number(),
        },
        4 => Completion::Output {
            what: OutputKind::Partial,
            limit: script.number(),
            wanted: script.number(),
        },
        5 => Completion::Refused {
            message: text(script),
        },
        6 => Completion::Trap(TrapReport {
            message: text(script),
            backtrace: frames(script),
        }),
        _ => Completion::Guest(GuestFailure {
            message: text(script),
            panic: script.flag().then(|| (text(script), script.u32())),
            data: script.flag().then(|| script.piece().to_vec()),
            input: script.flag(),
            code: script.u32().cast_signed(),
            backtrace: frames(script),
        }),
    }
}

/// Whom a task may ask.
fn callee<'a>(script: &mut Script<'a>) -> Callee<'a> {
    let name = |script: &mut Script<'a>| std::str::from_utf8(script.piece()).unwrap_or("rows");
    match script.below(8) {
        0..=3 => Callee::Object {
            grant: script.below(3).into(),
            op: script.below(60).into(),
        },
        4 => Callee::Function("twice"),
        5 => Callee::Function("rows"),
        6 => Callee::Function(name(script)),
        _ => Callee::Import {
            module: name(script),
            name: name(script),
        },
    }
}
