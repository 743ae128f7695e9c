//! What the dispatcher sends to whom: to a worker that rests, a new one, or one whose work is short; `turns.rs` says whose turn
//! it is. And what it takes back so that nobody waits behind a long task.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::{Duration, Instant},
};

use super::{
    dispatcher::Dispatcher,
    ledger::Ledger,
    link::Link,
    parked::Taker,
    start::NotStarted,
    stream::Stream,
    turns::{self, Places},
    zygotes::WANT_PATIENCE,
};
use crate::pool::{event::PoolEvent, outcome::TaskError, tenant::TenantError};

/// Tasks that wait behind one that has been running for so long go to a worker that has nothing to do; and a batch that has
/// taken so long makes room for another tenant.
const STEAL_AFTER: Duration = Duration::from_millis(5);
/// The first pause when the kernel has no processes or descriptors to give: others may give some back. Each further
/// failure doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// So many workers are looked at whenever something happens: a look at all of them is cheaper than waking once more.
const FEW: usize = 32;
/// More of them are looked at no more often than this.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// So many starts must have failed until they are in vain, and not only time have passed: a host that was stopped for a while
/// has tried nothing meanwhile. With pauses as long as these are there are 14 within [`WANT_PATIENCE`].
const WANT_TRIES: u32 = 10;

/// Starts of workers, which pause when the system gives none.
#[derive(Debug, Default)]
pub(super) struct Starts {
    failures: u32,
    until: Option<Instant>,
    want: Option<Want>,
    /// What the system said last, when they have come to be in vain.
    in_vain: Option<String>,
}

/// Starts that failed, one after the other, while no process of the pool was alive that could give anything back.
#[derive(Debug)]
struct Want {
    since: Instant,
    last: Instant,
    tries: u32,
}

impl Starts {
    /// One failed, with a pool of which something was `alive` or nothing. Returns how long none is tried; `None` when that is so
    /// already: many that were asked for at once fail together.
    pub(super) fn failed(&mut self, error: &str, alive: bool, now: Instant) -> Option<Duration> {
        if alive {
            self.want = None;
        }
        if self.are_paused(now) {
            return None;
        }
        if !alive {
            self.failed_in_want(error, now);
        }
        let pause = match self.in_vain {
            // Nobody waits for it to be over any more, and who comes next is tried soon.
            Some(_) => FIRST_PAUSE,
            None => FIRST_PAUSE
                .saturating_mul(2_u32.saturating_pow(self.failures))
                .min(LONGEST_PAUSE),
        };
        self.failures = self.failures.saturating_add(1);
        self.until = Some(now + pause);
        Some(pause)
    }

    fn failed_in_want(&mut self, error: &str, now: Instant) {
        // Where nobody has asked for a worker for so long, nothing is known any more.
        let stale = |want: &mut Want| now.duration_since(want.last) > WANT_PATIENCE;
        self.want.take_if(stale);
        let want = self.want.get_or_insert(Want {
            since: now,
            last: now,
            tries: 0,
        });
        want.last = now;
        want.tries = want.tries.saturating_add(1);
        // From then on each that fails says so, until one works out: who comes next does not wait as long once more.
        if want.tries >= WANT_TRIES && now.duration_since(want.since) >= WANT_PATIENCE {
            self.in_vain = Some(error.to_owned());
        }
    }

    /// One worked out.
    pub(super) fn worked(&mut self) {
        self.failures = 0;
        self.want = None;
        self.in_vain = None;
    }

    /// What the system said, when there is no use in waiting for a worker: told once, to those who wait now.
    fn take_in_vain(&mut self) -> Option<String> {
        self.in_vain.take()
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

/// When workers are looked at for tasks to take back. Few are looked at whenever something happens; many only so often, so
/// that what one event costs does not grow with them.
#[derive(Debug, Default)]
pub(super) struct Steals {
    last: Option<Instant>,
    again: Option<Instant>,
}

impl Steals {
    /// Whether to look at so many workers now; if not, when it is due.
    fn look(&mut self, now: Instant, workers: usize) -> bool {
        let next = self.last.map_or(now, |last| last + LOOK_AGAIN);
        if workers > FEW && next > now {
            self.again = Some(next);
            return false;
        }
        self.last = Some(now);
        self.again = None;
        true
    }

    /// When a look is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.again
    }
}

impl Places for Dispatcher {
    type Call = Arc<Stream>;

