//! What the dispatcher and the callers' threads share: idle workers, calls with something to send, processes, the bell.

use std::{
    collections::BTreeMap,
    io,
    os::fd::OwnedFd,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    time::Instant,
};

use rustix::event::EventfdFlags;

use super::{
    calls::{Answer, FunctionCall},
    entry::Seat,
    function_threads::{FunctionThreads, Job},
    ledger::Ledger,
    link::Link,
    numbers::NumberMap,
    resting::Resting,
    segment::Segment,
    start::Zygotes,
    stream::{Callback, Delivery, Stream},
    tenant::Tenant,
    zygotes::Stood,
};
use crate::{
    jail::wall::{MissingWall, Standing, Wall},
    module::engine::WASM_STACK,
    pool::{builder::Config, event::PoolEvent, outcome::TaskError, report::TaskReport},
    shared::object::Tenants,
    supervisor::child::Child,
    sys::own_process::OwnProcess,
    worker::contract::LogSource,
};

/// Bytes that a slot holds beyond the largest single input: a batch is closed once it has this many.
pub(crate) const BATCH_BYTES: u64 = 4 << 20;

/// Bytes of the length before the one input that may pass [`BATCH_BYTES`], and some.
const SLOT_HEAD: u64 = 64;

/// Threads for functions that guests call, beside one for each worker: for those functions that run on although the task
/// that called them is over.
const SPARE_THREADS: usize = 16;

/// The name of the thread that runs callbacks.
const CALLBACK_THREAD: &str = "wasmpool-callback";

/// What the threads of one pool share.
pub(crate) struct Hub {
    /// How the pool was built.
    pub(crate) config: Config,
    /// The process that built it: in a forked child nothing of the pool works.
    own: OwnProcess,
    bell: OwnedFd,
    rung: AtomicBool,
    pub(super) next_process: AtomicU64,
    next_name: AtomicU64,
    closed: AtomicBool,
    /// No new calls are taken; those that there are go on.
    closing: AtomicBool,
    state: Mutex<State>,
    /// Held by the dispatcher from before it tells callers what a worker says until the worker, when that was all, rests.
    hearing: Mutex<()>,
    /// Calls that have not ended. Not behind the lock: it changes twice with each call.
    streams: AtomicUsize,
    /// Threads that wait until there is none.
    awaiting_quiet: AtomicUsize,
    /// Signalled when the last call has ended.
    quiet: Condvar,
    callbacks: OnceLock<mpsc::Sender<(Callback, Delivery)>>,
    codec_threads: OnceLock<Option<rayon::ThreadPool>>,
    function_threads: FunctionThreads<Asked>,
}

/// A function that a task waits for, and where its answer goes.
#[derive(Debug)]
struct Asked {
    hub: Weak<Hub>,
    call: FunctionCall,
}

impl Job for Asked {
    fn is_wanted(&self) -> bool {
        self.call.is_wanted()
    }

