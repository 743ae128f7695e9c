//! What is left of a worker that is gone: the task that ran has an outcome, the others go elsewhere.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use super::{
    hub::Hub,
    link::{Broken, Link},
    stream::Delivery,
    text::clean,
};
use crate::{pool::outcome::TaskError, supervisor::protocol::Exit};

/// How often in a row items may lose their worker before they were started, until the first of them is given up: a
/// worker that hides which task it runs must not get a task to run for ever.
const MAX_LOSSES: u8 = 10;
/// One that showed no sign of beginning counts as so many: it held its caller up for as long as the host had patience, and the
/// third in a row is the last.
const SILENT_LOSSES: u8 = 4;

impl Link {
    /// Settles what is left of a worker that is gone: the task that ran has an outcome, the others go elsewhere.
    pub(crate) fn bury(mut self, hub: &Hub, exit: Option<Exit>, broken: &Broken) {
        // An answer that it had given counts. What is torn does not.
        let _ = self.drain(hub);
        let running = self.arena.running().load(SeqCst);
        let stderr =
            String::from_utf8_lossy(&self.arena.read_stderr(self.stderr_seen).0).into_owned();
        let lost = |link: &Self| TaskError::WorkerLost {
            pid: link.child.pid(),
            exit,
            reason: match (exit, broken) {
                // The filters of the jail, and nothing else, end a process so.
                (Some(Exit::Signal(libc::SIGSYS)), _) => {
                    Some("it tried a system call that its jail forbids".to_owned())
                }
                (_, Broken::Ended) => None,
                (_, broken) => Some(broken.to_string()),
            },
            stderr: clean(&stderr),
        };
        // What the system refuses is nothing to hold against the module or its items: they wait until it gives again.
        let refused = self.child.refusal().is_some();
        if !self.ready && !refused {
            self.module
                .worker_failed(matches!(broken, Broken::Unable(_)));
        }
        // Who was told to stop and had to be killed had an ordinary end, for a worker.
        let stopped = self
            .flights
            .front()
            .is_some_and(|front| self.watch.verdict(front.next).is_some());
        if !hub.is_closed() && !self.child.is_excused() && !stopped {
            hub.worker_lost(self.module.tenant_of());
        }
        let flights = std::mem::take(&mut self.flights);
        for flight in &flights {
            for grant in flight.segment.grants().flatten() {
                grant.object.abandon(self.holder);
            }
        }
        // A stream that is cancelled fails what comes back to it.
        let nowhere_else = self.dedicated.then(|| {
            if hub.is_closed() {
                TaskError::Closed
            } else {
                lost(&self)
            }
        });
        let ran = flights.front().is_some_and(|front| front.awaits(running));
        let mut left = Vec::new();
        for (position, mut flight) in flights.into_iter().enumerate() {
            let started = position == 0 && ran;
            if started {
                flight.segment.losses = 0;
            } else if !ran && !refused {
                let weight = match broken {
                    Broken::Stuck => SILENT_LOSSES,
                    _ => 1,
                };
                flight.segment.losses = flight.segment.losses.saturating_add(weight);
            }
            if !self.ready && self.module.is_hopeless() {
                let message = format!("workers of this module end before they begin: {broken}");
                flight.stream.cancel(&TaskError::host(message));
            } else if started || flight.segment.losses >= MAX_LOSSES {
                // Answers come in order, so the first without one is the one that ran, whatever the worker says.
                let first = flight.segment.first_alone();
                let error = match self.watch.verdict(flight.next) {
                    Some(verdict) => verdict.clone(),
                    None if hub.is_closed() => TaskError::Closed,
                    None => lost(&self),
                };
                let retry = matches!(error, TaskError::WorkerLost { .. }) && first.retries > 0;
                if !retry && flight.stream.plan.spec.report {
                    self.report_lost(hub, &flight, &error);
                }
                flight.answered(1);
                if retry {
                    let mut again = first;
                    again.retries -= 1;
                    left.push((Arc::clone(&flight.stream), again));
                } else {
                    flight.stream.deliver(Delivery::Failed {
                        index: first.first,
                        error,
                    });
                }
            }
            if let Some(error) = &nowhere_else {
                flight.stream.cancel(error);
            }
            flight
                .stream
                .release_input(flight.bytes.saturating_sub(flight.segment.bytes().len()));
            left.push((flight.stream, flight.segment));
        }
        for (stream, segment) in left.into_iter().rev() {
            hub.put_back(&stream, segment);
        }
    }
}