    fn ledger<R>(&self, look: impl FnOnce(&mut Ledger) -> R) -> R {
        look(&mut self.hub.lock().ledger)
    }

    fn workers(&self) -> usize {
        self.hub.config.workers
    }

    fn one_more(&mut self, stream: &Arc<Stream>, now: Instant) -> Option<u64> {
        if let Some(link) = self.hub.take_idle(&stream.plan, Taker::Dispatcher) {
            return Some(self.take_on(link));
        }
        self.start(stream, now)
    }

    fn with_room(&self, stream: &Arc<Stream>) -> Option<u64> {
        if stream.plan.process_per_task || !stream.may_queue_ahead() {
            return None;
        }
        let most = self.hub.config.max_tasks_per_worker;
        let fits = |link: &Link| {
            !link.dedicated
                && link.suits(&stream.plan)
                && link.has_room()
                && !link.is_spent()
                && most.is_none_or(|most| link.tasks < most)
        };
        let tenant = stream.plan.module.tenant();
        self.roster.with_room(tenant, |worker| {
            self.busy.get(&worker).is_some_and(|link| fits(link))
        })
    }

    fn send(&mut self, stream: &Arc<Stream>, worker: u64, now: Instant) {
        let Some(link) = self.busy.get_mut(&worker) else {
            return;
        };
        if let Some(mut segment) = stream.next_segment() {
            if let Some(most) = self.hub.config.max_tasks_per_worker {
                let rest = segment.split_off(most.saturating_sub(link.tasks).max(1));
                self.hub.put_back(stream, rest);
            }
            if let Err(broken) = link.send(Arc::clone(stream), segment) {
                self.broke(worker, broken);
                return;
            }
        }
        self.tick(worker, now);
    }
}

impl Dispatcher {
    /// Sends what waits to be sent, in turn, until nobody can take any more.
    pub(super) fn schedule(&mut self, now: Instant) {
        self.starts.look(now);
        let mut state = self.hub.lock();
        let refused = state.ledger.refused(now);
        state.ledger.stir_all(self.roster.take_stirred());
        drop(state);
        // What waits of tenants that are paused for long.
        for (stream, error) in refused {
            stream.fail_pending(&error);
        }
        turns::go_round(self, now);
        if let Some(error) = self.starts.take_in_vain() {
            self.fail_waiting(&error);
        }
        self.wake = self.hub.lock().ledger.wakes_at(now);
    }

    /// Nothing of the pool is alive, and the system has given nothing for long: nobody is to wait for ever. What comes later is
    /// tried again.
    fn fail_waiting(&self, error: &str) {
        let error = TaskError::host(format!(
            "no worker could be started for {WANT_PATIENCE:?}: {error}"
        ));
        let waiting = self.hub.lock().ledger.take_waiting();
        // Not under the lock: a call that ends takes it.
        for stream in waiting {
            stream.queued.store(false, SeqCst);
            stream.fail_pending(&error);
        }
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
        let mut state = self.hub.lock();
        let alive = state.is_anything_alive();
        let paused = self.starts.failed(error, alive, now);
        // One that rests has what somebody waits for.
        let waits = paused.is_some() && state.ledger.anybody_waits();
        let ended = waits.then(|| state.idle.take_oldest()).flatten();
        drop(state);
        drop(ended);
        if let Some(pause) = paused {
            self.hub.event(&PoolEvent::StartsPaused { error, pause });
        }
    }

