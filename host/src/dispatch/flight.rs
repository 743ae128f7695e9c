//! A batch on its way through a worker.

use std::{sync::Arc, time::Instant};

use super::{segment::Segment, stream::Stream};

/// A batch that was sent to a worker and is not answered in full.
#[derive(Debug)]
pub(crate) struct Flight {
    /// Whose items they are.
    pub(crate) stream: Arc<Stream>,
    /// The items that are not answered yet; the first of them is task `next`.
    pub(crate) segment: Segment,
    /// Number of the first task without an answer.
    pub(crate) next: u64,
    /// How many items the batch had.
    pub(crate) sent: u32,
    /// Bytes of all items of the batch.
    pub(crate) bytes: usize,
    /// The input slot that holds them, when one does.
    pub(crate) slot: Option<u8>,
    /// When its first task could begin.
    pub(crate) since: Instant,
}

impl Flight {
    /// The number after its last open task.
    pub(crate) fn end(&self) -> u64 {
        self.next + u64::from(self.segment.count)
    }

    /// Whether `task` belongs to it and has no answer.
    pub(crate) fn awaits(&self, task: u64) -> bool {
        task >= self.next && task - self.next < u64::from(self.segment.count)
    }

    /// The index of `task` in its call.
    pub(crate) fn index_of(&self, task: u64) -> u64 {
        self.segment.first + (task - self.next)
    }

    /// The first `items` open tasks are answered.
    pub(crate) fn answered(&mut self, items: u32) {
        self.segment.skip(items);
        self.next += u64::from(items);
    }

    /// Whether every task is answered.
    pub(crate) fn is_done(&self) -> bool {
        self.segment.count == 0
    }
}
