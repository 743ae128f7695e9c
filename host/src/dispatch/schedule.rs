//! What the dispatcher sends to whom: the next call of the next tenant, to a worker that rests, a new one, or one whose work
//! is short. And what it takes back so that nobody waits behind a long task.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    dispatcher::{Busy, Dispatcher},
    parked::Taker,
    start::NotStarted,
    stream::Stream,
};
use crate::pool::{event::PoolEvent, outcome::TaskError, tenant::TenantError};

/// Tasks that wait behind one that has been running for so long go to a worker that has nothing to do; and a batch that has
/// taken so long makes room for another tenant.
const STEAL_AFTER: Duration = Duration::from_millis(5);
/// The first pause when the kernel has no processes or descriptors to give: others may give some back. Each further
/// failure doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Starts of workers, which pause when the system gives none.
#[derive(Debug, Default)]
pub(super) struct Starts {
    failures: u32,
    until: Option<Instant>,
}

impl Starts {
    /// One failed. Returns how long none is tried; `None` when that is so already: many that were asked for at once fail
    /// together.
    pub(super) fn failed(&mut self, now: Instant) -> Option<Duration> {
        if self.are_paused(now) {
            return None;
        }
        let pause = FIRST_PAUSE
            .saturating_mul(2_u32.saturating_pow(self.failures))
            .min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.until = Some(now + pause);
        Some(pause)
    }

    /// One worked out.
    pub(super) fn worked(&mut self) {
        self.failures = 0;
    }

    fn are_paused(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// When they go on: until somebody has looked after that moment.
    pub(super) fn due(&self) -> Option<Instant> {
        self.until
    }

    /// Somebody looks.
    fn look(&mut self, now: Instant) {
        self.until.take_if(|until| *until <= now);
    }
}

/// What became of the attempt to send something.
enum Placed {
    /// It is sent, or there was nothing to send.
    Sent,
    /// All workers have something to do: the next one that has not is for this tenant.
    Full,
    /// Its tenant has to wait for something of its own; others need not.
    Held,
}

enum Found {
    Worker(u64),
    Full,
    Held,
}

impl Dispatcher {
    /// Sends what waits to be sent, in turn, until nobody can take any more.
    pub(super) fn schedule(&mut self, now: Instant) {
        self.starts.look(now);
        self.refuse(now);
        self.hub.lock().ledger.hold_back(now);
        let mut over = HashSet::new();
        let mut behind = None;
        loop {
            let next = self.hub.lock().ledger.next(now, &over, behind);
            let Some(stream) = next else {
                break;
            };
            let tenant = stream.plan.module.tenant();
            let placed = match stream.has_pending() {
                true => self.place(&stream, now, behind.is_none()),
                false => Placed::Sent,
            };
            match placed {
                Placed::Sent => self.hub.lock().ledger.turn_over(&stream),
                Placed::Full => {
                    // Nobody overtakes: until this one has a worker, others only go on with those that they have.
                    behind.get_or_insert(tenant);
                    over.insert(tenant);
                }
                Placed::Held => {
                    over.insert(tenant);
                }
            }
        }
        self.wake = self.hub.lock().ledger.wakes_at(now);
    }

    /// Fails what waits of tenants that are paused for long.
    fn refuse(&self, now: Instant) {
        let refused = self.hub.lock().ledger.refused(now);
        for (stream, error) in refused {
            stream.fail_pending(&error);
        }
    }

    /// Sends one batch of `stream` to a worker: one more only when nobody else waits for the next.
    fn place(&mut self, stream: &Arc<Stream>, now: Instant, one_more: bool) -> Placed {
        let worker = match self.worker_for(stream, now, one_more) {
            Found::Worker(worker) => worker,
            Found::Full => return Placed::Full,
            Found::Held => return Placed::Held,
        };
        let Some(busy) = self.busy.get_mut(&worker) else {
            return Placed::Held;
        };
        if let Some(mut segment) = stream.next_segment() {
            if let Some(most) = self.hub.config.max_tasks_per_worker {
                let rest = segment.split_off(most.saturating_sub(busy.link.tasks).max(1));
                self.hub.put_back(stream, rest);
            }
            if let Err(broken) = busy.link.send(Arc::clone(stream), segment) {
                self.broke(worker, broken);
                return Placed::Sent;
            }
        }
        self.tick(worker, now);
        Placed::Sent
    }

