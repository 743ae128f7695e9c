//! `map` and its kin: a bounded feed of encoded items, and outcomes put in order.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use rayon::prelude::*;
use wasmpool_abi::{Arg, Receive};

use super::{
    call,
    outcome::{Outcome, TaskError},
    report::{Reported, TaskReport},
    task::{Borrowing, Task},
};
use crate::dispatch::{
    hub::Hub,
    segment::Segment,
    stream::{Delivery, Stream},
};

/// Batches per worker between taking an item and handing over its outcome: one that runs, one behind it, one being
/// encoded, one being decoded.
const BATCHES_PER_WORKER: u64 = 4;
/// Bytes of inputs and results that may be on their way.
const OPEN_BYTES: usize = 64 << 20;

/// Encodes items as they are wanted and hands them to the dispatcher.
pub(super) struct Feed<In, Out, I> {
    task: Task<In, Out>,
    /// The call.
    pub(super) stream: Arc<Stream>,
    items: Option<I>,
    next: u64,
    borrowing: Borrowing,
}

impl<In, Out: Receive, I: Iterator<Item: Arg<In>>> Feed<In, Out, I> {
    pub(super) fn new(task: &Task<In, Out>, items: I, borrowing: Borrowing) -> Self {
        let stream = task.begin(false);
        Self {
            task: task.clone(),
            stream,
            items: Some(items),
            next: 0,
            borrowing,
        }
    }

    /// Takes and sends as many items as may be on their way now, beside the `held` outcomes (items and bytes) that have
    /// come and cannot be handed out yet.
    pub(super) fn fill(&mut self, held: (u64, usize)) {
        while let Some(items) = &mut self.items {
            let hint = u64::from(self.stream.batch_hint());
            let (open, bytes) = self.stream.open();
            if !has_room((open + held.0, bytes + held.1), hint, self.task.hub()) {
                return;
            }
            let mut segment = Segment::new(self.next, self.task.plan().retries);
            let mut failed = None;
            let mut ended = false;
            // Counted once they are on their way: an iterator that panics takes nothing with it.
            let mut taken = 0;
            while u64::from(segment.count) < hint && !segment.is_full() {
                let Some(item) = items.next() else {
                    ended = true;
                    break;
                };
                let encoded = self.task.encode(&item, &mut segment, self.borrowing);
                taken += 1;
                if let Err(error) = encoded {
                    failed = Some(error);
                    break;
                }
            }
            self.next += taken;
            if segment.count > 0 {
                self.stream.push(segment);
                self.task.hub().enqueue(&self.stream);
            }
            if let Some(error) = failed {
                self.stream.push_failed(self.next - 1, error);
            }
            if ended {
                self.items = None;
                self.stream.complete();
            }
        }
    }

    /// Hands out the outcomes of a delivery, each with its index.
    pub(super) fn outcomes(
        &self,
        delivery: Delivery,
        mut each: impl FnMut(u64, Outcome<Out>, Option<TaskReport>),
    ) {
        outcomes(&self.stream, delivery, &mut each);
    }
}

/// Whether a batch of `hint` items may follow the `open` ones (items and bytes) that are on their way.
pub(super) fn has_room(open: (u64, usize), hint: u64, hub: &Hub) -> bool {
    let window = (hint * BATCHES_PER_WORKER * hub.config.workers as u64).max(2);
    open.0 == 0 || (open.0 + hint <= window && open.1 <= OPEN_BYTES)
}

/// Hands out the outcomes of a delivery, each with its index.
pub(super) fn outcomes<Out: Receive>(
    stream: &Stream,
    delivery: Delivery,
    each: &mut impl FnMut(u64, Outcome<Out>, Option<TaskReport>),
) {
    // Taken in any case, so that none is left behind.
    let mut each = |index, outcome| each(index, outcome, stream.take_report(index));
    match delivery {
        Delivery::Values {
            first,
            copy,
            ranges,
        } => {
            for (index, range) in (first..).zip(ranges) {
                each(
                    index,
                    call::decode(
                        &stream.plan,
                        &copy[range.start as usize..range.end as usize],
                    ),
                );
            }
        }
        Delivery::Value { index, bytes } => each(index, call::decode(&stream.plan, &bytes)),
        Delivery::Failed { index, error } => each(index, Err(error)),
    }
}

/// Deliveries that came before those that are due.
#[derive(Debug, Default)]
pub(super) struct Reorder {
    early: BTreeMap<u64, Delivery>,
    due: u64,
    held: (u64, usize),
}

