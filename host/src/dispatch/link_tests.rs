//! The test plays the worker, honestly or not, and looks at what the host's end makes of it: whatever a worker says, every
//! item has one outcome or waits to be sent again, and never both.

#[path = "link_tests/calls.rs"]
mod calls;
#[path = "link_tests/deadlines.rs"]
mod deadlines;
#[path = "link_tests/interleavings.rs"]
mod interleavings;
#[path = "link_tests/leases.rs"]
mod leases;
#[path = "link_tests/lies.rs"]
mod lies;
#[path = "link_tests/revocations.rs"]
mod revocations;

use std::{collections::BTreeMap, ops::Range, sync::atomic::Ordering::SeqCst};

use super::*;
use crate::{
    dispatch::{
        hub::{Hub, Running},
        stream::{CallPlan, Delivery},
    },
    jail::wall::{Jail, Need, Policy, Wall, WallSet},
    module::{
        codec::ItemCodec,
        describe::Description,
        info::{ModuleInfo, ModuleKind},
        sealed::SealedCode,
    },
    pool::{
        builder::{CacheChoice, Config, Isolation},
        host_function::{CallContext, Functions, Named, typed},
        limits::Limits,
        outcome::TaskError,
        size::ByteSize,
        tenant::TenantLimits,
    },
    supervisor::host_end::StartMethod,
    wire::{
        arena::RING,
        completion::{Completion, Usage},
        message::{Callee, Notice, Response},
        ring::{HEAD, MAX_BODY},
    },
    worker::contract::{CallKind, CallSpec},
};

/// Caps of the tasks here; none is a command, to which the one of standard error belongs.
const STDERR: u32 = 80;
const OUTPUT: u64 = 100;
/// A byte more.
const LONG_OUTPUT: usize = 101;
const PARTIAL: u64 = 50;
const LOGS: u64 = 1000;
/// Cap of a call to the host.
const CALL: u64 = 50 << 10;
/// A byte more.
const LONG_CALL: usize = (50 << 10) + 1;
/// Longer than the host waits for anything.
const FOR_EVER: Duration = Duration::from_secs(3600);

fn hub() -> Arc<Hub> {
    hub_with(Functions::default())
}

fn hub_with(functions: Functions) -> Arc<Hub> {
    Hub::new(Config {
        workers: 2,
        start_method: StartMethod::default(),
        isolation: Isolation::default(),
        limits: Limits {
            message: ByteSize::new(CALL),
            ..Limits::default()
        },
        reports: false,
        max_tasks_per_worker: None,
        cache: CacheChoice::Off,
        worker_exe: None,
        observer: None,
        functions,
        jail: Policy::of(Jail::Off),
        tenant_limits: TenantLimits::default(),
        max_idle_workers: 2,
    })
    .unwrap()
}

fn module() -> Arc<ModuleInner> {
    let info = ModuleInfo {
        kind: ModuleKind::Raw,
        task_section: Vec::new(),
        tasks: Vec::new(),
        imports: Vec::new(),
        functions: Vec::new(),
        memories: Vec::new(),
        tables: Vec::new(),
        data_end: 0,
        initialize: false,
        wasm_size: 0,
    };
    let described = Description {
        info,
        signatures: Vec::new(),
        functions: Vec::new(),
    };
    let file = || SealedCode::from_bytes(b"-").unwrap();
    let files = (file(), file());
    Arc::new(ModuleInner::new(
        1,
        "m".into(),
        files,
        false,
        described,
        false,
        Arc::default(),
    ))
}

/// A call of `items` items; item 7 has the bytes `[7]`.
fn stream(
    hub: &Arc<Hub>,
    module: &Arc<ModuleInner>,
    items: u8,
    timeout: Option<Duration>,
    retries: u32,
) -> Arc<Stream> {
    stream_asking(hub, module, items, (timeout, retries), |_| {})
}

/// The same, with something else in what is said of the call.
fn stream_asking(
    hub: &Arc<Hub>,
    module: &Arc<ModuleInner>,
    items: u8,
    (timeout, retries): (Option<Duration>, u32),
    ask: impl FnOnce(&mut CallSpec),
) -> Arc<Stream> {
    let mut plan = CallPlan {
        module: Arc::clone(module),
        spec: CallSpec {
            task: 0,
            memory: 0,
            fuel: None,
            output: OUTPUT,
            partial: PARTIAL,
            logs: LOGS,
            stderr: STDERR,
            cpu: None,
            report: false,
            keep_instance: false,
            kind: CallKind::default(),
        },
        timeout,
        own_timeout: false,
        input: ByteSize::new(CALL),
        process_per_task: false,
        chunk: None,
        retries,
        initializer: None,
        grants: None,
        codec: ItemCodec::Verbatim,
        head: None,
    };
    ask(&mut plan.spec);
    let stream = Stream::new(plan, hub, true);
    stream.push(segment(0..items, retries));
    stream.complete();
    stream
}