    /// A worker that may take a batch of `stream`.
    fn worker_for(&mut self, stream: &Arc<Stream>, now: Instant, one_more: bool) -> Found {
        let tenant = stream.plan.module.tenant_of();
        let mut state = self.hub.lock();
        let may_begin = state.ledger.may_begin(tenant, now);
        let free = state.ledger.busy() < self.hub.config.workers;
        drop(state);
        let mut none = if may_begin { Found::Full } else { Found::Held };
        if may_begin && free && one_more {
            if let Some(link) = self.hub.take_idle(&stream.plan, Taker::Dispatcher) {
                return Found::Worker(self.take_on(link));
            }
            none = match self.start(stream, now) {
                Some(worker) => return Found::Worker(worker),
                None => Found::Held,
            };
        }
        if stream.plan.process_per_task || !stream.may_queue_ahead() {
            return none;
        }
        let most = self.hub.config.max_tasks_per_worker;
        let fits = |busy: &&Busy| {
            !busy.link.dedicated
                && busy.link.suits(&stream.plan)
                && busy.link.has_room()
                && !busy.link.is_spent()
                && most.is_none_or(|most| busy.link.tasks < most)
        };
        let least = self
            .busy
            .values()
            .filter(fits)
            .min_by_key(|busy| busy.link.flights());
        let Some(worker) = least.map(|busy| busy.link.child.id()) else {
            return none;
        };
        self.hub.lock().ledger.served(tenant, now);
        Found::Worker(worker)
    }

    /// A new worker for `stream`, when its tenant may have one and the system gives one.
    fn start(&mut self, stream: &Arc<Stream>, now: Instant) -> Option<u64> {
        if self.starts.are_paused(now) {
            return None;
        }
        let (module, spec) = (&stream.plan.module, &stream.plan.spec);
        let tenant = module.tenant_of();
        self.hub.lock().ledger.take_place(tenant, now);
        let directories = stream.plan.directories();
        let error = match self.hub.start_worker(module, spec, directories) {
            Ok(link) => {
                return Some(self.take_on(Box::new(link)));
            }
            Err(error) => error,
        };
        let mut state = self.hub.lock();
        state.ledger.give_place(tenant, now);
        match error {
            NotStarted::Tenant(error @ TenantError::Memory { .. }) => {
                drop(state);
                stream.fail_pending(&TaskError::Tenant(error));
            }
            // One that rests serves another module; once it is gone there is room.
            NotStarted::Tenant(TenantError::Full { .. }) => {
                let ended = state.take_resting(tenant);
                drop((state, ended));
            }
            NotStarted::Tenant(_) | NotStarted::NotYet | NotStarted::Closed(_) => {}
            NotStarted::Io(error) => {
                drop(state);
                self.start_failed(&error.to_string(), now);
            }
        }
        None
    }

    /// The system gave no process, or not enough for one.
    pub(super) fn start_failed(&mut self, error: &str, now: Instant) {
        tracing::warn!(error, "a worker could not be started");
        if let Some(pause) = self.starts.failed(now) {
            self.hub.event(&PoolEvent::StartsPaused { error, pause });
        }
    }

    /// Takes tasks from behind long ones: when a worker could begin them at once, or when another tenant waits for one.
    /// Returns whether any were taken.
    pub(super) fn steal(&mut self, now: Instant) -> bool {
        let mut state = self.hub.lock();
        let full = state.ledger.busy() >= self.hub.config.workers;
        let first = state.ledger.first_waiting(now);
        if full && first.is_none() {
            // Whoever gives a worker back while tasks wait wakes this thread.
            state.held_up = self
                .busy
                .values()
                .any(|busy| busy.link.holds_up(now + STEAL_AFTER, Duration::ZERO));
            return false;
        }
        state.held_up = false;
        // With room for others, the tasks behind a long one begin elsewhere; without, batches of those who have had more
        // than their share end early.
        let makes_room = |busy: &Busy| match first {
            Some(first) => state
                .ledger
                .makes_room(busy.link.module.tenant_of(), first, now),
            None => true,
        };
        let from: Vec<u64> = self
            .busy
            .iter()
            .filter(|(_, busy)| !busy.link.dedicated && makes_room(busy))
            .map(|(&worker, _)| worker)
            .collect();
        drop(state);
        let mut taken = false;
        for worker in from {
            let Some(busy) = self.busy.get_mut(&worker) else {
                continue;
            };
            let long = |at, time| match first {
                Some(_) => busy.link.outstays(at, time),
                None => busy.link.holds_up(at, time),
            };
            if long(now, STEAL_AFTER) {
                taken = true;
                if let Err(broken) = busy.link.revoke(&self.hub) {
                    self.broke(worker, broken);
                }
            } else if long(now + STEAL_AFTER, Duration::ZERO) {
                let look = now + STEAL_AFTER;
                busy.due = Some(busy.due.map_or(look, |due| due.min(look)));
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_that_fail_pause_longer_and_longer() {
        let (mut starts, mut now) = (Starts::default(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..10 {
            let pause = starts.failed(now).expect("none is paused yet");
            assert_eq!(starts.failed(now), None, "those of one moment are one");
            now += pause;
            assert!(
                !starts.are_paused(now) && starts.due().is_some(),
                "a look is due"
            );
            starts.look(now);
            assert_eq!(starts.due(), None);
            pauses.push(pause);
        }
        assert_eq!((pauses[0], pauses[1]), (FIRST_PAUSE, 2 * FIRST_PAUSE));
        assert_eq!(pauses.last(), Some(&LONGEST_PAUSE));
        starts.worked();
        assert_eq!(starts.failed(now), Some(FIRST_PAUSE));
    }
}
