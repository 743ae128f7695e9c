//! One call's items on their way: encoded segments in, deliveries out. Caller and dispatcher meet here.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak, atomic::AtomicBool},
    task::Waker,
    time::{Duration, Instant},
};

use super::{
    hub::Hub, pace::Pace, partials::Partials, segment::Segment, tenant::Tenant, turns::Waiter,
};
use crate::{
    module::{codec::ItemCodec, signature::TaskKind},
    pool::{
        grants::{Directories, Granted},
        module::ModuleInner,
        outcome::TaskError,
        report::TaskReport,
        size::ByteSize,
    },
    shared::waiting::Bell,
    worker::contract::CallSpec,
};

/// What is the same for all tasks of one call.
#[derive(Clone, Debug)]
pub(crate) struct CallPlan {
    /// The module.
    pub(crate) module: Arc<ModuleInner>,
    /// What is called and the limits that the worker keeps.
    pub(crate) spec: CallSpec,
    /// The limit that the host keeps.
    pub(crate) timeout: Option<Duration>,
    /// It was set for this task, and is not just the pool's.
    pub(crate) own_timeout: bool,
    /// Bytes of one task's encoded arguments: the host keeps this one too.
    pub(crate) input: ByteSize,
    /// Use each worker for one task only.
    pub(crate) process_per_task: bool,
    /// Items of a batch, when the caller said so.
    pub(crate) chunk: Option<u32>,
    /// How often a lost task is run again.
    pub(crate) retries: u32,
    /// What runs first in each fresh instance.
    pub(crate) initializer: Option<Arc<Initializer>>,
    /// What its tasks may have beside their arguments.
    pub(crate) grants: Option<Arc<Granted>>,
    /// How items and results are encoded.
    pub(crate) codec: ItemCodec,
    /// What each task's input begins with: a script's name, its text and the function. The item is behind it.
    pub(crate) head: Option<Arc<[u8]>>,
}

impl CallPlan {
    /// The directories that its workers must have, and no others.
    pub(crate) fn directories(&self) -> Option<&Arc<Directories>> {
        self.grants.as_ref()?.directories.as_ref()
    }

    /// Bytes of the longest result that it may have. A command's carries the tail of its standard error and its exit code
    /// beside what the limit counts.
    pub(crate) fn most_output(&self) -> u64 {
        let beside = match self.module.task_kind(self.spec.task) {
            Some(TaskKind::Command) => u64::from(self.spec.stderr).saturating_add(COMMAND_HEAD),
            _ => 0,
        };
        self.spec.output.saturating_add(beside)
    }
}

/// Bytes of a command's encoded result beside its two outputs: lengths and numbers, each a varint.
const COMMAND_HEAD: u64 = 64;

/// A task that runs in each fresh instance before the task proper.
#[derive(Debug)]
pub(crate) struct Initializer {
    /// Index into `ModuleInfo::tasks`.
    pub(crate) task: u32,
    /// Its input, encoded.
    pub(crate) input: Vec<u8>,
}

/// Something that arrived for a caller.
#[derive(Debug)]
pub(crate) enum Delivery {
    /// Results of consecutive items, in a copy of the ring.
    Values {
        /// Index of the first.
        first: u64,
        /// The copy.
        copy: Arc<Vec<u8>>,
        /// Where each result lies in it.
        ranges: Vec<Range<u32>>,
    },
    /// A result that came in pieces.
    Value {
        /// Its index.
        index: u64,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// No result.
    Failed {
        /// Its index.
        index: u64,
        /// Why.
        error: TaskError,
    },
}

impl Delivery {
    /// Index of the first item.
    pub(crate) fn first(&self) -> u64 {
        match self {
            Delivery::Values { first, .. } => *first,
            Delivery::Value { index, .. } | Delivery::Failed { index, .. } => *index,
        }
    }

    /// How many items.
    pub(crate) fn count(&self) -> u64 {
        match self {
            Delivery::Values { ranges, .. } => ranges.len() as u64,
            _ => 1,
        }
    }

    /// How many bytes of results.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            // The whole copy is kept with any part of it.
            Delivery::Values { copy, .. } => copy.len(),
            Delivery::Value { bytes, .. } => bytes.len(),
            Delivery::Failed { error, .. } => error.weight(),
        }
    }
}

/// Called once with the first delivery of a call of one item.
pub(crate) type Callback = Box<dyn FnOnce(Delivery) + Send>;

