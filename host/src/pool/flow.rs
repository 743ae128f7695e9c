//! Maps whose items are pushed: one thread waits for input and pushes it, another takes the outcomes.
//!
//! What `imap` is for iterators this is for sources that make their reader wait: an outcome is handed out as soon as it
//! is there, whether or not the next item has come. The bounds are those of `imap`.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use wasmpool_abi::{Arg, Receive};

use super::{
    handle::Pool,
    map::{self, Reorder},
    outcome::{Outcome, TaskError},
    report::TaskReport,
    task::{Borrowing, Task},
};
use crate::dispatch::{segment::Segment, stream::Stream};

/// The end of a flow where items go in. Dropping it says that no more will come.
pub struct Feeder<In, Out> {
    task: Task<In, Out>,
    flow: Arc<Flow>,
    segment: Segment,
    next: u64,
}

/// The end of a flow where outcomes come out. Dropping it cancels what is left.
pub struct Outcomes<In, Out> {
    task: Task<In, Out>,
    flow: Arc<Flow>,
    /// `None`: outcomes are handed out as they come.
    order: Option<Reorder>,
    decoded: VecDeque<(u64, Outcome<Out>, Option<TaskReport>)>,
    /// What the task has used whose outcome was handed out last.
    report: Option<TaskReport>,
}

impl Pool {
    /// Runs a task for each item that is pushed; outcomes in the order of the items. For sources that make their reader
    /// wait: one thread reads and pushes, another takes the outcomes as they come.
    ///
    /// ```
    /// use std::time::Duration;
    /// use wasmpool::Next;
    ///
    /// # let pool = wasmpool::Pool::new()?;
    /// # let module = pool.load_bytes(br#"(module (func (export "double") (param i32) (result i32)
    /// #     (i32.add (local.get 0) (local.get 0))))"#)?;
    /// let double = module.task::<i32, i32>("double")?;
    /// let (mut feeder, mut outcomes) = pool.flow(&double);
    /// std::thread::spawn(move || {
    ///     for item in 0..3 {
    ///         feeder.push(item);
    ///         feeder.flush(); // the next one may be long in coming
    ///     }
    /// });
    /// let mut doubled = Vec::new();
    /// loop {
    ///     match outcomes.next_timeout(Duration::from_secs(1)) {
    ///         Next::Outcome(_, outcome) => doubled.push(outcome?),
    ///         Next::Timeout => println!("still waiting"),
    ///         Next::End => break,
    ///     }
    /// }
    /// assert_eq!(doubled, [0, 2, 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn flow<In, Out: Receive>(
        &self,
        task: &Task<In, Out>,
    ) -> (Feeder<In, Out>, Outcomes<In, Out>) {
        flow(task, true)
    }

    /// As [`Pool::flow`], in the order in which the tasks end.
    pub fn flow_unordered<In, Out: Receive>(
        &self,
        task: &Task<In, Out>,
    ) -> (Feeder<In, Out>, Outcomes<In, Out>) {
        flow(task, false)
    }
}

/// What both ends share.
struct Flow {
    stream: Arc<Stream>,
    /// Outcomes (items and bytes) that came and are not handed out yet.
    held: Mutex<(u64, usize)>,
    /// Something was handed out, or the flow was stopped.
    room: Condvar,
}

impl Flow {
    /// Wakes a feeder that waits for room. Under the lock, so that it is not missed by one that has just looked.
    fn wake(&self) {
        let _held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        self.room.notify_all();
    }

    fn hold(&self, held: (u64, usize)) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
        self.room.notify_all();
    }
}

/// Both ends of a flow.
fn flow<In, Out>(task: &Task<In, Out>, ordered: bool) -> (Feeder<In, Out>, Outcomes<In, Out>) {
    let stream = task.begin(false);
    let flow = Arc::new(Flow {
        stream,
        held: Mutex::default(),
        room: Condvar::new(),
    });
    let segment = Segment::new(0, task.plan().retries);
    let feeder = Feeder {
        task: task.clone(),
        flow: Arc::clone(&flow),
        segment,
        next: 0,
    };
    let order = ordered.then(Reorder::default);
    (
        feeder,
        Outcomes {
            task: task.clone(),
            flow,
            order,
            decoded: VecDeque::new(),
            report: None,
        },
    )
}

