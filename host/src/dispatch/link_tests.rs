//! The test plays the worker, honestly or not, and looks at what the host's end makes of it: whatever a worker says, every
//! item has one outcome or waits to be sent again, and never both.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
};

use proptest::prelude::*;

use super::*;
use crate::{
    dispatch::stream::CallPlan,
    module::{
        codec::ItemCodec,
        describe::Description,
        info::{ModuleInfo, ModuleKind},
        sealed::SealedCode,
    },
    pool::{
        builder::{CacheChoice, Config, Isolation},
        limits::Limits,
        outcome::TaskError,
    },
    supervisor::host_end::StartMethod,
    wire::{
        arena::RING,
        completion::Completion,
        ring::{HEAD, MAX_BODY},
    },
    worker::contract::CallSpec,
};

/// Caps of the tasks here.
const OUTPUT: u64 = 100;
const PARTIAL: u64 = 50;
/// Longer than the host waits for anything.
const FOR_EVER: Duration = Duration::from_secs(3600);

fn hub() -> Arc<Hub> {
    Hub::new(Config {
        workers: 2,
        start_method: StartMethod::default(),
        isolation: Isolation::default(),
        limits: Limits::default(),
        max_tasks_per_worker: None,
        cache: CacheChoice::Off,
        worker_exe: None,
        observer: None,
    })
    .unwrap()
}

