//! Lazy maps: items are taken inside `next`, a bounded number ahead.

use std::collections::VecDeque;

use wasmpool_abi::{Arg, Receive};

use super::{
    map::{Feed, Reorder},
    outcome::Outcome,
    report::TaskReport,
    task::{Borrowing, Task},
};

/// What `Pool::imap` returns: outcomes in the order of the items.
#[must_use = "nothing runs until the outcomes are asked for"]
pub struct Imap<In, Out: Receive, I: Iterator<Item: Arg<In>>> {
    feed: Feed<In, Out, I>,
    order: Reorder,
    decoded: VecDeque<(Outcome<Out>, Option<TaskReport>)>,
    report: Option<TaskReport>,
}

impl<In, Out: Receive, I: Iterator<Item: Arg<In>>> Imap<In, Out, I> {
    pub(crate) fn new(task: &Task<In, Out>, items: I) -> Self {
        Self {
            feed: Feed::new(task, items, Borrowing::Refused),
            order: Reorder::default(),
            decoded: VecDeque::new(),
            report: None,
        }
    }

    /// What the task has used whose outcome was handed out last: see [`Task::reported`]. `None` when nobody asked for it, and
    /// for a task that no worker has begun.
    pub fn report(&self) -> Option<&TaskReport> {
        self.report.as_ref()
    }
}

impl<In, Out: Receive, I: Iterator<Item: Arg<In>>> Iterator for Imap<In, Out, I> {
    type Item = Outcome<Out>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((outcome, report)) = self.decoded.pop_front() {
                self.report = report;
                return Some(outcome);
            }
            self.feed.fill(self.order.held());
            self.order.keep(self.feed.stream.take(None)?);
            while let Some(delivery) = self.feed.stream.try_take() {
                self.order.keep(delivery);
            }
            while let Some(delivery) = self.order.next() {
                let decoded = &mut self.decoded;
                self.feed.outcomes(delivery, |_, outcome, report| {
                    decoded.push_back((outcome, report))
                });
            }
        }
    }
}

/// What `Pool::imap_unordered` returns: outcomes as they come, each with the index of its item.
#[must_use = "nothing runs until the outcomes are asked for"]
pub struct ImapUnordered<In, Out: Receive, I: Iterator<Item: Arg<In>>> {
    feed: Feed<In, Out, I>,
    decoded: VecDeque<(u64, Outcome<Out>, Option<TaskReport>)>,
    report: Option<TaskReport>,
}

impl<In, Out: Receive, I: Iterator<Item: Arg<In>>> ImapUnordered<In, Out, I> {
    pub(crate) fn new(task: &Task<In, Out>, items: I) -> Self {
        Self {
            feed: Feed::new(task, items, Borrowing::Refused),
            decoded: VecDeque::new(),
            report: None,
        }
    }

    /// What the task has used whose outcome was handed out last: see [`Task::reported`]. `None` when nobody asked for it, and
    /// for a task that no worker has begun.
    pub fn report(&self) -> Option<&TaskReport> {
        self.report.as_ref()
    }
}

impl<In, Out: Receive, I: Iterator<Item: Arg<In>>> Iterator for ImapUnordered<In, Out, I> {
    type Item = (u64, Outcome<Out>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((index, outcome, report)) = self.decoded.pop_front() {
                self.report = report;
                return Some((index, outcome));
            }
            self.feed.fill((0, 0));
            let delivery = self.feed.stream.take(None)?;
            let decoded = &mut self.decoded;
            self.feed.outcomes(delivery, |index, outcome, report| {
                decoded.push_back((index, outcome, report))
            });
        }
    }
}

impl<In, Out: Receive, I: Iterator<Item: Arg<In>>> std::fmt::Debug for Imap<In, Out, I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Imap")
            .field("decoded", &self.decoded.len())
            .finish_non_exhaustive()
    }
}

impl<In, Out: Receive, I: Iterator<Item: Arg<In>>> std::fmt::Debug for ImapUnordered<In, Out, I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImapUnordered")
            .field("decoded", &self.decoded.len())
            .finish_non_exhaustive()
    }
}