    fn run(self) {
        let answer = self.call.run();
        if let Some(hub) = self.hub.upgrade() {
            hub.lock().answers.push(answer);
            hub.ring();
        }
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Behind the lock.
#[derive(Default)]
pub(crate) struct State {
    /// Workers that have nothing to do.
    pub(crate) idle: Resting<Box<Link>>,
    /// Who waits with what, and how many workers have something to do: at most as many as the pool has.
    pub(crate) ledger: Ledger,
    /// Every process that has not ended.
    pub(super) processes: NumberMap<Running>,
    /// New processes and their calls, for the dispatcher to run.
    pub(crate) newcomers: Vec<(Link, Arc<Stream>)>,
    /// Every process that runs, by the number of its worker.
    pub(crate) children: BTreeMap<u64, Named>,
    /// Where processes come from.
    pub(super) zygotes: Zygotes,
    /// Tenants in trouble, for which the dispatcher starts zygotes of their own.
    pub(super) troubled: Vec<Arc<Tenant>>,
    /// Zygotes of tenants that have come to stand, or have not.
    pub(super) stood: Vec<Stood>,
    /// Tasks wait behind others in busy workers, for want of one that has nothing to do.
    pub(crate) held_up: bool,
    /// Calls that somebody has cancelled; the dispatcher stops what runs.
    pub(crate) cancels: bool,
    /// What functions have come to, for the workers in the dispatcher's hands.
    pub(crate) answers: Vec<Answer>,
}

/// A process that has not ended.
#[derive(Debug)]
pub(super) struct Running {
    /// The process.
    pub(super) child: Arc<Child>,
    /// What it counts for its tenant; a compiler counts for none.
    pub(super) seat: Option<Seat>,
}

impl State {
    /// The process of this number.
    pub(super) fn child(&self, process: u64) -> Option<Arc<Child>> {
        self.processes
            .get(&process)
            .map(|running| Arc::clone(&running.child))
    }

    /// Whether nobody has heard yet of the end of this process.
    pub(super) fn is_running(&self, child: &Child) -> bool {
        self.processes.contains_key(&child.id())
    }

    /// A process has ended, or did not come to be.
    pub(super) fn forget(&mut self, process: u64) -> Option<Arc<Child>> {
        let Running { child, seat } = self.processes.remove(&process)?;
        if let Some(seat) = &seat {
            self.ledger.leave(seat);
        }
        Some(child)
    }

    /// All of these processes have ended.
    pub(super) fn forget_all(&mut self, which: impl Fn(&Child) -> bool) -> Vec<Arc<Child>> {
        let which = |running: &Running| which(&running.child);
        let ended = self.processes.iter().filter(|(_, running)| which(running));
        let ended: Vec<u64> = ended.map(|(&process, _)| process).collect();
        ended
            .into_iter()
            .filter_map(|process| self.forget(process))
            .collect()
    }

    /// Whether any process of the pool runs: one that ends gives back what it has.
    pub(super) fn is_anything_alive(&self) -> bool {
        let mut all = self.processes.values();
        all.any(|running| running.child.has_started())
    }

    /// Whether a process of this zygote has not ended.
    pub(super) fn has_processes_of(&self, zygote: u64) -> bool {
        let mut all = self.processes.values();
        all.any(|running| running.child.zygote() == zygote)
    }
}

/// A living [`Process`](crate::Process).
#[derive(Debug)]
pub(crate) struct Named {
    /// Its name.
    pub(crate) name: Arc<str>,
    /// Whether nobody waits for it who waits for the pool.
    pub(crate) daemon: bool,
    /// The process.
    pub(crate) child: Arc<Child>,
}

impl Hub {
    /// A hub without a zygote.
    ///
    /// # Errors
    /// No descriptors left.
    pub(crate) fn new(config: Config) -> io::Result<Arc<Self>> {
        let function_threads = FunctionThreads::new(config.workers + SPARE_THREADS);
        let state = State {
            ledger: Ledger::new(config.tenant_limits.clone()),
            ..State::default()
        };
        Ok(Arc::new(Self {
            config,
            own: OwnProcess::new(),
            bell: rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            rung: AtomicBool::new(false),
            next_process: AtomicU64::new(1),
            next_name: AtomicU64::new(1),
            closed: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            state: Mutex::new(state),
            hearing: Mutex::default(),
            streams: AtomicUsize::new(0),
            awaiting_quiet: AtomicUsize::new(0),
            quiet: Condvar::new(),
            callbacks: OnceLock::new(),
            codec_threads: OnceLock::new(),
            function_threads,
        }))
    }

    /// What is shared.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The descriptor that is readable when the bell has rung.
    pub(crate) fn bell(&self) -> &OwnedFd {
        &self.bell
    }

    /// Wakes the dispatcher.
    pub(crate) fn ring(&self) {
        if !self.rung.swap(true, SeqCst) {
            // Fails only when the counter is full, and then it is readable.
            let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
        }
    }

    /// The dispatcher is awake; what happens from here on rings again.
    pub(crate) fn hear(&self) {
        let _ = rustix::io::read(&self.bell, &mut [0_u8; 8]);
        self.rung.store(false, SeqCst);
    }

    /// Whether this is the process that built the pool.
    pub(crate) fn is_own_process(&self) -> bool {
        self.own.is_this()
    }

    /// Whether the pool takes no more calls and ends those that it has.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }

    /// Ends everything; the dispatcher does it.
    pub(crate) fn shut_down(&self) {
        self.closed.store(true, SeqCst);
        self.rung.store(false, SeqCst);
        self.ring();
    }

    /// Takes no new calls from here on.
    pub(crate) fn close(&self) {
        self.closing.store(true, SeqCst);
    }

    /// Refuses calls that cannot be served.
    ///
    /// # Errors
    /// The pool is closed, or this is a fork of the process that built it.
    pub(crate) fn check_open(&self) -> Result<(), TaskError> {
        if self.closing.load(SeqCst) || self.is_closed() {
            return Err(TaskError::Closed);
        }
        if !self.is_own_process() {
            return Err(TaskError::host(
                "this process was forked from the one that built the pool; build one here",
            ));
        }
        Ok(())
    }

    /// Hears a worker: until this is dropped it is not known whether that worker rests.
    pub(super) fn begin_hearing(&self) -> MutexGuard<'_, ()> {
        self.hearing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a worker that the dispatcher hears right now rests, or goes on. Who has just been told an answer and calls
    /// again would else find its worker busy, and would find it so each time from then on.
    pub(super) fn after_hearing(&self) {
        drop(self.begin_hearing());
    }

    /// Puts a call on the list of those with something to send.
    pub(crate) fn enqueue(&self, stream: &Arc<Stream>) {
        let mut state = self.lock();
        // Under the lock: whoever closes the pool takes what is on the list under it afterwards.
        if self.is_closed() {
            drop(state);
            stream.cancel(&TaskError::Closed);
            return;
        }
        if !stream.queued.swap(true, SeqCst) {
            state.ledger.wait(Arc::clone(stream), Instant::now());
        }
        drop(state);
        self.ring();
    }

    /// Puts items back, to be sent before the others of their call.
    pub(crate) fn put_back(&self, stream: &Arc<Stream>, segment: Segment) {
        if segment.count == 0 {
            return;
        }
        stream.put_back(segment);
        if stream.has_pending() {
            self.enqueue(stream);
        }
    }

    /// Cancels what is left of a call.
    pub(crate) fn cancel(&self, stream: &Stream) {
        stream.cancel(&TaskError::Cancelled);
        self.stop_cancelled();
    }

    /// Lets the dispatcher stop what runs of cancelled calls.
    pub(crate) fn stop_cancelled(&self) {
        if !self.is_own_process() {
            return;
        }
        self.lock().cancels = true;
        self.ring();
    }

    /// A call began.
    pub(crate) fn stream_began(&self) {
        if !self.is_own_process() {
            return;
        }
        self.streams.fetch_add(1, SeqCst);
    }

    /// A call ended.
    pub(crate) fn stream_ended(&self) {
        if !self.is_own_process() {
            return;
        }
        // Whoever waits says so before he looks whether there is a call left. So one of the two sees the other; and he who is
        // told has the lock until he waits.
        if self.streams.fetch_sub(1, SeqCst) == 1 && self.awaiting_quiet.load(SeqCst) > 0 {
            drop(self.lock());
            self.quiet.notify_all();
        }
    }

    /// Waits until no call is left and every callback has run. In a fork of the process that built the pool it returns
    /// at once: nothing of the pool belongs to it.
    pub(crate) fn wait_quiet(&self) {
        if !self.is_own_process() {
            return;
        }
        let mut state = self.lock();
        self.awaiting_quiet.fetch_add(1, SeqCst);
        while self.streams.load(SeqCst) > 0 {
            state = self
                .quiet
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        self.awaiting_quiet.fetch_sub(1, SeqCst);
        drop(state);
        let Some(callbacks) = self.callbacks.get() else {
            return;
        };
        if std::thread::current().name() == Some(CALLBACK_THREAD) {
            return;
        }
        let (done, last) = mpsc::channel();
        let nothing = Delivery::Failed {
            index: 0,
            error: TaskError::Closed,
        };
        // Without a thread nothing is sent and nothing waits: both ends are gone.
        let _ = callbacks.send((Box::new(move |_| drop(done)), nothing));
        let _ = last.recv() as Result<(), _>;
    }

    /// Bytes of one slot of an arena: the largest input behind a batch that was nearly full, or the largest reply.
    pub(crate) fn slot_size(&self) -> u64 {
        let input = self.config.limits.input.bytes();
        let batch = input.saturating_add(BATCH_BYTES).saturating_add(SLOT_HEAD);
        batch.max(self.max_message())
    }

    /// Why a wall does not stand, when it does not, as the zygote that is there has found out.
    pub(crate) fn missing_wall(&self, wall: Wall) -> Option<MissingWall> {
        let state = self.lock();
        let report = state
            .zygotes
            .shared()
            .map_or(&[][..], |zygote| zygote.walls());
        let line = report.iter().find(|line| line.wall == wall);
        let reason = match line.map(|line| &line.standing) {
            Some(Standing::Stands) => return None,
            Some(Standing::Missing(reason)) => reason.clone(),
            Some(Standing::Lifted) => "it was lifted".to_owned(),
            None => "it was not tried".to_owned(),
        };
        Some(MissingWall { wall, reason })
    }

    /// A number for a process that has no name.
    pub(crate) fn next_name(&self) -> u64 {
        self.next_name.fetch_add(1, SeqCst)
    }

    /// Lets the dispatcher run the one task of `stream` in `link`, a worker of its own.
    ///
    /// # Errors
    /// The pool is closed.
    pub(crate) fn launch(
        &self,
        link: Link,
        stream: &Arc<Stream>,
        named: Named,
    ) -> Result<(), TaskError> {
        let mut state = self.lock();
        // Under the lock: whoever closes the pool takes the newcomers under it afterwards.
        if self.is_closed() {
            drop(state);
            return Err(TaskError::Closed);
        }
        // It may have ended meanwhile, alone or with its zygote, and nobody would take it off the list.
        if state.is_running(&named.child) {
            state.children.insert(named.child.id(), named);
        }
        state.newcomers.push((link, Arc::clone(stream)));
        drop(state);
        self.ring();
        Ok(())
    }

    /// Ends the workers that rest and hold the object of these tenants.
    pub(crate) fn end_idle_holders(&self, tenants: &Arc<Tenants>) {
        let ended = self.lock().idle.take_all(|link| link.was_given(tenants));
        drop(ended);
    }

    /// The pool's own threads for encoding and decoding, started with the first use; `None` when they cannot be.
    pub(crate) fn codec_threads(&self) -> Option<&rayon::ThreadPool> {
        let threads = self.codec_threads.get_or_init(|| {
            let name = |_| "wasmpool-codec".into();
            rayon::ThreadPoolBuilder::new()
                .num_threads(self.config.workers)
                .thread_name(name)
                .build()
                .ok()
        });
        threads.as_ref()
    }

    /// Runs `callback` on the pool's callback thread, which is started with the first.
    pub(crate) fn call_back(&self, callback: Callback, delivery: Delivery) {
        let sender = self.callbacks.get_or_init(|| {
            let (sender, receiver) = mpsc::channel::<(Callback, Delivery)>();
            let run = move || {
                for (callback, delivery) in receiver {
                    // A panic of a callback is its own: the next one runs all the same.
                    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        callback(delivery)
                    }));
                }
            };
            // When no thread can be started the receiver is dropped and callbacks are lost with it; the outcome of
            // their tasks is not.
            let _ = std::thread::Builder::new()
                .name(CALLBACK_THREAD.into())
                .spawn(run);
            sender
        });
        let _ = sender.send((callback, delivery));
    }

