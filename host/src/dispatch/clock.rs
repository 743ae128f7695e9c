//! The clock of one worker: what has to be done about what it does, and when to look again.

use std::{
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

use super::{
    hub::Hub,
    link::{Broken, Link},
    watch::{Action, Cpu},
};

/// How long a worker that has work may show no sign of beginning it: forking, mapping and closing the jail take
/// milliseconds, a stopped process for ever.
const START_PATIENCE: Duration = Duration::from_secs(10);
/// How soon a message that found no room is tried again.
const RESEND: Duration = Duration::from_millis(1);

/// Answers wait this long at most for somebody to look, unless the next one comes sooner.
const UNHEARD: Duration = Duration::from_millis(2);

impl Link {
    /// Keeps the clock: stops a task whose time is over. Returns when to look again.
    ///
    /// # Errors
    /// The worker does not stop, or does not begin, and has been killed.
    pub(crate) fn tick(&mut self, hub: &Hub, now: Instant) -> Result<Option<Instant>, Broken> {
        if let Some((message, objects)) = self.unsent.take() {
            self.send_message(message, objects)?;
        }
        // One that does not even read has its clock like any other.
        let resend = self.unsent.is_some().then(|| now + RESEND);
        let due = self.look(hub, now)?;
        Ok(resend.into_iter().chain(due).chain(self.unheard(now)).min())
    }

    /// Looks at what it does.
    fn look(&mut self, hub: &Hub, now: Instant) -> Result<Option<Instant>, Broken> {
        let running = self.arena.running().load(SeqCst);
        if self
            .flights
            .front()
            .is_some_and(|front| front.next != running)
        {
            // It has gone on: what it answered is known before anything is decided.
            self.drain(hub)?;
        }
        let Some(flight) = self.flights.front() else {
            let Some(revoked) = self.revoked else {
                return Ok(None);
            };
            return self.not_begun(now, revoked.since, None);
        };
        let (since, timeout) = (flight.since, flight.stream.plan.timeout);
        let cpu = flight.stream.plan.spec.cpu.map(Duration::from_nanos);
        if !flight.awaits(running) {
            if flight.stream.cancelled().is_some() {
                self.revoke(hub)?;
            }
            return self.not_begun(now, since, timeout.into_iter().chain(cpu).min());
        }
        // Answers come in order, so the first task without one is the one that runs.
        let task = flight.next;
        let cancelled = flight.stream.cancelled();
        if cancelled.is_some() {
            self.revoke(hub)?;
        }
        let began = self.running_since().min(now);
        let (arena, child) = (&self.arena, &self.child);
        let read = || {
            let claimed = Duration::from_nanos(arena.cpu_started().load(SeqCst));
            Some((claimed, child.cpu_time()?))
        };
        let cpu = cpu.map(|limit| Cpu { limit, read: &read });
        let action = self
            .watch
            .running(now, task, began, timeout, cpu, cancelled);
        match action {
            Action::Wait(until) => Ok(until),
            Action::Ask(again) => {
                self.child.interrupt();
                Ok(Some(again))
            }
            Action::Interrupt(task, again) => {
                self.arena.stop().store(task, SeqCst);
                self.arena.wake().fetch_add(1, SeqCst);
                self.child.interrupt();
                Ok(Some(again))
            }
            Action::Kill => {
                self.child.kill();
                Err(Broken::Stuck)
            }
        }
    }

    /// When to look for answers that the worker has not rung for: it rings between tasks, and the one that it runs now may
    /// take long.
    fn unheard(&self, now: Instant) -> Option<Instant> {
        let front = self
            .flights
            .front()
            .filter(|front| front.segment.count > 1)?;
        let look = front.since.max(self.answered).max(self.running_since()) + UNHEARD;
        (look > now).then_some(look)
    }

    /// The worker shows no sign of what it should do since `since`, or since its last answer; when to look again.
    fn not_begun(
        &self,
        now: Instant,
        since: Instant,
        timeout: Option<Duration>,
    ) -> Result<Option<Instant>, Broken> {
        let given_up = since.max(self.answered) + START_PATIENCE;
        if now >= given_up {
            self.child.kill();
            return Err(Broken::Stuck);
        }
        // The task may begin at once and then has this long.
        let soon = timeout.and_then(|timeout| now.checked_add(timeout));
        Ok(Some(soon.map_or(given_up, |soon| soon.min(given_up))))
    }
}
