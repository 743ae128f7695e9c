//! A running call.

use std::{
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use wasmpool_abi::Receive;

use super::{
    outcome::{OTHER_TYPES, Outcome, Side, TaskError},
    report::{Reported, TaskReport},
};
use crate::dispatch::{
    hub::Hub,
    stream::{CallPlan, Delivery, Stream},
};
use crate::module::codec::{self, ItemCodec};
use crate::shared::waiting::{Sealed, Waitable, Word};

/// The handle of a task that was started: Python's `AsyncResult`. Also a `Future`, for any executor.
///
/// Dropping it lets the task run on; [`Call::cancel`] stops it.
#[must_use = "a call that nobody asks for its outcome may have failed unseen"]
pub struct Call<Out> {
    hub: Arc<Hub>,
    stream: Arc<Stream>,
    types: PhantomData<fn() -> Out>,
}

impl<Out> std::fmt::Debug for Call<Out> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("ready", &self.stream.peek().is_some())
            .finish_non_exhaustive()
    }
}

impl<Out: Receive> Call<Out> {
    pub(crate) fn new(hub: Arc<Hub>, stream: Arc<Stream>) -> Self {
        Self {
            hub,
            stream,
            types: PhantomData,
        }
    }

    pub(super) fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// Waits for the outcome.
    ///
    /// # Errors
    /// The outcome, when it is not a value.
    pub fn get(self) -> Outcome<Out> {
        outcome(&self.stream.plan, self.stream.take(None))
    }

    /// Waits for the outcome, at most so long.
    ///
    /// # Errors
    /// The handle, when the task has not ended; it runs on.
    pub fn get_timeout(self, timeout: Duration) -> Result<Outcome<Out>, Self> {
        if self.wait(Some(timeout)) {
            Ok(self.get())
        } else {
            Err(self)
        }
    }

    /// Whether the task has ended.
    pub fn ready(&self) -> bool {
        self.stream.peek().is_some()
    }

    /// Waits until the task has ended, at most so long; returns whether it has.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        self.stream
            .wait_arrived(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    /// Whether the task ended with a value; `None` while it runs. A value that does not decode counts as one here.
    pub fn successful(&self) -> Option<bool> {
        self.stream.peek()
    }

    /// Stops the task: at once when it waits for a worker, within milliseconds when it runs. Others do not notice.
    /// Returns `false` when it has ended already; otherwise its outcome is [`TaskError::Cancelled`], or what it came to
    /// in the last moment.
    pub fn cancel(&self) -> bool {
        if self.ready() {
            return false;
        }
        self.hub.cancel(&self.stream);
        true
    }

    /// What the task has used, once it has ended: see [`Task::reported`](crate::Task::reported). `None` before, when nobody
    /// asked for it, and when no worker has begun the task.
    pub fn report(&self) -> Option<TaskReport> {
        self.stream.peek_report()
    }

    /// Waits for the outcome, and takes it with what the task has used.
    pub fn get_reported(self) -> Reported<Out> {
        let delivery = self.stream.take(None);
        Reported {
            outcome: outcome(&self.stream.plan, delivery),
            report: self.stream.take_report(0),
        }
    }

    /// Calls `then` with the outcome, on the pool's callback thread.
    pub fn then(self, then: impl FnOnce(Outcome<Out>) + Send + 'static) {
        let plan = self.stream.plan.clone();
        self.stream.on_delivery(Box::new(move |delivery| {
            then(outcome(&plan, Some(delivery)))
        }));
    }

    /// The partial results as the task emits them, each as encoded by the task (see [`decode`](crate::decode)); the
    /// iterator ends with the task. Those that nobody has taken wait, the newest 64 MiB of them.
    pub fn partials(&self) -> impl Iterator<Item = Vec<u8>> {
        std::iter::from_fn(|| self.stream.next_partial())
    }
}

impl<Out> Sealed for Call<Out> {
    fn is_ready(&self) -> bool {
        self.stream.peek().is_some()
    }

    fn word(&self) -> Word {
        Word::of_bell(self.stream.bell())
    }
}

/// Ready when the task has ended.
impl<Out> Waitable for Call<Out> {}

impl<Out: Receive> Future for Call<Out> {
    type Output = Outcome<Out>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.stream.poll_take(context.waker()) {
            Some(delivery) => Poll::Ready(outcome(&self.stream.plan, Some(delivery))),
            None => Poll::Pending,
        }
    }
}

/// The outcome behind the delivery of a call of one item.
pub(crate) fn outcome<Out: Receive>(plan: &CallPlan, delivery: Option<Delivery>) -> Outcome<Out> {
    match delivery {
        Some(Delivery::Values { copy, ranges, .. }) => match ranges.first() {
            Some(range) => decode(plan, &copy[range.start as usize..range.end as usize]),
            None => Err(TaskError::Closed),
        },
        Some(Delivery::Value { bytes, .. }) => decode(plan, &bytes),
        Some(Delivery::Failed { error, .. }) => Err(error),
        None => Err(TaskError::Closed),
    }
}

/// Decodes one result, which nobody has checked yet.
pub(crate) fn decode<Out: Receive>(plan: &CallPlan, bytes: &[u8]) -> Outcome<Out> {
    let signature = &plan.module.signatures()[plan.spec.task as usize];
    codec::decode::<Out>(plan.codec, signature, bytes).map_err(|reason| TaskError::Codec {
        side: Side::Host,
        message: match plan.codec {
            // The module declares what its interpreter gives, and nothing of the script.
            ItemCodec::Script | ItemCodec::ScriptText => {
                format!("the script's result is not of the type that the host asks for: {reason}")
            }
            _ => format!(
                "the result of {} does not decode: {reason}; {OTHER_TYPES}",
                plan.module.told_task(plan.spec.task)
            ),
        },
    })
}