fn module() -> Arc<ModuleInner> {
    let info = ModuleInfo {
        kind: ModuleKind::Raw,
        task_section: Vec::new(),
        tasks: Vec::new(),
        imports: Vec::new(),
        memories: Vec::new(),
        tables: Vec::new(),
        data_end: 0,
        initialize: false,
        wasm_size: 0,
    };
    let described = Description {
        info,
        signatures: Vec::new(),
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
    let plan = CallPlan {
        module: Arc::clone(module),
        spec: CallSpec {
            task: 0,
            memory: 0,
            fuel: None,
            output: OUTPUT,
            partial: PARTIAL,
            stderr: 0,
            keep_instance: false,
        },
        timeout,
        process_per_task: false,
        chunk: None,
        retries,
        codec: ItemCodec::Verbatim,
    };
    let stream = Stream::new(plan, hub, true);
    stream.push(segment(0..items, retries));
    stream.complete();
    stream
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
        let child = Arc::new(Child::new(1, crate::supervisor::child::Role::Worker));
        (Link::new(child, Arc::clone(module), ours, arena), worker)
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
        let (hub, module) = (hub(), module());
        let items = batches.iter().sum();
        let stream = stream(&hub, &module, items, timeout, 0);
        let (mut link, worker) = Worker::start(&module);
        worker.notice(&Notice::Ready);
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

type Play = fn(&Worker);

/// What a worker does that runs the first of three tasks, what the host says to it, and what becomes of the items.
const LIES: &[(&str, Play, &str, [&str; 3])] = {
    const FIRST_LOST: [&str; 3] = ["worker_lost", "waits", "waits"];
    const FIRST_KEPT: [&str; 3] = ["value", "waits", "waits"];
    const ALL_KEPT: [&str; 3] = ["value", "value", "value"];
    &[
        (
            "an answer to no task",
            |w| w.value(0),
            "task 0 where 1 was due",
            FIRST_LOST,
        ),
        (
            "an answer to the next",
            |w| w.value(2),
            "task 2 where 1 was due",
            FIRST_LOST,
        ),
        (
            "one to a task of nobody",
            |w| w.value(u64::MAX),
            "where 1 was due",
            FIRST_LOST,
        ),
        (
            "two answers",
            |w| {
                w.value(1);
                w.value(1)
            },
            "task 1 where 2 was due",
            FIRST_KEPT,
        ),
        (
            "a failure after the value",
            |w| {
                w.value(1);
                w.say(1, &Response::Failed(Completion::Fuel { limit: 1 }))
            },
            "task 1 where 2 was due",
            FIRST_KEPT,
        ),
        (
            "a partial result after the value",
            |w| {
                w.value(1);
                w.say(1, &Response::Partial(b"p"))
            },
            "task 1 where 2 was due",
            FIRST_KEPT,
        ),
        (
            "one answer too many",
            |w| (1..=4).for_each(|task| w.value(task)),
            "nobody asked for",
            ALL_KEPT,
        ),
        (
            "a log of nothing",
            |w| {
                (1..=3).for_each(|task| w.value(task));
                w.say(
                    4,
                    &Response::Log {
                        source: crate::worker::contract::LogSource::Log,
                        level: 1,
                        text: b"x",
                    },
                );
            },
            "nobody asked for",
            ALL_KEPT,
        ),
        (
            "a long result",
            |w| w.say(1, &Response::Value(&[7; 200])),
            "result of 200 bytes",
            FIRST_LOST,
        ),
        (
            "a long result in pieces",
            |w| (0..9).for_each(|_| w.say(1, &Response::Piece(&[7; 60]))),
            "result of 180 bytes",
            FIRST_LOST,
        ),
        (
            "a long last piece",
            |w| {
                w.say(1, &Response::Piece(&[7; 100]));
                w.say(1, &Response::Value(&[7; 100]))
            },
            "result of 200 bytes",
            FIRST_LOST,
        ),
        (
            "a long result after a value",
            |w| {
                w.value(1);
                w.say(2, &Response::Value(&[7; 200]))
            },
            "result of 200 bytes",
            FIRST_KEPT,
        ),
        (
            "long partial results",
            |w| (0..3).for_each(|_| w.say(1, &Response::Partial(&[7; 20]))),
            "partial results of 60 bytes",
            FIRST_LOST,
        ),
        (
            "a long partial result in pieces",
            |w| (0..9).for_each(|_| w.say(1, &Response::PartialPiece(&[7; 20]))),
            "partial results of 60 bytes",
            FIRST_LOST,
        ),
        ("garbage", |w| w.raw(&[0xff; 64]), "a record of", FIRST_LOST),
        (
            "garbage after a value",
            |w| {
                w.value(1);
                w.raw(&[0xff; 64])
            },
            "a record of",
            FIRST_KEPT,
        ),
        ("half a head", |w| w.raw(&[0; 8]), "torn", FIRST_LOST),
        (
            "half a record",
            |w| w.raw(&record(1, &[0; 64])[..40]),
            "torn",
            FIRST_LOST,
        ),
        (
            "reserved bytes",
            |w| {
                w.raw(&[
                    1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0,
                ])
            },
            "torn",
            FIRST_LOST,
        ),
        (
            "a length over the cap",
            |w| w.raw(&record(1, &[0; MAX_BODY + 8])),
            "at most",
            FIRST_LOST,
        ),
        (
            "an empty body",
            |w| w.raw(&record(1, &[])),
            "does not decode",
            FIRST_LOST,
        ),
        (
            "an unknown response",
            |w| w.raw(&record(1, &[99])),
            "does not decode",
            FIRST_LOST,
        ),
        (
            "a length inside that lies",
            |w| w.raw(&record(1, &[0, 0xff, 0xff, 0xff, 0xff, 0x0f, 1])),
            "does not decode",
            FIRST_LOST,
        ),
        (
            "bytes after a response",
            |w| w.raw(&record(1, &[0, 1, 7, 7])),
            "bytes after",
            FIRST_LOST,
        ),
        (
            "a position ahead",
            |w| w.arena.committed().store(RING as u64 + 8, SeqCst),
            "are said to be written",
            FIRST_LOST,
        ),
        (
            "a position behind",
            |w| w.arena.committed().store(u64::MAX - 7, SeqCst),
            "are said to be written",
            FIRST_LOST,
        ),
        (
            "dropped without reason",
            |w| w.say(1, &Response::Dropped),
            "was not revoked",
            FIRST_LOST,
        ),
        (
            "stopped by itself",
            |w| w.say(1, &Response::Failed(Completion::Stopped)),
            "by itself",
            FIRST_LOST,
        ),
        (
            "a failure that is a value",
            |w| w.say(1, &Response::Failed(Completion::Value)),
            "is a value",
            FIRST_LOST,
        ),
        (
            "ready twice",
            |w| w.notice(&Notice::Ready),
            "ready twice",
            FIRST_LOST,
        ),
        (
            "unable after all",
            |w| w.notice(&Notice::Unable("\x1b[2J".into())),
            "could not start: \\u{1b}[2J",
            FIRST_LOST,
        ),
        (
            "a notice that is none",
            |w| socket::send(&w.socket, &[99], &[]).unwrap(),
            "protocol",
            FIRST_LOST,
        ),
        (
            "half a notice",
            |w| socket::send(&w.socket, &[1, 200], &[]).unwrap(),
            "protocol",
            FIRST_LOST,
        ),
        (
            "a notice over the cap",
            |w| socket::send(&w.socket, &vec![2; MAX_MESSAGE + 1], &[]).unwrap(),
            "at most",
            FIRST_LOST,
        ),
        (
            "an empty notice",
            |w| socket::send(&w.socket, &[], &[]).unwrap(),
            "it ended",
            FIRST_LOST,
        ),
        (
            "nonsense about standard error",
            |w| {
                w.arena.stderr_total().store(u64::MAX, SeqCst);
                w.value(7)
            },
            "where 1 was due",
            FIRST_LOST,
        ),
    ]
};

#[test]
fn a_worker_that_breaks_a_rule_costs_the_task_that_ran() {
    for &(name, play, reason, expected) in LIES {
        let mut scene = Scene::new(&[3], None);
        scene.worker.begin(1);
        play(&scene.worker);
        scene.worker.bell();
        let broken = scene.read().expect_err(name);
        assert!(broken.to_string().contains(reason), "{name}: {broken}");
        assert_eq!(scene.bury(&broken), expected, "{name}");
    }
}

#[test]
fn a_position_that_jumps_back_is_refused() {
    let mut scene = Scene::new(&[3], None);
    scene.worker.begin(1);
    scene.worker.value(1);
    scene.worker.bell();
    scene.read().unwrap();
    scene.worker.arena.committed().fetch_sub(8, SeqCst);
    scene.worker.bell();
    let broken = scene.read().unwrap_err();
    assert!(matches!(broken, Broken::Protocol(_)), "{broken}");
    assert_eq!(scene.bury(&broken), ["value", "waits", "waits"]);
}

#[test]
fn a_flood_of_bells_ends_and_says_nothing() {
    let mut scene = Scene::new(&[1], None);
    for _ in 0..100 {
        scene.worker.notice(&Notice::Doorbell);
    }
    scene.read().unwrap();
    scene.worker.value(1);
    scene.read().unwrap();
    assert_eq!(scene.idle(), ["value"]);
}

#[test]
fn partial_results_are_counted_for_each_task_alone() {
    let mut scene = Scene::new(&[3], None);
    for task in 1..=3 {
        scene.worker.begin(task);
        scene.worker.say(task, &Response::PartialPiece(&[1; 30]));
        scene.worker.say(task, &Response::Partial(&[2; 10]));
        scene.worker.value(task);
    }
    scene.worker.bell();
    scene.read().unwrap();
    for _ in 1..=3 {
        assert_eq!(scene.stream.next_partial().unwrap().len(), 40);
    }
    assert_eq!(scene.idle(), ["value"; 3]);
}

#[test]
fn a_partial_result_outlasts_the_answer_before_it() {
    let mut scene = Scene::new(&[2], None);
    scene.worker.value(1);
    scene.worker.begin(2);
    scene.worker.say(2, &Response::PartialPiece(b"be"));
    scene.worker.bell();
    scene.read().unwrap();
    scene.worker.say(2, &Response::Partial(b"gin"));
    scene.worker.value(2);
    scene.worker.bell();
    scene.read().unwrap();
    assert_eq!(scene.stream.next_partial().unwrap(), b"begin");
    assert_eq!(scene.idle(), ["value"; 2]);
}

#[test]
fn partial_results_without_bytes_are_dropped_too() {
    let (hub, module) = (hub(), module());
    let stream = stream(&hub, &module, 1, None, 0);
    let sent = 3 << 20;
    for _ in 0..sent {
        stream.deliver_partial(Vec::new());
    }
    stream.deliver(Delivery::Value {
        index: 0,
        bytes: Vec::new(),
    });
    let kept = std::iter::from_fn(|| stream.next_partial()).count();
    assert!(kept > 1 && kept < sent, "{kept}");
}

#[test]
fn answers_that_were_not_announced_count() {
    let mut scene = Scene::new(&[2, 2], None);
    scene.worker.value(1);
    scene.worker.value(2);
    scene.worker.begin(3);
    rustix::net::shutdown(&scene.worker.socket, rustix::net::Shutdown::Both).unwrap();
    let broken = scene.read().unwrap_err();
    assert!(matches!(broken, Broken::Ended));
    assert_eq!(
        scene.bury(&broken),
        ["value", "value", "worker_lost", "waits"]
    );
}

#[test]
fn a_worker_that_dies_between_tasks_costs_none() {
    for running in [0, 1, 4, u64::MAX] {
        let scene = Scene::new(&[3], None);
        scene.worker.value(1);
        scene.worker.arena.running().store(running, SeqCst);
        assert_eq!(scene.bury(&Broken::Ended), ["value", "waits", "waits"]);
    }
}

#[test]
fn a_worker_that_lies_about_what_runs_costs_the_first_without_an_answer() {
    let scene = Scene::new(&[3], None);
    scene.worker.arena.running().store(3, SeqCst);
    assert_eq!(
        scene.bury(&Broken::Ended),
        ["worker_lost", "waits", "waits"]
    );
    // One in the second batch while the first has no answer is no claim at all.
    let scene = Scene::new(&[2, 1], None);
    scene.worker.arena.running().store(3, SeqCst);
    assert_eq!(scene.bury(&Broken::Ended), ["waits"; 3]);
}

#[test]
fn a_lost_task_is_run_again_as_often_as_its_caller_allows() {
    let (hub, module) = (hub(), module());
    let stream = stream(&hub, &module, 2, None, 2);
    for round in 0..3 {
        let (mut link, worker) = Worker::start(&module);
        worker.notice(&Notice::Ready);
        link.read(&hub).unwrap();
        let segment = stream.next_segment().unwrap();
        assert_eq!((segment.first, segment.retries), (0, 2 - round));
        link.send(Arc::clone(&stream), segment).unwrap();
        worker.begin(1);
        link.bury(&hub, None, &Broken::Ended);
    }
    assert_eq!(places(&stream, 2), ["worker_lost", "waits"]);
}

#[test]
fn an_item_whose_workers_end_before_it_begins_is_given_up_in_the_end() {
    let (hub, module) = (hub(), module());
    let stream = stream(&hub, &module, 3, None, 0);
    let mut lost = 0;
    while stream.peek().is_none() {
        let (mut link, worker) = Worker::start(&module);
        worker.notice(&Notice::Ready);
        link.read(&hub).unwrap();
        link.send(Arc::clone(&stream), stream.next_segment().unwrap())
            .unwrap();
        link.bury(&hub, None, &Broken::Ended);
        lost += 1;
        assert!(lost < 100);
    }
    assert!(lost > 5, "{lost}");
    assert_eq!(places(&stream, 3), ["worker_lost", "waits", "waits"]);
}

#[test]
fn a_module_whose_workers_never_begin_is_given_up() {
    let (hub, module) = (hub(), module());
    let stream = stream(&hub, &module, 3, None, 0);
    for _ in 0..5 {
        let Some(segment) = stream.next_segment() else {
            break;
        };
        let (mut link, worker) = Worker::start(&module);
        worker.notice(&Notice::Unable("no".into()));
        link.send(Arc::clone(&stream), segment).unwrap();
        let broken = link.read(&hub).unwrap_err();
        link.bury(&hub, None, &broken);
    }
    assert_eq!(places(&stream, 3), ["host"; 3]);
}

/// The items behind a row of tasks that take their worker along are not to blame.
#[test]
fn items_behind_tasks_that_kill_are_not_given_up() {
    let (hub, module) = (hub(), module());
    let stream = stream(&hub, &module, 22, None, 0);
    let mut front = stream.next_segment().unwrap();
    let mut behind = front.split_off(20);
    for _ in 0..20 {
        let (mut link, worker) = Worker::start(&module);
        worker.notice(&Notice::Ready);
        link.read(&hub).unwrap();
        link.send(Arc::clone(&stream), front).unwrap();
        link.send(Arc::clone(&stream), behind).unwrap();
        worker.begin(1);
        link.bury(&hub, None, &Broken::Ended);
        front = stream.next_segment().unwrap();
        behind = stream.next_segment().unwrap_or_else(|| front.clone());
    }
    stream.put_back(front);
    let mut expected = vec!["worker_lost"; 20];
    expected.extend(["waits"; 2]);
    assert_eq!(places(&stream, 22), expected);
}

const LIMIT: Duration = Duration::from_millis(200);

#[test]
fn no_word_of_a_worker_moves_the_deadline() {
    // What it says of the running task, and since when.
    for (name, started) in [
        ("future", u64::MAX),
        ("no time", monotonic_ns()),
        ("later", monotonic_ns() + (1 << 40)),
    ] {
        let mut scene = Scene::new(&[3], Some(LIMIT));
        scene.worker.begin(1);
        scene.worker.arena.started().store(started, SeqCst);
        let due = scene.tick(Duration::ZERO).unwrap().unwrap();
        assert!(due <= Instant::now() + LIMIT, "{name}");
        // It claims to run another one of the batch every time that it is looked at.
        for running in [2, 3, 0, 99, 1] {
            scene.worker.arena.running().store(running, SeqCst);
            scene.worker.arena.started().store(u64::MAX, SeqCst);
            scene.tick(Duration::ZERO).unwrap();
            assert_eq!(scene.worker.arena.stop().load(SeqCst), 0);
        }
        scene.worker.arena.running().store(3, SeqCst);
        scene.tick(LIMIT).unwrap();
        assert_eq!(scene.worker.arena.stop().load(SeqCst), 1, "{name}");
        let broken = scene.tick(FOR_EVER).unwrap_err();
        assert!(matches!(broken, Broken::Stuck), "{name}: {broken}");
        assert_eq!(scene.bury(&broken), ["timeout", "waits", "waits"], "{name}");
    }
}

#[test]
fn a_worker_that_hides_what_it_runs_is_killed_all_the_same() {
    for running in [0, 99, u64::MAX] {
        let mut scene = Scene::new(&[3], Some(LIMIT));
        scene.worker.arena.running().store(running, SeqCst);
        scene.tick(LIMIT).unwrap();
        let broken = scene.tick(FOR_EVER).unwrap_err();
        assert!(matches!(broken, Broken::Stuck), "{broken}");
        assert_eq!(scene.bury(&broken), ["waits"; 3]);
    }
}

#[test]
fn a_worker_that_does_not_read_is_killed_all_the_same() {
    let (hub, module) = (hub(), module());
    let stream = stream(&hub, &module, 0, None, 0);
    let (mut link, worker) = Worker::start(&module);
    let mut segment = Segment::new(0, 0);
    for _ in 0..2 {
        segment
            .push(|bytes| {
                bytes.resize(bytes.len() + 20_000, 0);
                Ok::<_, ()>(())
            })
            .unwrap();
    }
    // Without the empty one that it began with.
    stream.next_segment();
    stream.push(segment);
    let mut segment = stream.next_segment().unwrap();
    stream.put_back(segment.split_off(1));
    // The socket is full of what the worker has not read.
    while socket::send(&link.socket, &[0; 1000], &[]).is_ok() {}
    link.send(Arc::clone(&stream), segment).unwrap();
    assert!(link.unsent.is_some());
    assert!(!link.has_room());
    link.tick(&hub, Instant::now()).unwrap();
    let broken = link.tick(&hub, Instant::now() + FOR_EVER).unwrap_err();
    assert!(matches!(broken, Broken::Stuck), "{broken}");
    drop(worker);
    link.bury(&hub, None, &broken);
    assert_eq!(places(&stream, 2), ["waits"; 2]);
}

/// A batch may take longer than the patience with its beginning; between two tasks nothing runs for a moment.
#[test]
fn a_long_batch_is_not_taken_for_one_that_does_not_begin() {
    let mut scene = Scene::new(&[3], None);
    let long_ago = Instant::now().checked_sub(FOR_EVER).unwrap();
    scene.link.flights[0].since = long_ago;
    scene.link.answered = long_ago;
    scene.worker.begin(1);
    scene.worker.value(1);
    scene.worker.bell();
    scene.read().unwrap();
    scene.tick(Duration::ZERO).unwrap();
    scene.worker.begin(2);
    scene.link.revoke(&scene.hub).unwrap();
    scene.link.revoked.as_mut().unwrap().since = long_ago;
    scene.link.answered = long_ago;
    scene.worker.value(2);
    scene.worker.bell();
    scene.read().unwrap();
    scene.tick(Duration::ZERO).unwrap();
    scene.worker.say(3, &Response::Dropped);
    scene.worker.bell();
    scene.read().unwrap();
    assert_eq!(scene.idle(), ["value", "value", "waits"]);
}

#[test]
fn an_answer_at_the_last_moment_counts_and_a_stop_has_its_reason() {
    for (answer, expected) in [
        (Response::Value(b"v"), "value"),
        (Response::Failed(Completion::Stopped), "timeout"),
        (Response::Failed(Completion::Fuel { limit: 1 }), "fuel"),
    ] {
        let mut scene = Scene::new(&[2], Some(LIMIT));
        scene.worker.begin(1);
        scene.tick(LIMIT * 2).unwrap();
        assert_eq!(scene.worker.arena.stop().load(SeqCst), 1);
        scene.worker.say(1, &answer);
        scene.worker.begin(2);
        // The old stop is nothing to the next task.
        scene.tick(Duration::ZERO).unwrap();
        scene.worker.value(2);
        scene.worker.end();
        scene.worker.bell();
        scene.read().unwrap();
        assert_eq!(scene.idle(), [expected, "value"]);
    }
}

#[test]
fn a_batch_that_was_just_sent_holds_nobody_up() {
    let mut scene = Scene::new(&[2], None);
    // What the worker last said is about a task of long ago.
    scene.link.epoch.0 = Instant::now().checked_sub(FOR_EVER).unwrap();
    let long = Duration::from_secs(1);
    assert!(!scene.link.holds_up(Instant::now(), long));
    assert!(scene.link.holds_up(Instant::now() + FOR_EVER, long));
    scene.worker.begin(1);
    scene.worker.value(1);
    scene.worker.bell();
    scene.read().unwrap();
    assert!(!scene.link.holds_up(Instant::now() + FOR_EVER, long));
}

/// Two batches of three tasks, and where the worker stands when they are revoked. What it does before, what after, and
/// which items wait for others in the end.
#[test]
fn a_revocation_at_every_step_of_the_worker_loses_nothing() {
    type Case = (&'static str, Play, Play, [&'static str; 6]);
    const V: &str = "value";
    const W: &str = "waits";
    let cases: [Case; 9] = [
        (
            "before it says what it runs",
            |_| {},
            |w| {
                w.begin(1);
                assert!(!w.may_run(1));
                w.say(1, &Response::Dropped);
                w.begin(4);
                assert!(!w.may_run(4));
                w.say(4, &Response::Dropped);
            },
            [W; 6],
        ),
        (
            "between saying and looking",
            |w| w.begin(1),
            |w| {
                assert!(w.may_run(1));
                w.value(1);
                assert!(!w.may_run(2));
                w.say(2, &Response::Dropped);
                assert!(!w.may_run(4));
                w.say(4, &Response::Dropped);
            },
            [V, W, W, W, W, W],
        ),
        (
            "while it runs the last of a batch",
            |w| {
                w.value(1);
                w.value(2);
                w.begin(3);
            },
            |w| {
                assert!(w.may_run(3));
                w.value(3);
                assert!(!w.may_run(4));
                w.say(4, &Response::Dropped);
            },
            [V, V, V, W, W, W],
        ),
        (
            "after an answer that nobody has read",
            |w| {
                w.begin(1);
                w.value(1);
            },
            |w| {
                assert!(!w.may_run(2));
                w.say(2, &Response::Dropped);
                w.say(4, &Response::Dropped);
            },
            [V, W, W, W, W, W],
        ),
        (
            "between two batches",
            |w| {
                (1..=3).for_each(|task| w.value(task));
                w.end();
            },
            |w| {
                assert!(!w.may_run(4));
                w.say(4, &Response::Dropped);
            },
            [V, V, V, W, W, W],
        ),
        (
            "at the first of the second batch, the first not read",
            |w| {
                (1..=3).for_each(|task| w.value(task));
                w.begin(4);
            },
            |w| {
                // The host did not see that it had come so far: what it says it is about to run, it drops or runs.
                if w.may_run(4) {
                    w.value(4);
                    assert!(!w.may_run(5));
                    w.say(5, &Response::Dropped);
                } else {
                    w.say(4, &Response::Dropped);
                }
            },
            [V, V, V, W, W, W],
        ),
        (
            "when all is answered",
            |w| {
                (1..=6).for_each(|task| w.value(task));
                w.end();
            },
            |_| {},
            [V; 6],
        ),
        (
            "when the last is running",
            |w| {
                (1..=5).for_each(|task| w.value(task));
                w.bell();
                w.begin(6);
            },
            |w| {
                if w.may_run(6) {
                    w.value(6);
                } else {
                    w.say(6, &Response::Dropped);
                }
            },
            [V, V, V, V, V, W],
        ),
        (
            "when it dropped the first batch before the host looked",
            |w| {
                w.value(1);
                w.begin(2);
            },
            |w| {
                assert!(w.may_run(2));
                w.say(2, &Response::Failed(Completion::Fuel { limit: 1 }));
                w.say(3, &Response::Dropped);
                w.say(4, &Response::Dropped);
            },
            [V, "fuel", W, W, W, W],
        ),
    ];
    for (name, before, after, expected) in cases {
        let mut scene = Scene::new(&[3, 3], None);
        before(&scene.worker);
        scene.link.revoke(&scene.hub).unwrap();
        if !scene.link.is_idle() {
            assert!(!scene.link.has_room(), "{name}");
        }
        after(&scene.worker);
        scene.worker.end();
        scene.worker.bell();
        scene.read().unwrap();
        assert_eq!(scene.idle(), expected, "{name}");
        // The same, and the worker dies without a word: nothing was lost and nothing is there twice.
        let mut scene = Scene::new(&[3, 3], None);
        before(&scene.worker);
        scene.link.revoke(&scene.hub).unwrap();
        scene.bury(&Broken::Ended);
    }
}

#[test]
fn a_worker_that_runs_what_was_taken_back_breaks_the_protocol() {
    let mut scene = Scene::new(&[3], None);
    scene.link.revoke(&scene.hub).unwrap();
    scene.worker.value(1);
    scene.worker.bell();
    let broken = scene.read().unwrap_err();
    assert!(matches!(broken, Broken::Protocol(_)), "{broken}");
    assert_eq!(scene.bury(&broken), ["waits"; 3]);
}

#[test]
fn a_worker_that_never_says_that_it_dropped_is_killed() {
    let mut scene = Scene::new(&[3], None);
    scene.link.revoke(&scene.hub).unwrap();
    scene.tick(Duration::ZERO).unwrap();
    let broken = scene.tick(FOR_EVER).unwrap_err();
    assert_eq!(scene.bury(&broken), ["waits"; 3]);
}

/// An honest worker, one step of `serve.rs` at a time.
struct Model {
    worker: Worker,
    /// The batch that it is in: the next task, and the items left.
    batch: Option<(u64, std::vec::IntoIter<u8>)>,
    at: At,
}

#[derive(Clone, Copy)]
enum At {
    /// Before the next task, or between batches.
    Between,
    /// It has told which task it is about to run.
    Told(u64, u8),
    /// It runs.
    Runs(u64, u8),
}

impl Model {
    fn start(module: &Arc<ModuleInner>) -> (Link, Self) {
        let (link, worker) = Worker::start(module);
        worker.notice(&Notice::Ready);
        let model = Self {
            worker,
            batch: None,
            at: At::Between,
        };
        (link, model)
    }

    /// One step; the item that it begins to run, when it does. `false` when there is nothing to do.
    fn step(&mut self, ran: &mut impl FnMut(u8)) -> bool {
        let worker = &self.worker;
        match self.at {
            At::Told(task, item) if worker.may_run(task) => {
                ran(item);
                self.at = At::Runs(task, item);
            }
            At::Told(task, _) => {
                worker.end();
                worker.say(task, &Response::Dropped);
                self.batch = None;
                self.at = At::Between;
                worker.bell();
            }
            At::Runs(task, item) => {
                if worker.arena.stop().load(SeqCst) == task {
                    worker.say(task, &Response::Failed(Completion::Stopped));
                } else if item % 5 == 1 {
                    worker.say(task, &Response::Piece(&[item]));
                    worker.bell();
                    worker.say(task, &Response::Value(&[item]));
                } else if item % 5 == 2 {
                    worker.say(task, &Response::Partial(&[item]));
                    worker.say(
                        task,
                        &Response::Failed(Completion::Fuel { limit: item.into() }),
                    );
                } else {
                    worker.say(task, &Response::Value(&[item, item]));
                }
                self.at = At::Between;
            }
            At::Between => match &mut self.batch {
                None => match worker.batch() {
                    None => return false,
                    Some((first, items)) => self.batch = Some((first, items.into_iter())),
                },
                Some((next, items)) => match items.next() {
                    Some(item) => {
                        worker.begin(*next);
                        self.at = At::Told(*next, item);
                        *next += 1;
                    }
                    None => {
                        worker.end();
                        worker.bell();
                        self.batch = None;
                    }
                },
            },
        }
        true
    }
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Send(u8),
    Worker(u8),
    Read,
    Tick,
    Revoke,
    Kill,
    Cancel,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..6_u8).prop_map(Step::Send),
        10 => (1..8_u8).prop_map(Step::Worker),
        3 => Just(Step::Read),
        2 => Just(Step::Tick),
        3 => Just(Step::Revoke),
        1 => Just(Step::Kill),
    ]
}