impl Reorder {
    /// Keeps a delivery until it is due.
    pub(super) fn keep(&mut self, delivery: Delivery) {
        self.held.0 += delivery.count();
        self.held.1 += delivery.bytes();
        self.early.insert(delivery.first(), delivery);
    }

    /// Items and bytes that are kept.
    pub(super) fn held(&self) -> (u64, usize) {
        self.held
    }

    /// The delivery that is due, when it has come.
    pub(super) fn next(&mut self) -> Option<Delivery> {
        let delivery = self.early.remove(&self.due)?;
        self.due += delivery.count();
        self.held.0 -= delivery.count();
        self.held.1 -= delivery.bytes();
        Some(delivery)
    }
}

impl<In, Out, I> Drop for Feed<In, Out, I> {
    fn drop(&mut self) {
        // Nobody will ask for what is left.
        self.stream.abandon();
        self.task.hub().stop_cancelled();
        if self.borrowing == Borrowing::Allowed {
            // An iterator has panicked; what was borrowed is given back all the same only when nobody uses it.
            self.stream.wait_ended();
        }
    }
}

/// See `Pool::map`.
pub(super) fn map<In, Out, I>(task: &Task<In, Out>, items: I) -> Vec<Outcome<Out>>
where
    Out: Receive,
    I: IntoIterator<Item: Arg<In>>,
{
    collect(task, items, |outcome, _| outcome)
}

/// See `Pool::map_reported`.
pub(super) fn map_reported<In, Out, I>(task: &Task<In, Out>, items: I) -> Vec<Reported<Out>>
where
    Out: Receive,
    I: IntoIterator<Item: Arg<In>>,
{
    collect(task, items, |outcome, report| Reported { outcome, report })
}

/// Runs all items and makes something of each outcome.
fn collect<In, Out, I, T>(
    task: &Task<In, Out>,
    items: I,
    make: impl Fn(Outcome<Out>, Option<TaskReport>) -> T,
) -> Vec<T>
where
    Out: Receive,
    I: IntoIterator<Item: Arg<In>>,
{
    let items = items.into_iter();
    let mut all = Vec::with_capacity(items.size_hint().0);
    // All of them have ended when this returns.
    let mut feed = Feed::new(task, items, Borrowing::Allowed);
    let mut order = Reorder::default();
    loop {
        // What has come is kept in any case.
        feed.fill((0, 0));
        let Some(delivery) = feed.stream.take(None) else {
            break;
        };
        order.keep(delivery);
        while let Some(delivery) = order.next() {
            feed.outcomes(delivery, |_, outcome, report| {
                all.push(make(outcome, report))
            });
        }
    }
    all
}

/// See `Pool::par_map`.
pub(super) fn par_map<In, Out, A>(task: &Task<In, Out>, items: &[A]) -> Vec<Outcome<Out>>
where
    Out: Receive + Send,
    A: Arg<In> + Sync,
{
    let hub = task.hub();
    let Some(threads) = hub.codec_threads() else {
        return map(task, items);
    };
    let stream = task.begin(false);
    let _ended = EndedOnDrop(&stream, hub);
    let mut next = 0;
    let mut order = Reorder::default();
    let mut all = Vec::with_capacity(items.len());
    loop {
        let (open, bytes) = stream.open();
        let hint = stream.batch_hint() as usize;
        let window =
            hint * usize::try_from(BATCHES_PER_WORKER).unwrap_or(usize::MAX) * hub.config.workers;
        if next < items.len() && (open == 0 || (open < window as u64 && bytes < OPEN_BYTES)) {
            let end = items.len().min(next + hint * hub.config.workers.max(1));
            // The pool's own threads and never rayon's global ones: callers block those in `par_iter().map(call)`.
            let batches: Vec<Vec<_>> = threads.install(|| {
                items[next..end]
                    .par_chunks(hint)
                    .enumerate()
                    .map(|(chunk, items)| encode_all(task, (next + chunk * hint) as u64, items))
                    .collect()
            });
            for batch in batches.into_iter().flatten() {
                match batch {
                    Ok(segment) => {
                        stream.push(segment);
                        hub.enqueue(&stream);
                    }
                    Err((index, error)) => stream.push_failed(index, error),
                }
            }
            next = end;
            if next == items.len() {
                stream.complete();
            }
            continue;
        }
        if items.is_empty() {
            stream.complete();
        }
        let Some(delivery) = stream.take(None) else {
            break;
        };
        order.keep(delivery);
        while let Some(delivery) = stream.try_take() {
            order.keep(delivery);
        }
        let due: Vec<_> = std::iter::from_fn(|| order.next()).collect();
        let decoded: Vec<Vec<Outcome<Out>>> = threads.install(|| {
            due.into_par_iter()
                .map(|delivery| {
                    let mut outcomes_of_it = Vec::new();
                    outcomes(&stream, delivery, &mut |_, outcome, _| {
                        outcomes_of_it.push(outcome)
                    });
                    outcomes_of_it
                })
                .collect()
        });
        all.extend(decoded.into_iter().flatten());
    }
    all
}

