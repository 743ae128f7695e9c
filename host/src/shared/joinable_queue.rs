//! A queue that knows what has been dealt with.

use std::time::Duration;

use wasmpool_abi::{Arg, ObjectKind, Receive};

use super::{
    argument::argument,
    grant::Grant,
    holder::this_thread,
    mark::MAX_ITEMS,
    message::{GetError, Messages, PutError},
    object::ShareError,
    patience::Patience,
    queue::{DEFAULT_BYTES, UNBOUNDED_BYTES, make, queue_methods},
    reactor::Changed,
    ring::RingError,
    waiting::{Sealed, Waitable, Word},
};
use crate::pool::size::ByteSize;

/// A [`Queue`](crate::Queue) whose consumers say of each value when they have dealt with it, and that others can wait for
/// until all have been.
///
/// What is unfinished is counted from the messages themselves, so that a producer that is killed cannot unbalance it. A
/// value that a killed consumer had taken stays unfinished, since nobody dealt with it.
pub struct JoinableQueue<T>(Messages<T>);

queue_methods!(JoinableQueue, ObjectKind::JoinableQueue);

/// Why a value was not counted as dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskDoneError {
    /// It was called more often than values were taken.
    #[error("task_done was called for more values than were taken")]
    NotTaken,
    /// A worker that broke out of its sandbox wrote over the queue's own words.
    #[error("the queue's memory is damaged")]
    Damaged,
}

impl<T> JoinableQueue<T> {
    /// One value that was taken has been dealt with, by whomever.
    ///
    /// # Errors
    /// All values that were taken have been already.
    pub fn task_done(&self) -> Result<(), TaskDoneError> {
        self.0
            .ring()
            .task_done(&self.0.words(), this_thread())
            .map_err(|error| match error {
                RingError::NotTaken => TaskDoneError::NotTaken,
                _ => TaskDoneError::Damaged,
            })
    }

    /// Values that were put and have not been dealt with.
    pub fn unfinished(&self) -> usize {
        self.0.ring().unfinished(&self.0.words()) as usize
    }

    /// Waits until all values that were put have been dealt with.
    pub fn join(&self) {
        // It waits for ever, and nobody tells a thread of the host to stop.
        let _ = self.0.ring().join(&self.0.words(), Patience::Endless);
    }

    /// Waits as [`join`](Self::join) does, at most so long; returns whether all have been dealt with.
    pub fn join_timeout(&self, timeout: Duration) -> bool {
        let joined = self.0.ring().join(&self.0.words(), Patience::of(timeout));
        joined.is_ok()
    }

    /// Waits as [`join`](Self::join) does, for any executor.
    pub fn join_async(&self) -> impl Future<Output = ()> + Send + use<T> {
        let messages = self.0.clone();
        async move {
            let word = messages.all_done();
            loop {
                let seen = word.now();
                if messages.ring().unfinished(&messages.words()) == 0 {
                    return;
                }
                Changed::new(word.clone(), seen).await;
            }
        }
    }
}