    /// Bytes that may go along with a call from a task, and that its reply may have; and of a message that it sends.
    pub(crate) fn max_message(&self) -> u64 {
        self.config.limits.message.bytes()
    }

    /// Bytes of stack that the code of tasks may use.
    pub(crate) fn stack(&self) -> u32 {
        // No larger one passes the check.
        u32::try_from(self.config.limits.stack.bytes()).unwrap_or(WASM_STACK)
    }

    /// Runs a function on a thread of the pool; what comes of it is among [`State::answers`] then.
    pub(crate) fn run_function(self: &Arc<Self>, call: FunctionCall) {
        let hub = Arc::downgrade(self);
        self.function_threads.run(Asked { hub, call });
    }

    /// Tells the user's observer.
    pub(crate) fn event(&self, event: &PoolEvent<'_>) {
        if let Some(observer) = &self.config.observer {
            // A panic of the observer is its own.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| observer(event)));
        }
    }

    /// A task said how far it is.
    pub(crate) fn progress(&self, stream: &Stream, index: u64, done: i64, total: i64) {
        let module = &stream.plan.module;
        let task = module.task_name(stream.plan.spec.task);
        self.event(&PoolEvent::Progress {
            module: &module.name,
            task,
            index,
            done,
            total,
        });
    }

    /// A task has ended of which a report was wanted.
    pub(crate) fn task_ended(
        &self,
        stream: &Stream,
        index: u64,
        error: Option<&TaskError>,
        report: &TaskReport,
    ) {
        let module = &stream.plan.module;
        self.event(&PoolEvent::TaskEnded {
            module: &module.name,
            task: module.task_name(stream.plan.spec.task),
            index,
            error,
            report,
        });
    }

    /// A task logged something.
    pub(crate) fn log(
        &self,
        stream: &Stream,
        index: u64,
        worker: u64,
        source: LogSource,
        level: u8,
        text: &str,
    ) {
        let module = &stream.plan.module;
        let task = module.task_name(stream.plan.spec.task);
        let text = &super::text::clean(text);
        self.event(&PoolEvent::Log {
            module: &module.name,
            task,
            index,
            worker,
            source,
            level,
            text,
        });
        let module = module.name.as_str();
        macro_rules! record {
            ($level:ident) => {
                tracing::$level!(target: "wasmpool::guest", module, task, index, worker, source = source.name(), "{text}")
            };
        }
        match level {
            0 | 1 => record!(error),
            2 => record!(warn),
            3 => record!(info),
            4 => record!(debug),
            _ => record!(trace),
        }
    }
}