/// Ends a call when what feeds it has panicked: borrowed items are given back only when nobody uses them.
struct EndedOnDrop<'a>(&'a Stream, &'a Hub);

impl Drop for EndedOnDrop<'_> {
    fn drop(&mut self) {
        if !self.0.has_ended() {
            self.0.abandon();
            self.1.stop_cancelled();
            self.0.wait_ended();
        }
    }
}

/// Encodes consecutive items into as few segments as limits allow; one that cannot be encoded stands between them.
fn encode_all<In, Out: Receive, A: Arg<In>>(
    task: &Task<In, Out>,
    first: u64,
    items: &[A],
) -> Vec<Result<Segment, (u64, TaskError)>> {
    let retries = task.plan().retries;
    let mut all = Vec::new();
    let mut segment = Segment::new(first, retries);
    for (index, item) in (first..).zip(items) {
        let encoded = task.encode(item, &mut segment, Borrowing::Allowed);
        if encoded.is_err() || segment.is_full() {
            let full = std::mem::replace(&mut segment, Segment::new(index + 1, retries));
            if full.count > 0 {
                all.push(Ok(full));
            }
        }
        if let Err(error) = encoded {
            all.push(Err((index, error)));
        }
    }
    if segment.count > 0 {
        all.push(Ok(segment));
    }
    all
}

/// A `map` that runs on a thread of its own.
#[derive(Debug)]
#[must_use = "outcomes that nobody asks for may be failures unseen"]
pub struct MapCall<Out> {
    outcomes: mpsc::Receiver<Ended<Out>>,
    ended: Option<Ended<Out>>,
}

/// What the thread of a `map` came to: outcomes, or a panic of the items' iterator.
type Ended<Out> = std::thread::Result<Vec<Outcome<Out>>>;

impl<Out> MapCall<Out> {
    /// Waits for all outcomes, in the order of the items.
    ///
    /// # Panics
    /// With the panic of the items' iterator, if it had one.
    pub fn get(mut self) -> Vec<Outcome<Out>> {
        let ended = self.ended.take().or_else(|| self.outcomes.recv().ok());
        match ended.expect("the thread of a map says how it ended") {
            Ok(outcomes) => outcomes,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Whether all tasks have ended.
    pub fn ready(&mut self) -> bool {
        self.wait(Duration::ZERO)
    }

    /// Waits until all tasks have ended, at most so long; returns whether they have.
    pub fn wait(&mut self, timeout: Duration) -> bool {
        if self.ended.is_none() {
            self.ended = self.outcomes.recv_timeout(timeout).ok();
        }
        self.ended.is_some()
    }
}

/// See `Pool::map_async`.
pub(super) fn map_async<In, Out, I>(task: &Task<In, Out>, items: I) -> MapCall<Out>
where
    In: 'static,
    Out: Receive + Send + 'static,
    I: IntoIterator<Item: Arg<In>, IntoIter: Send + 'static>,
{
    let (sender, outcomes) = mpsc::sync_channel(1);
    let work = Arc::new(Mutex::new(Some((task.clone(), items.into_iter(), sender))));
    let run = {
        let work = Arc::clone(&work);
        move || {
            let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some((task, items, sender)) = work {
                let ended = std::panic::catch_unwind(AssertUnwindSafe(|| map(&task, items)));
                // Nobody may be there to ask for them.
                let _ = sender.send(ended);
            }
        }
    };
    if std::thread::Builder::new()
        .name("wasmpool-map".into())
        .spawn(run.clone())
        .is_err()
    {
        // Without a thread it is an ordinary map.
        run();
    }
    MapCall {
        outcomes,
        ended: None,
    }
}