/// A pool of one worker, whose steps and the host's are interleaved as told.
struct World {
    hub: Arc<Hub>,
    module: Arc<ModuleInner>,
    stream: Arc<Stream>,
    link: Link,
    model: Model,
    ran: BTreeMap<u8, u32>,
    kills: usize,
}

impl World {
    fn new(items: u8) -> Self {
        let (hub, module) = (hub(), module());
        let stream = stream(&hub, &module, items, None, 0);
        let (link, model) = Model::start(&module);
        Self {
            hub,
            module,
            stream,
            link,
            model,
            ran: BTreeMap::new(),
            kills: 0,
        }
    }

    fn step(&mut self, step: Step) {
        let done = match step {
            Step::Send(most) => self.send(most),
            Step::Worker(steps) => {
                for _ in 0..steps {
                    self.model
                        .step(&mut |item| *self.ran.entry(item).or_default() += 1);
                }
                Ok(())
            }
            Step::Read => self.link.read(&self.hub),
            Step::Tick => self.link.tick(&self.hub, Instant::now()).map(drop),
            Step::Revoke => self.link.revoke(&self.hub),
            Step::Kill => {
                self.kills += 1;
                Err(Broken::Ended)
            }
            Step::Cancel => {
                self.hub.cancel(&self.stream);
                Ok(())
            }
        };
        match done {
            Ok(()) => {}
            Err(broken @ (Broken::Protocol(_) | Broken::Unable(_))) => {
                panic!("an honest worker was refused: {broken}")
            }
            Err(broken) => {
                let (link, model) = Model::start(&self.module);
                self.model = model;
                std::mem::replace(&mut self.link, link).bury(&self.hub, None, &broken);
            }
        }
    }