impl<In, Out: Receive> Feeder<In, Out> {
    /// Sends an item, and returns its index; `None` once the flow was stopped, or when the
    /// pool takes no more calls. Waits while as many items or bytes are on
    /// their way as may be.
    ///
    /// Small items go in batches: [`Feeder::flush`] when the next one may be long in coming.
    pub fn push<A: Arg<In>>(&mut self, item: A) -> Option<u64> {
        if !self.wait_for_room() {
            return None;
        }
        let index = self.next;
        self.next += 1;
        match self
            .task
            .encode(&item, &mut self.segment, Borrowing::Refused)
        {
            Ok(()) => {
                let full =
                    u64::from(self.segment.count) >= u64::from(self.flow.stream.batch_hint());
                if full || self.segment.is_full() {
                    self.flush();
                }
            }
            Err(error) => self.failed(index, error),
        }
        Some(index)
    }

    /// An item that cannot be sent takes its place among the others, and `error` is its outcome.
    pub fn fail(&mut self, error: TaskError) -> Option<u64> {
        if !self.wait_for_room() {
            return None;
        }
        let index = self.next;
        self.next += 1;
        self.failed(index, error);
        Some(index)
    }

    fn failed(&mut self, index: u64, error: TaskError) {
        self.flush();
        self.flow.stream.push_failed(index, error);
        self.segment = Segment::new(self.next, self.task.plan().retries);
    }

    /// Sends what was pushed and waits to become a batch.
    pub fn flush(&mut self) {
        let full = std::mem::replace(
            &mut self.segment,
            Segment::new(self.next, self.task.plan().retries),
        );
        if full.count > 0 {
            self.flow.stream.push(full);
            self.task.hub().enqueue(&self.flow.stream);
        }
    }

