//! Taking tasks back from a worker that has not started them. Why no task is run by two is told in `README.md` beside this
//! file.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::{Duration, Instant},
};

use super::{
    flight::Flight,
    hub::Hub,
    link::{Broken, Link},
};

/// The last batch of which tasks were taken back, until the worker has said that it dropped the rest of it (or has
/// answered all of it after all).
#[derive(Clone, Copy, Debug)]
pub(super) struct Revocation {
    /// Its first task without an answer.
    pub(super) last: u64,
    /// The first task that may not be started.
    pub(super) from: u64,
    /// The one after its last task.
    pub(super) end: u64,
    /// When they were taken back.
    pub(super) since: Instant,
}

impl Link {
    /// The worker says that it dropped `task` and what came after it in its batch.
    pub(super) fn dropped(&mut self, hub: &Hub, task: u64) -> Result<(), Broken> {
        let revoked = self
            .revoked
            .filter(|revoked| (revoked.from..revoked.end).contains(&task));
        let Some(Revocation { last, end, .. }) = revoked else {
            return Err(Broken::Protocol("it dropped what was not revoked".into()));
        };
        let front = self.flights.front().filter(|flight| flight.awaits(task));
        if front.is_some_and(|flight| flight.next != task) {
            return Err(Broken::Protocol(
                "it dropped a task before those that came first".into(),
            ));
        }
        if front.is_some()
            && let Some(mut flight) = self.flights.pop_front()
        {
            let rest = flight.segment.split_off(0);
            flight
                .stream
                .release_input(flight.bytes.saturating_sub(rest.bytes().len()));
            self.free(&flight);
            hub.put_back(&flight.stream, rest);
            self.forget();
        }
        if (last..end).contains(&task) {
            self.revocation_over();
        }
        Ok(())
    }

    /// Everything that was revoked has passed the worker.
    pub(super) fn revocation_over(&mut self) {
        self.revoked = None;
        self.arena.revoked().store(0, SeqCst);
    }

    /// Takes back every task that the worker has not started, for others to run.
    ///
    /// The worker starts none of them any more: it tells which task it is about to run before it looks whether that
    /// one is revoked, and here is first revoked and then looked which one runs. Until it has said that it dropped
    /// them it is sent nothing new.
    ///
    /// # Errors
    /// The worker is of no more use: an answer that it had given meanwhile was none.
    pub(crate) fn revoke(&mut self, hub: &Hub) -> Result<(), Broken> {
        let (Some(front), Some(last)) = (self.flights.front(), self.flights.back()) else {
            return Ok(());
        };
        let before = self.arena.running().load(SeqCst);
        let from = if front.awaits(before) {
            before + 1
        } else {
            front.next
        };
        let end = last.end();
        if self.revoked.is_some() || from >= end {
            return Ok(());
        }
        self.revoked = Some(Revocation {
            from,
            last: last.next,
            end,
            since: Instant::now(),
        });
        self.arena.revoked().store(from, SeqCst);
        let running = self.arena.running().load(SeqCst);
        // It may have gone on meanwhile: what it is about to run is left to it, to run or to drop.
        let from = if (from..end).contains(&running) {
            running + 1
        } else {
            from
        };
        // It answers a task before it goes on to the next: what it had done is known now.
        self.drain(hub)?;
        let Some(front) = self.flights.front() else {
            self.revocation_over();
            return Ok(());
        };
        let from = from.max(front.next);
        if from == front.next {
            // An honest worker has said nothing of a task that it has not begun.
            self.forget();
        }
        let mut taken = Vec::new();
        for mut flight in std::mem::take(&mut self.flights) {
            let keep = from.clamp(flight.next, flight.end()) - flight.next;
            let keep = u32::try_from(keep).expect("a batch counts in 32 bits");
            let rest = flight.segment.split_off(keep);
            flight.sent = flight.sent.saturating_sub(rest.count);
            flight.bytes = flight.bytes.saturating_sub(rest.bytes().len());
            taken.push((Arc::clone(&flight.stream), rest));
            if flight.is_done() {
                flight.stream.release_input(flight.bytes);
                self.free(&flight);
            } else {
                self.flights.push_back(flight);
            }
        }
        // In reverse, since each is put before the others.
        for (stream, rest) in taken.into_iter().rev() {
            hub.put_back(&stream, rest);
        }
        Ok(())
    }

    /// Whether tasks wait behind one that has been running for longer than `time`.
    pub(crate) fn holds_up(&self, now: Instant, time: Duration) -> bool {
        let waiting: u64 = self
            .flights
            .iter()
            .map(|flight| u64::from(flight.segment.count))
            .sum();
        // Until the first task of a batch begins, the worker's word is still that of the batch before.
        let since = |front: &Flight| front.since.max(self.running_since());
        waiting > 1
            && self.revoked.is_none()
            && self
                .flights
                .front()
                .is_some_and(|front| now.saturating_duration_since(since(front)) > time)
    }

    /// Whether a batch has taken longer than `time`, with more of its tasks to come: batches are meant to be short, and this
    /// one was misjudged.
    pub(crate) fn outstays(&self, now: Instant, time: Duration) -> bool {
        let waiting: u64 = self
            .flights
            .iter()
            .map(|flight| u64::from(flight.segment.count))
            .sum();
        waiting > 1
            && self.revoked.is_none()
            && self
                .flights
                .front()
                .is_some_and(|front| now.saturating_duration_since(front.since) > time)
    }

    /// When the running task began, as the worker claims.
    pub(super) fn running_since(&self) -> Instant {
        let (instant, ns) = self.epoch;
        let claimed = self.arena.started().load(SeqCst);
        instant + Duration::from_nanos(claimed.saturating_sub(ns).min(u64::MAX / 4))
    }
}