/// The hub knows its process, as if it had asked for it.
fn register(hub: &Hub, link: &Link) {
    let child = Arc::clone(&link.child);
    let running = Running { child, seat: None };
    hub.lock().processes.insert(link.child.id(), running);
}

fn segment(items: Range<u8>, retries: u32) -> Segment {
    let mut segment = Segment::new(items.start.into(), retries);
    for item in items {
        segment
            .push(|bytes| {
                bytes.push(item);
                Ok::<_, ()>(())
            })
            .unwrap();
    }
    segment
}

/// What became of each item: `value`, the kind of its error, or `waits` when it is to be sent again.
///
/// # Panics
/// When an item is in two places or in none.
fn places(stream: &Stream, items: u8) -> Vec<&'static str> {
    let mut places = BTreeMap::new();
    let mut put = |item: u64, place: &'static str| {
        let before = places.insert(item, place);
        assert!(before.is_none(), "item {item}: {before:?} and {place}");
    };
    for (item, outcome) in outcomes(stream) {
        put(
            item,
            outcome.as_ref().map_or_else(TaskError::kind, |_| "value"),
        );
    }
    while let Some(segment) = stream.next_segment() {
        for item in segment.first..segment.first + u64::from(segment.count) {
            put(item, "waits");
        }
    }
    assert!(places.keys().copied().eq(0..u64::from(items)), "{places:?}");
    places.into_values().collect()
}

fn outcomes(stream: &Stream) -> Vec<(u64, Result<Vec<u8>, TaskError>)> {
    let mut all = Vec::new();
    while let Some(delivery) = stream.try_take() {
        match delivery {
            Delivery::Values {
                first,
                copy,
                ranges,
            } => {
                for (index, range) in (first..).zip(ranges) {
                    let bytes = &copy[range.start as usize..range.end as usize];
                    all.push((index, Ok(bytes.to_vec())));
                }
            }
            Delivery::Value { index, bytes } => all.push((index, Ok(bytes))),
            Delivery::Failed { index, error } => all.push((index, Err(error))),
        }
    }
    all
}

/// The worker's end, in the hands of the test.
struct Worker {
    arena: Arena,
    socket: OwnedFd,
}

impl Worker {
    fn start(module: &Arc<ModuleInner>) -> (Link, Self) {
        let (arena, file) = Arena::create(1 << 16).unwrap();
        let (ours, theirs) = socket::pair().unwrap();
        let worker = Self {
            arena: Arena::open(&file, 1 << 16).unwrap(),
            socket: theirs,
        };
        let child = Arc::new(Child::new(1, crate::supervisor::child::Role::Worker, 1));
        (Link::new(child, Arc::clone(module), ours, arena, 1), worker)
    }

    /// Bytes into the ring, committed.
    fn raw(&self, bytes: &[u8]) {
        let at = self.arena.committed().load(SeqCst);
        self.arena.write_ring(at, bytes);
        self.arena
            .committed()
            .store(at + bytes.len() as u64, SeqCst);
    }

    fn say(&self, task: u64, response: &Response<'_>) {
        self.raw(&record(task, &postcard::to_allocvec(response).unwrap()));
    }

    fn call(&self, task: u64, callee: Callee<'_>, args: &[u8]) {
        self.say(task, &Response::Call { callee, args });
    }

    fn value(&self, task: u64) {
        self.say(task, &Response::Value(b"v"));
    }

    fn notice(&self, notice: &Notice) {
        let bytes = postcard::to_allocvec(notice).unwrap();
        socket::send(&self.socket, &bytes, &[]).unwrap();
    }

    fn bell(&self) {
        if self.arena.notified().swap(1, SeqCst) == 0 {
            self.notice(&Notice::Doorbell);
        }
    }

    fn begin(&self, task: u64) {
        self.arena.started().store(monotonic_ns(), SeqCst);
        self.arena.running().store(task, SeqCst);
    }

    fn end(&self) {
        self.arena.running().store(0, SeqCst);
    }