/// One call.
pub(crate) struct Stream {
    /// What is called.
    pub(crate) plan: CallPlan,
    hub: Weak<Hub>,
    pace: Pace,
    /// Whether somebody may ask for partial results.
    partials: bool,
    /// Whether the hub has it in its list of streams with something to send.
    pub(crate) queued: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
    /// Rings when something arrives, once somebody waits for that beside other things.
    bell: OnceLock<Arc<Bell>>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    pending: VecDeque<Segment>,
    arrived: VecDeque<Delivery>,
    /// What the tasks have used whose outcomes nobody has decoded yet, where that was asked for.
    reports: BTreeMap<u64, TaskReport>,
    partials: Partials,
    /// Items between `push` and `take`, bytes of inputs not answered, bytes of results not taken: what the caller may
    /// not let grow.
    open_items: u64,
    input_bytes: usize,
    arrived_bytes: usize,
    /// Items without a delivery.
    unanswered: u64,
    /// Threads that wait for something to change.
    waiting: u32,
    /// No more items will come.
    complete: bool,
    /// Why what is left will not be run.
    cancelled: Option<TaskError>,
    /// Nobody wants the deliveries any more.
    abandoned: bool,
    /// The hub was told that the call has ended, or need not be told.
    ended: bool,
    waker: Option<Waker>,
    callback: Option<Callback>,
}

impl State {
    /// Every item has its outcome, and no more items will come.
    fn is_answered(&self) -> bool {
        self.complete && self.unanswered == 0
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Its caller gave up in the middle, by a panic of an item's encoder.
        if !state.ended
            && let Some(hub) = self.hub.upgrade()
        {
            hub.stream_ended();
        }
    }
}

impl Waiter for Arc<Stream> {
    fn tenant(&self) -> &Arc<Tenant> {
        self.plan.module.tenant_of()
    }

    fn has_pending(&self) -> bool {
        Stream::has_pending(self)
    }

    fn queued(&self) -> &AtomicBool {
        &self.queued
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(self, other)
    }
}

impl Stream {
    /// A call of which nothing has been sent yet.
    ///
    /// Without `partials`, partial results are dropped as they come: nobody could ask for them.
    pub(crate) fn new(plan: CallPlan, hub: &Arc<Hub>, partials: bool) -> Arc<Self> {
        hub.stream_began();
        Self::uncounted(plan, hub, partials, false)
    }

    /// As [`Stream::new`], for a call that nobody waits for who waits until the pool is quiet.
    pub(crate) fn unawaited(plan: CallPlan, hub: &Arc<Hub>, partials: bool) -> Arc<Self> {
        Self::uncounted(plan, hub, partials, true)
    }

    fn uncounted(plan: CallPlan, hub: &Arc<Hub>, partials: bool, ended: bool) -> Arc<Self> {
        let state = State {
            ended,
            ..State::default()
        };
        Arc::new(Self {
            pace: Pace::new(plan.spec.keep_instance),
            plan,
            hub: Arc::downgrade(hub),
            partials,
            queued: AtomicBool::new(false),
            state: Mutex::new(state),
            changed: Condvar::new(),
            bell: OnceLock::new(),
        })
    }

    /// Appends items. Returns `false` when the call was cancelled: the items are then delivered as that.
    pub(crate) fn push(&self, segment: Segment) -> bool {
        let mut state = self.lock();
        let items = u64::from(segment.count);
        state.open_items += items;
        state.input_bytes += segment.bytes().len();
        state.unanswered += items;
        if let Some(error) = state.cancelled.clone() {
            self.fail_all(&mut state, &segment, &error);
            self.after_delivery(state);
            return false;
        }
        state.pending.push_back(segment);
        true
    }

    /// An item that could not be encoded takes its place among the others.
    pub(crate) fn push_failed(&self, index: u64, error: TaskError) {
        let mut state = self.lock();
        state.open_items += 1;
        state.unanswered += 1;
        drop(state);
        self.deliver(Delivery::Failed { index, error });
    }

    /// No more items will come.
    pub(crate) fn complete(&self) {
        let mut state = self.lock();
        state.complete = true;
        self.after_delivery(state);
    }

    /// Inputs of so many bytes need no longer be kept: their items are answered.
    pub(crate) fn release_input(&self, bytes: usize) {
        let mut state = self.lock();
        state.input_bytes = state.input_bytes.saturating_sub(bytes);
    }

    /// Puts items back to be sent again before all others.
    pub(crate) fn put_back(&self, segment: Segment) {
        if segment.count == 0 {
            return;
        }
        let mut state = self.lock();
        match state.cancelled.clone() {
            Some(error) => {
                self.fail_all(&mut state, &segment, &error);
                self.after_delivery(state);
            }
            None => state.pending.push_front(segment),
        }
    }

    /// The next items to send.
    pub(crate) fn next_segment(&self) -> Option<Segment> {
        self.lock().pending.pop_front()
    }