    /// Takes tasks from behind long ones: when a worker could begin them at once, or when another tenant waits for one.
    /// Returns whether any were taken.
    pub(super) fn steal(&mut self, now: Instant) -> bool {
        if !self.steals.look(now, self.busy.len()) {
            return false;
        }
        if self.busy.is_empty() {
            self.hub.lock().held_up = false;
            return false;
        }
        let mut state = self.hub.lock();
        let full = state.ledger.busy() >= self.hub.config.workers;
        let first = state.ledger.first_waiting(now);
        if full && first.is_none() {
            // Whoever gives a worker back while tasks wait wakes this thread.
            state.held_up = self
                .busy
                .values()
                .any(|link| link.holds_up(now + STEAL_AFTER, Duration::ZERO));
            return false;
        }
        state.held_up = false;
        // With room for others, the tasks behind a long one begin elsewhere; without, batches of those who have had more
        // than their share end early.
        let makes_room = |link: &Link| match first {
            Some(first) => state.ledger.makes_room(link.module.tenant_of(), first, now),
            None => true,
        };
        let from: Vec<u64> = self
            .busy
            .iter()
            .filter(|(_, link)| !link.dedicated && link.child.has_started() && makes_room(link))
            .map(|(&worker, _)| worker)
            .collect();
        drop(state);
        let mut taken = false;
        for worker in from {
            let Some(link) = self.busy.get_mut(&worker) else {
                continue;
            };
            let long = |at, time| match first {
                Some(_) => link.outstays(at, time),
                None => link.holds_up(at, time),
            };
            if long(now, STEAL_AFTER) {
                taken = true;
                match link.revoke(&self.hub) {
                    // It takes nothing until it has let go of them.
                    Ok(()) => self.note(worker),
                    Err(broken) => self.broke(worker, broken),
                }
            } else if long(now + STEAL_AFTER, Duration::ZERO) {
                self.roster.look_at(worker, now + STEAL_AFTER);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHY: &str = "Too many open files (os error 24)";

    #[test]
    fn starts_that_fail_pause_longer_and_longer() {
        let (mut starts, mut now) = (Starts::default(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..10 {
            let pause = starts.failed(WHY, true, now).expect("none is paused yet");
            assert_eq!(
                starts.failed(WHY, true, now),
                None,
                "those of one moment are one"
            );
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
        assert_eq!(starts.failed(WHY, true, now), Some(FIRST_PAUSE));
    }

    /// Fails once and lets the pause pass. Returns whether that was in vain.
    fn fail(starts: &mut Starts, alive: bool, now: &mut Instant) -> bool {
        *now += starts.failed(WHY, alive, *now).expect("none is paused");
        starts.look(*now);
        starts.take_in_vain().is_some_and(|error| error == WHY)
    }

    #[test]
    fn starts_of_a_pool_of_which_nothing_is_alive_are_in_vain_after_a_while() {
        let (mut starts, begun) = (Starts::default(), Instant::now());
        let mut now = begun;
        let mut last = now;
        while !fail(&mut starts, false, &mut now) {
            assert!(last - begun < WANT_PATIENCE, "{:?}", last - begun);
            last = now;
        }
        // The one that failed at this moment.
        assert!(last - begun >= WANT_PATIENCE, "{:?}", last - begun);
        assert!(last - begun <= WANT_PATIENCE + LONGEST_PAUSE);
        assert_eq!(starts.take_in_vain(), None, "it is told once");
        // Who comes then need not wait as long.
        let then = now;
        assert!(fail(&mut starts, false, &mut now));
        assert_eq!(now - then, FIRST_PAUSE);
        // Somewhat later still.
        now += WANT_PATIENCE / 2;
        assert!(fail(&mut starts, false, &mut now));
        // When nobody has asked for long, it is a new want.
        now += 2 * WANT_PATIENCE;
        assert!(!fail(&mut starts, false, &mut now));
    }

    #[test]
    fn starts_are_not_in_vain_while_something_is_alive_or_one_works_out() {
        for what in ["alive", "works"] {
            let (mut starts, mut now) = (Starts::default(), Instant::now());
            for turn in 0..100 {
                let between = turn % 8 == 7;
                let alive = between && what == "alive";
                assert!(!fail(&mut starts, alive, &mut now), "{what}, turn {turn}");
                if between && what == "works" {
                    starts.worked();
                }
            }
        }
    }

    /// A host that is stopped for long tries nothing meanwhile.
    #[test]
    fn time_alone_does_not_make_starts_vain() {
        let (mut starts, mut now) = (Starts::default(), Instant::now());
        for turn in 1..WANT_TRIES {
            assert!(!fail(&mut starts, false, &mut now), "turn {turn}");
            now += WANT_PATIENCE - LONGEST_PAUSE;
        }
        assert!(fail(&mut starts, false, &mut now));
    }
}