    /// Whether there is room for one more; waits for it. `false` when the flow was stopped.
    fn wait_for_room(&mut self) -> bool {
        let mut held = self
            .flow
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            if self.flow.stream.cancelled().is_some() {
                return false;
            }
            let (open, bytes) = self.flow.stream.open();
            let (open, bytes) = (open + held.0, bytes + held.1);
            let hint = u64::from(self.flow.stream.batch_hint());
            if map::has_room((open, bytes), hint, self.task.hub()) {
                return true;
            }
            if self.segment.count > 0 {
                // What waits to become a batch may be what everything waits for.
                drop(held);
                self.flush();
                held = self
                    .flow
                    .held
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            held = self
                .flow
                .room
                .wait(held)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<In, Out> Drop for Feeder<In, Out> {
    fn drop(&mut self) {
        let full = std::mem::replace(&mut self.segment, Segment::new(self.next, 0));
        if full.count > 0 {
            self.flow.stream.push(full);
            self.task.hub().enqueue(&self.flow.stream);
        }
        self.flow.stream.complete();
    }
}

/// What came of waiting for an outcome.
#[derive(Debug)]
pub enum Next<Out> {
    /// An outcome, with the index of its item.
    Outcome(u64, Outcome<Out>),
    /// None came in that time.
    Timeout,
    /// None will come any more.
    End,
}

impl<In, Out: Receive> Outcomes<In, Out> {
    /// The next outcome, waiting for it so long at most.
    pub fn next_timeout(&mut self, timeout: Duration) -> Next<Out> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            if let Some((index, outcome, report)) = self.decoded.pop_front() {
                self.report = report;
                return Next::Outcome(index, outcome);
            }
            let Some(delivery) = self.flow.stream.take(deadline) else {
                return if self.flow.stream.is_over() {
                    Next::End
                } else {
                    Next::Timeout
                };
            };
            let stream = &self.flow.stream;
            let decoded = &mut self.decoded;
            match &mut self.order {
                None => map::outcomes(stream, delivery, &mut |index, outcome, report| {
                    decoded.push_back((index, outcome, report))
                }),
                Some(order) => {
                    order.keep(delivery);
                    while let Some(delivery) = order.next() {
                        map::outcomes(stream, delivery, &mut |index, outcome, report| {
                            decoded.push_back((index, outcome, report))
                        });
                    }
                }
            }
            self.flow
                .hold(self.order.as_ref().map_or((0, 0), Reorder::held));
        }
    }

    /// What the task has used whose outcome was handed out last: see [`Task::reported`]. `None` when nobody asked for it, and
    /// for a task that no worker has begun.
    pub fn report(&self) -> Option<&TaskReport> {
        self.report.as_ref()
    }

    /// Takes no more items and cancels what has not ended; its outcomes come as cancelled.
    pub fn stop(&self) {
        self.flow.stream.cancel(&TaskError::Cancelled);
        self.flow.stream.complete();
        self.task.hub().stop_cancelled();
        self.flow.wake();
    }
}

impl<In, Out> Drop for Outcomes<In, Out> {
    fn drop(&mut self) {
        self.flow.stream.abandon();
        self.task.hub().stop_cancelled();
        self.flow.wake();
    }
}

impl<In, Out> std::fmt::Debug for Feeder<In, Out> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feeder")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl<In, Out> std::fmt::Debug for Outcomes<In, Out> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outcomes")
            .field("decoded", &self.decoded.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than anything here takes.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn pool() -> (Pool, Task<i32, i32>) {
        let pool = Pool::builder()
            .workers(2)
            .no_cache()
            .build()
            .expect("a pool stands");
        let module = pool.load_bytes(
            r#"(module (func (export "same") (param i32) (result i32)
                (if (i32.eq (local.get 0) (i32.const -1)) (then (loop (br 0))))
                (local.get 0)))"#,
        );
        let task = module
            .expect("it is a module")
            .task("same")
            .expect("it is its task");
        (pool, task)
    }

    fn rest(outcomes: &mut Outcomes<i32, i32>) -> Vec<(u64, Outcome<i32>)> {
        std::iter::from_fn(|| match outcomes.next_timeout(PATIENCE) {
            Next::Outcome(index, outcome) => Some((index, outcome)),
            Next::Timeout => panic!("nothing comes"),
            Next::End => None,
        })
        .collect()
    }

    #[test]
    fn outcomes_come_in_the_order_of_the_items_failures_among_them() {
        let (pool, task) = pool();
        let (mut feeder, mut outcomes) = pool.flow(&task);
        let reader = std::thread::spawn(move || {
            for item in 0..10_000 {
                let index = if item % 1000 == 7 {
                    feeder.fail(TaskError::Cancelled)
                } else {
                    feeder.push(item)
                };
                assert_eq!(index, u64::try_from(item).ok());
            }
        });
        let all = rest(&mut outcomes);
        reader.join().expect("it does not panic");
        assert_eq!(all.len(), 10_000);
        for (place, (index, outcome)) in all.into_iter().enumerate() {
            assert_eq!(index, place as u64);
            match outcome {
                Ok(value) => assert_eq!(u64::try_from(value), Ok(index)),
                Err(error) => assert!(
                    index % 1000 == 7 && error.kind() == "cancelled",
                    "{index}: {error}"
                ),
            }
        }
    }

    #[test]
    fn an_outcome_comes_although_the_next_item_does_not() {
        let (pool, task) = pool();
        for (mut feeder, mut outcomes) in [pool.flow(&task), pool.flow_unordered(&task)] {
            feeder.push(5);
            feeder.flush();
            assert!(matches!(
                outcomes.next_timeout(PATIENCE),
                Next::Outcome(0, Ok(5))
            ));
            assert!(matches!(
                outcomes.next_timeout(Duration::ZERO),
                Next::Timeout
            ));
            drop(feeder);
            assert!(matches!(outcomes.next_timeout(PATIENCE), Next::End));
        }
    }

    #[test]
    fn a_stopped_flow_takes_no_more_and_cancels_what_runs() {
        let (pool, task) = pool();
        let (mut feeder, mut outcomes) = pool.flow(&task);
        feeder.push(-1);
        feeder.flush();
        // It waits for room, for ever if it were not stopped.
        let reader = std::thread::spawn(move || while feeder.push(1).is_some() {});
        assert!(matches!(
            outcomes.next_timeout(Duration::from_millis(50)),
            Next::Timeout
        ));
        outcomes.stop();
        let all = rest(&mut outcomes);
        assert!(matches!(&all[0], (0, Err(TaskError::Cancelled))), "{all:?}");
        reader.join().expect("it does not panic");
        assert_eq!(task.call(3).expect("the pool goes on"), 3);
    }

    #[test]
    fn a_reader_whose_outcomes_nobody_wants_ends() {
        let (pool, task) = pool();
        let (mut feeder, outcomes) = pool.flow(&task);
        let reader = std::thread::spawn(move || while feeder.push(1).is_some() {});
        drop(outcomes);
        reader.join().expect("it does not panic");
    }
}
