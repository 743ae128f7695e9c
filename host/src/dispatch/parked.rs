//! Workers that rest: who takes one, who puts one back, which end when there are too many.

use std::{sync::Arc, time::Instant};

use super::{
    entry::From,
    hub::{Hub, State},
    link::Link,
    resting::Rests,
    stream::CallPlan,
    tenant::Tenant,
};

/// Who wants a worker that rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taker {
    /// The dispatcher, for the one whose turn it is.
    Dispatcher,
    /// A calling thread, which knows nobody else's turn.
    Caller,
}

impl Hub {
    /// A resting worker for a call, counted as busy from here on.
    pub(super) fn take_idle(&self, plan: &CallPlan, taker: Taker) -> Option<Box<Link>> {
        let mut state = self.lock();
        if state.ledger.busy() >= self.config.workers {
            return None;
        }
        let tenant = plan.module.tenant_of();
        let at = state.idle.newest(plan.module.id, |link| {
            link.suits(plan) && !(plan.process_per_task && link.tasks > 0)
        })?;
        let now = Instant::now();
        if taker == Taker::Caller && !state.ledger.may_lease(tenant, now) {
            return None;
        }
        state.ledger.take_place(tenant, now);
        state.idle.take_found(at)
    }

    /// A worker that has done its work rests, or ends when it has done enough.
    pub(crate) fn give_back(&self, mut link: Box<Link>) {
        link.rest();
        let mut state = self.lock();
        let tenant = Arc::clone(link.module.tenant_of());
        state.ledger.give_place(&tenant, link.rested);
        let mut ended = Vec::new();
        let mut trims = false;
        // Under the lock: whoever gives one of its objects to another tenant looks for it among the idle afterwards.
        if !self.may_rest(&mut state, &link) {
            ended.push(link);
        } else {
            trims = link.trim_due().is_some();
            state.idle.push(link);
            ended.extend(state.take_surplus(&tenant, self.config.workers));
            while state.idle.len() > self.config.max_idle_workers {
                ended.extend(state.idle.take_oldest());
            }
        }
        // The dispatcher keeps the clock of what rests.
        let waiting = state.ledger.anybody_waits() || state.held_up || trims;
        drop(state);
        drop(ended);
        if waiting {
            self.ring();
        }
    }

    /// Puts those back among the idle that were taken from there for a moment, but for those that may not rest any more.
    pub(super) fn rest_again(&self, links: Vec<(u64, Box<Link>)>) {
        let mut state = self.lock();
        let (kept, ended): (Vec<_>, Vec<_>) = links
            .into_iter()
            .partition(|(_, link)| self.may_rest(&mut state, link));
        state.idle.put_back(kept);
        drop(state);
        drop(ended);
    }

    /// Whether a worker that has nothing to do may be kept for others.
    fn may_rest(&self, state: &mut State, link: &Link) -> bool {
        let spent = link.is_spent()
            || self
                .config
                .max_tasks_per_worker
                .is_some_and(|most| link.tasks >= most);
        // It comes from a zygote that its tenant's workers are not to come from any more.
        let stale = match state.ledger.zygote_of(link.module.tenant_of()) {
            From::Shared => false,
            From::Awaited => true,
            From::Own(number) => link.child.zygote() != number,
        };
        // Nobody would take it from the idle ones.
        let gone = !state.is_running(&link.child);
        !(spent || stale || gone || self.is_closed())
    }
}

impl Rests for Box<Link> {
    fn worker(&self) -> u64 {
        self.child.id()
    }

    fn module(&self) -> u64 {
        self.module.id
    }

    fn tenant(&self) -> u64 {
        self.module.tenant()
    }

    fn trim_due(&self) -> Option<Instant> {
        Link::trim_due(self)
    }
}

#[expect(clippy::vec_box, reason = "as they lie among the idle")]
impl State {
    /// A tenant's worker that has rested longest.
    pub(super) fn take_resting(&mut self, tenant: &Arc<Tenant>) -> Option<Box<Link>> {
        self.idle.take_oldest_of(tenant.number())
    }

    /// All of a tenant's workers that rest.
    pub(super) fn take_all_resting(&mut self, tenant: &Arc<Tenant>) -> Vec<Box<Link>> {
        self.idle.take_all_of(tenant.number())
    }

    /// How many of a tenant's workers rest.
    pub(super) fn resting(&self, tenant: &Arc<Tenant>) -> usize {
        self.idle.count_of(tenant.number())
    }

    /// The workers of a tenant that rest beyond its own limits, or beyond so many.
    pub(super) fn take_surplus(&mut self, tenant: &Arc<Tenant>, most: usize) -> Vec<Box<Link>> {
        let surplus = self.ledger.surplus(tenant, self.resting(tenant), most);
        (0..surplus)
            .filter_map(|_| self.take_resting(tenant))
            .collect()
    }
}