    /// The middle of the handshake: whether `task`, which was told as running, may run.
    fn may_run(&self, task: u64) -> bool {
        let revoked = self.arena.revoked().load(SeqCst);
        revoked == 0 || task < revoked
    }

    /// The next batch: its first task, and its items.
    fn batch(&self) -> Option<(u64, Vec<u8>)> {
        let mut buffer = vec![0; MAX_MESSAGE];
        let message = socket::receive(&self.socket, &mut buffer, false).ok()??;
        match postcard::from_bytes(message).unwrap() {
            Request::Batch(batch) => {
                let Place::Inline(mut bytes) = batch.inputs else {
                    panic!("small batches travel inline");
                };
                let mut items = Vec::new();
                while let Ok((item, rest)) = postcard::take_from_bytes::<&[u8]>(bytes) {
                    items.push(item[0]);
                    bytes = rest;
                }
                assert_eq!(items.len(), batch.count as usize);
                Some((batch.first, items))
            }
            other => panic!("{other:?}"),
        }
    }
}

fn record(task: u64, body: &[u8]) -> Vec<u8> {
    let mut record = vec![0; HEAD];
    record[0..4].copy_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
    record[8..16].copy_from_slice(&task.to_le_bytes());
    record.extend_from_slice(body);
    record.resize(record.len().next_multiple_of(8), 0);
    record
}

struct Scene {
    hub: Arc<Hub>,
    stream: Arc<Stream>,
    link: Link,
    worker: Worker,
    items: u8,
}

impl Scene {
    /// Batches of so many items are on their way to a worker that is ready. The first task is number 1.
    fn new(batches: &[u8], timeout: Option<Duration>) -> Self {
        Self::of(batches, timeout, |_| {})
    }

    /// The same for a call without a time limit that says something else.
    fn asking(batches: &[u8], ask: impl FnOnce(&mut CallSpec)) -> Self {
        Self::of(batches, None, ask)
    }

    fn of(batches: &[u8], timeout: Option<Duration>, ask: impl FnOnce(&mut CallSpec)) -> Self {
        let (hub, module) = (hub(), module());
        let items = batches.iter().sum();
        let stream = stream_asking(&hub, &module, items, (timeout, 0), ask);
        let (mut link, worker) = Worker::start(&module);
        worker.notice(&Notice::Ready(WallSet::default()));
        link.read(&hub).unwrap();
        let mut all = stream.next_segment().unwrap();
        for &count in batches {
            let rest = all.split_off(count.into());
            link.send(Arc::clone(&stream), std::mem::replace(&mut all, rest))
                .unwrap();
        }
        Self {
            hub,
            stream,
            link,
            worker,
            items,
        }
    }

    fn tick(&mut self, after: Duration) -> Result<Option<Instant>, Broken> {
        self.link.tick(&self.hub, Instant::now() + after)
    }

    fn read(&mut self) -> Result<(), Broken> {
        self.link.read(&self.hub)
    }

    /// The worker's process ends; what became of the items.
    fn bury(self, broken: &Broken) -> Vec<&'static str> {
        drop(self.worker);
        self.link.bury(&self.hub, None, broken);
        places(&self.stream, self.items)
    }

    /// What became of the items whose worker is alive: those in flight are in no place of the stream.
    fn idle(self) -> Vec<&'static str> {
        assert!(self.link.is_idle(), "{:?}", self.link);
        assert_eq!(self.worker.arena.revoked().load(SeqCst), 0);
        places(&self.stream, self.items)
    }
}

/// What a worker does.
type Play = fn(&Worker);

#[test]
fn a_worker_without_a_required_wall_runs_no_task() {
    let mut jail = Policy::of(Jail::Off);
    jail.set(Wall::Landlock, Need::Required);
    assert_eq!(
        jail.missing_in_worker(WallSet::default()),
        Some(Wall::Landlock)
    );
    let mut hub = hub();
    Arc::get_mut(&mut hub).unwrap().config.jail = jail;
    let (mut link, worker) = Worker::start(&module());
    worker.notice(&Notice::Ready(WallSet::default()));
    let broken = link.read(&hub).unwrap_err();
    assert!(
        matches!(&broken, Broken::Unable(why) if why.contains("landlock")),
        "{broken:?}"
    );
    let (mut link, worker) = Worker::start(&module());
    let mut standing = WallSet::default();
    standing.insert(Wall::Landlock);
    worker.notice(&Notice::Ready(standing));
    link.read(&hub).unwrap();
}