    fn send(&mut self, most: u8) -> Result<(), Broken> {
        if !self.link.has_room() {
            return Ok(());
        }
        let Some(mut segment) = self.stream.next_segment() else {
            return Ok(());
        };
        self.stream.put_back(segment.split_off(most.into()));
        self.link.send(Arc::clone(&self.stream), segment)
    }

    /// Goes on until every item has its outcome, and checks them.
    fn finish(mut self, items: u8, cancelled: bool) {
        for _ in 0..10_000 {
            if self.link.is_idle() && !self.stream.has_pending() {
                break;
            }
            for step in [Step::Send(3), Step::Worker(5), Step::Read, Step::Tick] {
                self.step(step);
            }
        }
        let mut seen = BTreeMap::new();
        let mut lost = 0;
        for (index, outcome) in outcomes(&self.stream) {
            let item = u8::try_from(index).unwrap();
            let ran = self.ran.get(&item).copied().unwrap_or(0);
            match outcome {
                Ok(bytes) => assert_eq!((bytes, ran), (vec![item, item], 1)),
                Err(TaskError::Fuel { limit }) => assert_eq!((limit, ran), (u64::from(item), 1)),
                Err(TaskError::WorkerLost { .. }) => lost += 1,
                Err(TaskError::Cancelled) => assert!(cancelled),
                Err(other) => panic!("{other:?}"),
            }
            assert!(ran <= 1, "item {item} was run {ran} times");
            assert!(seen.insert(item, ()).is_none(), "item {item} came twice");
        }
        assert!(lost <= self.kills, "{lost} lost by {} kills", self.kills);
        assert!(seen.into_keys().eq(0..items), "an item is missing");
        assert!(self.stream.is_over());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_item_has_one_outcome_however_steps_interleave(
        items in 1..40_u8,
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut world = World::new(items);
        for step in steps {
            world.step(step);
        }
        world.finish(items, false);
    }

    #[test]
    fn every_item_has_one_outcome_when_the_call_is_cancelled(
        items in 1..40_u8,
        before in prop::collection::vec(step(), 0..60),
        after in prop::collection::vec(step(), 0..20),
    ) {
        let mut world = World::new(items);
        for step in before.into_iter().chain([Step::Cancel]).chain(after) {
            world.step(step);
        }
        world.finish(items, true);
    }
}

/// The handshake of the revocation is about two processes: here they are two threads.
#[test]
fn no_task_is_run_twice_by_workers_that_race_with_the_host() {
    const ITEMS: u8 = 60;
    let (hub, module) = (hub(), module());
    for _ in 0..20 {
        let mut turns = 0_u32;
        let stream = stream(&hub, &module, ITEMS, None, 0);
        let (mut link, mut model) = Model::start(&module);
        let over = AtomicBool::new(false);
        let ran = std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                let mut ran = [0_u32; ITEMS as usize];
                while !over.load(SeqCst) {
                    if !model.step(&mut |item| ran[usize::from(item)] += 1) {
                        std::thread::yield_now();
                    }
                }
                ran
            });
            let deadline = Instant::now() + Duration::from_secs(60);
            while stream.has_pending() || !link.is_idle() {
                assert!(Instant::now() < deadline, "{link:?}");
                while link.has_room()
                    && let Some(mut segment) = stream.next_segment()
                {
                    stream.put_back(segment.split_off(7));
                    link.send(Arc::clone(&stream), segment).unwrap();
                }
                // Often, but not so often that nothing else happens.
                turns += 1;
                if turns.is_multiple_of(5) {
                    link.revoke(&hub).unwrap();
                }
                link.read(&hub).unwrap();
                link.tick(&hub, Instant::now()).unwrap();
                std::thread::yield_now();
            }
            over.store(true, SeqCst);
            worker.join().unwrap()
        });
        assert_eq!(ran, [1; ITEMS as usize]);
        let places = places(&stream, ITEMS);
        assert!(places.iter().all(|place| ["value", "fuel"].contains(place)));
    }
}