    /// Whether there is something to send.
    pub(crate) fn has_pending(&self) -> bool {
        !self.lock().pending.is_empty()
    }

    /// How many items the next segment should hold, see [`Pace`].
    pub(crate) fn batch_hint(&self) -> u32 {
        if self.plan.process_per_task {
            return 1;
        }
        self.pace.batch(self.plan.chunk)
    }

    /// Whether a batch may wait behind another in a worker: only when it will not wait long.
    pub(crate) fn may_queue_ahead(&self) -> bool {
        self.pace.is_short(self.batch_hint())
    }

    /// Learns what a batch took.
    pub(crate) fn measured(&self, items: u32, took: Duration) {
        self.pace.measured(items, took);
    }

    /// Hands over what arrived.
    pub(crate) fn deliver(&self, delivery: Delivery) {
        let mut state = self.lock();
        self.hand_over(&mut state, delivery);
        self.after_delivery(state);
    }

    /// Items that will not be run.
    fn fail_all(&self, state: &mut State, segment: &Segment, error: &TaskError) {
        state.input_bytes = state.input_bytes.saturating_sub(segment.bytes().len());
        for index in segment.first..segment.first + u64::from(segment.count) {
            self.hand_over(
                state,
                Delivery::Failed {
                    index,
                    error: error.clone(),
                },
            );
        }
    }

    /// To whoever waits for it: a callback, or the next who asks.
    fn hand_over(&self, state: &mut State, delivery: Delivery) {
        state.unanswered = state.unanswered.saturating_sub(delivery.count());
        if state.abandoned {
            return;
        }
        if let Some(callback) = state.callback.take() {
            if let Some(hub) = self.hub.upgrade() {
                hub.call_back(callback, delivery);
            }
        } else {
            state.arrived_bytes += delivery.bytes();
            state.arrived.push_back(delivery);
        }
    }

    fn after_delivery(&self, mut state: MutexGuard<'_, State>) {
        let ended = state.is_answered() && !state.ended;
        state.ended |= ended;
        let waker = state.waker.take();
        let waiting = state.waiting > 0;
        drop(state);
        // A system call, and a caller that talks to the worker itself has nobody to wake.
        if waiting {
            self.changed.notify_all();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
        // One that is made after this was read is made by somebody who then sees what arrived: he takes the lock later.
        if let Some(bell) = self.bell.get() {
            bell.ring();
        }
        if ended && let Some(hub) = self.hub.upgrade() {
            hub.stream_ended();
        }
    }

    /// What a task has used, to be asked for beside its outcome, which is delivered next.
    pub(crate) fn note_report(&self, index: u64, report: TaskReport) {
        let mut state = self.lock();
        if !state.abandoned {
            state.reports.insert(index, report);
        }
    }

    /// What a task has used; once, and only where that was asked for.
    pub(crate) fn take_report(&self, index: u64) -> Option<TaskReport> {
        if !self.plan.spec.report {
            return None;
        }
        self.lock().reports.remove(&index)
    }

    /// What the task of a call of one item has used, when it has ended.
    pub(crate) fn peek_report(&self) -> Option<TaskReport> {
        self.lock().reports.get(&0).cloned()
    }

    /// Hands over a partial result.
    pub(crate) fn deliver_partial(&self, bytes: Vec<u8>) {
        let mut state = self.lock();
        if state.abandoned || !self.partials {
            return;
        }
        state.partials.push(bytes);
        drop(state);
        self.changed.notify_all();
    }

    /// The next partial result; `None` when none will come any more. Waits.
    pub(crate) fn next_partial(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        loop {
            if let Some(bytes) = state.partials.pop() {
                return Some(bytes);
            }
            if state.is_answered() {
                return None;
            }
            match self.changed_by(state, None) {
                Some(changed) => state = changed,
                None => return None,
            }
        }
    }

    /// What arrived first, if anything has.
    pub(crate) fn try_take(&self) -> Option<Delivery> {
        take(&mut self.lock())
    }

    /// What arrives first, waiting for it until `deadline`. `None` also when nothing will arrive any more.
    pub(crate) fn take(&self, deadline: Option<Instant>) -> Option<Delivery> {
        let mut state = self.lock();
        loop {
            if let Some(delivery) = take(&mut state) {
                return Some(delivery);
            }
            if state.is_answered() {
                return None;
            }
            state = self.changed_by(state, deadline)?;
        }
    }

    /// Waits for something to change; `None` when `deadline` has come.
    fn changed_by<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        deadline: Option<Instant>,
    ) -> Option<MutexGuard<'a, State>> {
        let left = match deadline {
            None => None,
            Some(deadline) => match deadline.saturating_duration_since(Instant::now()) {
                Duration::ZERO => return None,
                left => Some(left),
            },
        };
        state.waiting += 1;
        let mut state = match left {
            None => self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner),
            Some(left) => {
                let waited = self.changed.wait_timeout(state, left);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.waiting -= 1;
        Some(state)
    }

