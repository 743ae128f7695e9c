//! What the ledger knows of one tenant: its calls that wait, its account and budget, what it has and may have.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
    time::Instant,
};

use super::{
    budget::Budget,
    fairness::Account,
    tenant::Tenant,
    trouble::{Step, Trouble},
};
use crate::{
    pool::tenant::{TenantError, TenantLimits},
    worker::contract::CallSpec,
};

/// What one tenant has, and may have.
#[derive(Debug)]
pub(super) struct Entry<C> {
    pub(super) tenant: Weak<Tenant>,
    /// Calls with something to send, in the order in which they get their turn; each at most once.
    pub(super) calls: VecDeque<C>,
    pub(super) limits: TenantLimits,
    /// Somebody has set its limits.
    pub(super) own_limits: bool,
    pub(super) account: Account,
    pub(super) budget: Option<Budget>,
    /// Its processes that have not ended.
    pub(super) alive: usize,
    /// The memory limits of all of them.
    pub(super) memory: u64,
    pub(super) trouble: Trouble,
    pub(super) zygote: From,
    /// It stands among those that wait.
    pub(super) listed: bool,
    /// It was found held up by bounds of its own.
    pub(super) held: bool,
    /// None of its workers has room for what it would send next.
    pub(super) stalled: bool,
    /// The round in which it was passed over.
    pub(super) passed: u64,
}

/// Where a tenant's next worker comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// From the zygote of all.
    Shared,
    /// From one of its own, which does not stand yet.
    Awaited,
    /// From the one of this number.
    Own(u64),
}

/// What a process counts for as long as it lives.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    /// Whose it is.
    pub(super) tenant: Arc<Tenant>,
    pub(super) memory: u64,
}

impl Seat {
    /// A worker of this tenant, for tasks with these limits.
    pub(super) fn new(tenant: &Arc<Tenant>, spec: &CallSpec) -> Self {
        Self {
            tenant: Arc::clone(tenant),
            memory: spec.memory,
        }
    }
}

/// What a lost worker has led to.
#[derive(Debug)]
pub(super) struct Lost {
    /// The rule that it met.
    pub(super) step: Step,
    /// How many were lost in a row.
    pub(super) losses: u32,
    /// A zygote is to be started for the tenant.
    pub(super) wants_zygote: bool,
}

impl<C> Entry<C> {
    pub(super) fn new(tenant: &Arc<Tenant>, limits: TenantLimits, now: Instant) -> Self {
        Self {
            tenant: Arc::downgrade(tenant),
            calls: VecDeque::new(),
            account: Account::new(limits.weight, now),
            budget: budget(&limits, now),
            limits,
            own_limits: false,
            alive: 0,
            memory: 0,
            trouble: Trouble::default(),
            zygote: From::Shared,
            listed: false,
            held: false,
            stalled: false,
            passed: 0,
        }
    }

    /// Whether it has something to send.
    pub(super) fn waits(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Counts what was used until now.
    pub(super) fn settle(&mut self, now: Instant) {
        let used = self.account.settle(now);
        if let Some(budget) = self.budget.as_mut().filter(|_| !used.is_zero()) {
            budget.spend(used, now);
        }
    }

    /// When its budget allows something again, when that is not now.
    pub(super) fn opens_at(&self, now: Instant) -> Option<Instant> {
        let budget = self.budget.as_ref()?;
        budget.opens_at(self.account.unsettled(now), now)
    }

    /// Whether a task of it may begin now, should there be a worker for it.
    pub(super) fn may_begin(&self, now: Instant) -> bool {
        let busy = self.account.busy() as usize;
        self.trouble.paused_until(now).is_none()
            && !(self.trouble.is_on_trial() && busy > 0)
            && self.has_no_bound()
            && self.opens_at(now).is_none()
    }

    /// Whether time alone may change what it may begin.
    pub(super) fn is_timed(&self) -> bool {
        self.budget.is_some() || self.trouble.is_on_trial()
    }

    /// Whether it may begin something as far as that is no matter of time.
    pub(super) fn has_no_bound(&self) -> bool {
        let busy = self.account.busy() as usize;
        self.zygote != From::Awaited && self.limits.max_workers.is_none_or(|most| busy < most)
    }

    /// Whether it has workers in which there may be room.
    pub(super) fn goes_on(&self) -> bool {
        self.account.busy() > 0 && !self.stalled
    }

    /// Whether what it has may be given more to do.
    pub(super) fn may_go_on(&self, now: Instant) -> bool {
        self.opens_at(now).is_none()
    }

    /// When it may begin something again, as far as that is a matter of time.
    pub(super) fn wakes_at(&self, now: Instant) -> Option<Instant> {
        self.trouble.paused_until(now).max(self.opens_at(now))
    }

    pub(super) fn paused(&self, until: Instant) -> TenantError {
        let tenant = self.tenant.upgrade();
        TenantError::Paused {
            tenant: tenant.as_ref().map_or(0, |tenant| tenant.number()),
            name: tenant.and_then(|tenant| tenant.name().cloned()),
            losses: self.trouble.losses(),
            until,
        }
    }
}

pub(super) fn budget(limits: &TenantLimits, now: Instant) -> Option<Budget> {
    let budget = limits.worker_time?;
    Some(Budget::new(budget.time, budget.per, now))
}