    /// What arrived first; when nothing has, `waker` is called once something does.
    pub(crate) fn poll_take(&self, waker: &Waker) -> Option<Delivery> {
        let mut state = self.lock();
        let delivery = take(&mut state);
        if delivery.is_none() {
            state.waker = Some(waker.clone());
        }
        delivery
    }

    /// Whether every item has its outcome, and no more items will come.
    pub(crate) fn has_ended(&self) -> bool {
        self.lock().is_answered()
    }

    /// Waits until every item has its outcome: nothing of the call runs any more then.
    pub(crate) fn wait_ended(&self) {
        let mut state = self.lock();
        while !state.is_answered() {
            match self.changed_by(state, None) {
                Some(changed) => state = changed,
                None => return,
            }
        }
    }

    /// Whether everything was taken and nothing will arrive any more.
    pub(crate) fn is_over(&self) -> bool {
        let state = self.lock();
        state.is_answered() && state.arrived.is_empty()
    }

    /// Whether the first delivery of a call of one item is there, and whether it is a value.
    pub(crate) fn peek(&self) -> Option<bool> {
        self.lock()
            .arrived
            .front()
            .map(|delivery| !matches!(delivery, Delivery::Failed { .. }))
    }

    /// What rings when something arrives.
    pub(crate) fn bell(&self) -> &Arc<Bell> {
        self.bell.get_or_init(Arc::default)
    }

    /// As [`Stream::peek`], with why it is no value.
    pub(crate) fn peek_error(&self) -> Option<Option<TaskError>> {
        self.lock().arrived.front().map(|delivery| match delivery {
            Delivery::Failed { error, .. } => Some(error.clone()),
            Delivery::Values { .. } | Delivery::Value { .. } => None,
        })
    }

    /// Waits until something has arrived, at most until `deadline`.
    pub(crate) fn wait_arrived(&self, deadline: Option<Instant>) -> bool {
        let mut state = self.lock();
        while state.arrived.is_empty() {
            match self.changed_by(state, deadline) {
                Some(changed) => state = changed,
                None => return false,
            }
        }
        true
    }

    /// Calls `callback` with the delivery of a call of one item, on the pool's callback thread.
    pub(crate) fn on_delivery(&self, callback: Callback) {
        let mut state = self.lock();
        match take(&mut state) {
            None => state.callback = Some(callback),
            Some(delivery) => {
                drop(state);
                if let Some(hub) = self.hub.upgrade() {
                    hub.call_back(callback, delivery);
                }
            }
        }
    }

    /// Items and bytes that were pushed and not taken yet.
    pub(crate) fn open(&self) -> (u64, usize) {
        let state = self.lock();
        (state.open_items, state.input_bytes + state.arrived_bytes)
    }

    /// Ends what has not ended yet with `error`: what waits, at once; what runs, as soon as its worker is stopped.
    pub(crate) fn cancel(&self, error: &TaskError) {
        let mut state = self.lock();
        if state.cancelled.is_some() || state.is_answered() {
            return;
        }
        state.cancelled = Some(error.clone());
        while let Some(segment) = state.pending.pop_front() {
            self.fail_all(&mut state, &segment, error);
        }
        self.after_delivery(state);
    }

    /// Ends what waits with `error`. What runs goes on, and what comes later waits as before.
    pub(crate) fn fail_pending(&self, error: &TaskError) {
        let mut state = self.lock();
        while let Some(segment) = state.pending.pop_front() {
            self.fail_all(&mut state, &segment, error);
        }
        self.after_delivery(state);
    }

    /// As [`Stream::cancel`], and nobody will ask for the deliveries.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.abandoned = true;
        state.complete = true;
        state.arrived.clear();
        state.reports.clear();
        state.partials = Partials::default();
        state.cancelled.get_or_insert(TaskError::Cancelled);
        while let Some(segment) = state.pending.pop_front() {
            self.fail_all(&mut state, &segment, &TaskError::Cancelled);
        }
        self.after_delivery(state);
    }

    /// Why the call was cancelled, when it was.
    pub(crate) fn cancelled(&self) -> Option<TaskError> {
        self.lock().cancelled.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take(state: &mut State) -> Option<Delivery> {
    let delivery = state.arrived.pop_front()?;
    state.open_items = state.open_items.saturating_sub(delivery.count());
    state.arrived_bytes = state.arrived_bytes.saturating_sub(delivery.bytes());
    Some(delivery)
}
