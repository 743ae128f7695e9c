//! The accounts of all tenants of a pool: who waits with what, how many workers each has and may have, who is in trouble.
//! It lies behind the hub's lock; whose turn it is, `fairness.rs` says.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Instant,
};

use super::{
    entry::{Entry, From, Lost, Seat, budget},
    fairness::Clock,
    numbers::NumberMap,
    order::Order,
    stream::Stream,
    tenant::Tenant,
    trouble::Trouble,
    turns::Waiter,
};
use crate::pool::{
    outcome::TaskError,
    size::ByteSize,
    tenant::{TenantError, TenantLimits, TenantUsage},
};

/// Accounts are looked through for those that nobody needs when there are twice as many as were left the last time, and
/// not below this number.
const SWEEP_FROM: usize = 64;
/// Room for more calls than this is given back when a tenant has none left that waits.
const CALLS_KEPT: usize = 64;

/// All accounts.
///
/// Tenants that wait are found by their turn and not by a look at each: those whose bounds depend on time (a budget, a
/// pause) are the exception. Where one tenant waits and nobody else there is no order to be kept.
#[derive(Debug)]
pub(crate) struct Ledger<C = Arc<Stream>> {
    clock: Clock,
    entries: NumberMap<Entry<C>>,
    /// Tenants that wait: they have calls with something to send.
    waiting: usize,
    /// The one that waits, while it has been the only one since it came: it is in none of the two orders.
    sole: Option<u64>,
    /// Tenants that wait and may begin something.
    ready: Order,
    /// Tenants that wait and have workers in which there may be room.
    going: Order,
    /// Turns are given out in rounds; who can take none is passed over in the rest of that round.
    round: u64,
    /// Tenants that wait whose bounds depend on time: they are in none of the two.
    timed: BTreeSet<u64>,
    /// The moment from which places are seen.
    epoch: Instant,
    names: HashMap<Arc<str>, Arc<Tenant>>,
    /// Workers of the pool that have something to do.
    busy: usize,
    defaults: TenantLimits,
    sweep_at: usize,
}

impl<C> Default for Ledger<C> {
    fn default() -> Self {
        Self {
            clock: Clock::default(),
            entries: NumberMap::default(),
            waiting: 0,
            sole: None,
            ready: Order::default(),
            going: Order::default(),
            round: 1,
            timed: BTreeSet::new(),
            epoch: Instant::now(),
            names: HashMap::new(),
            busy: 0,
            defaults: TenantLimits::default(),
            sweep_at: 0,
        }
    }
}

impl<C: Waiter> Ledger<C> {
    /// One in which nobody stands yet.
    pub(super) fn new(defaults: TenantLimits) -> Self {
        Self {
            defaults,
            ..Self::default()
        }
    }

    fn entry(&mut self, tenant: &Arc<Tenant>) -> &mut Entry<C> {
        self.entry_and_clock(tenant).0
    }

    fn entry_and_clock(&mut self, tenant: &Arc<Tenant>) -> (&mut Entry<C>, &mut Clock) {
        let number = tenant.number();
        if self.entries.len() >= self.sweep_at.max(SWEEP_FROM)
            && !self.entries.contains_key(&number)
        {
            self.sweep();
        }
        let new = || Entry::new(tenant, self.defaults.clone(), Instant::now());
        let entry = self.entries.entry(number).or_insert_with(new);
        (entry, &mut self.clock)
    }

    /// Changes something that decides where this tenant stands among those that wait.
    fn change<R>(
        &mut self,
        tenant: &Arc<Tenant>,
        change: impl FnOnce(&mut Entry<C>, &mut Clock) -> R,
    ) -> R {
        let (entry, clock) = self.entry_and_clock(tenant);
        let changed = change(entry, clock);
        if entry.listed || entry.waits() {
            self.place(tenant.number());
        }
        changed
    }

    /// Something has changed that decides where this tenant stands among those that wait: for whoever changed it to say.
    fn place(&mut self, tenant: u64) {
        let Some(entry) = self.entries.get_mut(&tenant) else {
            return;
        };
        let waits = entry.waits();
        if !waits && !entry.listed {
            return;
        }
        let was_listed = std::mem::replace(&mut entry.listed, waits);
        let timed = entry.is_timed();
        let may_begin = entry.has_no_bound();
        if waits && !timed {
            // Who is held up by bounds of its own, and not by others, saves nothing up meanwhile.
            if may_begin && std::mem::take(&mut entry.held) {
                let then = entry.account.since();
                self.clock.came(&mut entry.account, then);
            }
            entry.held = !may_begin;
        }
        match waits && timed {
            true => self.timed.insert(tenant),
            false => self.timed.remove(&tenant),
        };
        let mut not_sole_any_more = None;
        match (was_listed, waits) {
            (false, true) => {
                self.waiting += 1;
                match self.waiting {
                    1 => self.sole = Some(tenant),
                    _ => not_sole_any_more = self.sole.take(),
                }
            }
            (true, false) => {
                self.waiting -= 1;
                if self.sole.take_if(|sole| *sole == tenant).is_some() {
                    return;
                }
            }
            _ => {}
        }
        if self.sole == Some(tenant) {
            return;
        }
        let goes_on = entry.goes_on();
        let standing = entry.account.standing(self.epoch);
        for (order, stands) in [
            (&mut self.ready, waits && !timed && may_begin),
            (&mut self.going, waits && !timed && goes_on),
        ] {
            match stands {
                true => order.put(tenant, standing),
                false => order.remove(tenant),
            }
        }
        if let Some(other) = not_sole_any_more {
            self.place(other);
        }
    }

    /// One of the workers of these tenants has more room than before.
    pub(super) fn stir_all(&mut self, tenants: impl IntoIterator<Item = u64>) {
        for tenant in tenants {
            if let Some(entry) = self.entries.get_mut(&tenant) {
                entry.stalled = false;
                self.place(tenant);
            }
        }
    }

    /// None of this tenant's workers has room for what it would send next.
    pub(super) fn stall(&mut self, tenant: &Arc<Tenant>) {
        self.change(tenant, |entry, _| entry.stalled = true);
    }

    /// Forgets those who are gone, and names that say nothing any more.
    fn sweep(&mut self) {
        let now = Instant::now();
        self.names.retain(|_, tenant| {
            let entry = self.entries.get(&tenant.number());
            Arc::strong_count(tenant) > 1
                || entry.is_some_and(|entry| {
                    entry.own_limits
                        || entry.alive > 0
                        || entry.trouble.losses() > 0
                        || entry
                            .budget
                            .as_ref()
                            .is_some_and(|budget| !budget.is_even(now))
                        || !self.clock.is_even(&entry.account, now)
                })
        });
        self.entries
            .retain(|_, entry| entry.tenant.strong_count() > 0 || entry.alive > 0 || entry.listed);
        self.sweep_at = 2 * self.entries.len();
    }

    /// The tenant of this name, which is there from now on.
    pub(super) fn named(&mut self, name: &str) -> Arc<Tenant> {
        if let Some(tenant) = self.names.get(name) {
            return Arc::clone(tenant);
        }
        let name: Arc<str> = name.into();
        let tenant = Tenant::named(Arc::clone(&name));
        self.entry(&tenant);
        self.names.insert(name, Arc::clone(&tenant));
        tenant
    }

    /// What a tenant may use.
    pub(super) fn limits(&mut self, tenant: &Arc<Tenant>) -> &TenantLimits {
        &self.entry(tenant).limits
    }

    /// Sets what a tenant may use.
    pub(super) fn set_limits(&mut self, tenant: &Arc<Tenant>, limits: TenantLimits, now: Instant) {
        self.change(tenant, |entry, _| {
            entry.settle(now);
            entry.account.set_weight(limits.weight, now);
            match (&mut entry.budget, limits.worker_time) {
                (Some(budget), Some(new)) => budget.set(new.time, new.per, now),
                (old, _) => *old = budget(&limits, now),
            }
            if limits.max_losses.is_none() {
                entry.trouble = Trouble::default();
                entry.zygote = From::Shared;
            }
            entry.limits = limits;
            entry.own_limits = true;
            entry.stalled = false;
        });
    }

    /// How many of a tenant's resting workers are too many by its own limits, of so many.
    pub(super) fn surplus(&mut self, tenant: &Arc<Tenant>, idle: usize, most: usize) -> usize {
        let entry = self.entry(tenant);
        let most = entry.limits.max_idle_workers.unwrap_or(most);
        let alive = entry.limits.max_workers.unwrap_or(usize::MAX);
        idle.saturating_sub(most)
            .max(entry.alive.saturating_sub(alive).min(idle))
    }

    /// What a tenant has, of which so many rest.
    pub(super) fn usage(&mut self, tenant: &Arc<Tenant>, idle: usize, now: Instant) -> TenantUsage {
        let entry = self.entry(tenant);
        TenantUsage {
            workers: entry.alive,
            busy: entry.account.busy() as usize,
            idle,
            memory: ByteSize::new(entry.memory),
            worker_time: entry.account.total(now),
            losses: entry.trouble.losses(),
            paused_until: entry.trouble.paused_until(now),
            own_zygote: entry.trouble.wants_own_zygote(),
        }
    }

    /// A process that is about to be asked for counts from now on.
    ///
    /// # Errors
    /// The tenant may not have it now.
    pub(super) fn seat(&mut self, seat: &Seat, now: Instant) -> Result<(), TenantError> {
        let entry = self.entry(&seat.tenant);
        if let Some(until) = entry.trouble.paused_until(now) {
            return Err(entry.paused(until));
        }
        let (tenant, name) = (seat.tenant.number(), seat.tenant.name().cloned());
        let most = entry
            .limits
            .max_memory
            .map_or(u64::MAX, |most| most.bytes());
        if seat.memory > most {
            return Err(TenantError::Memory {
                tenant,
                name,
                limit: ByteSize::new(most),
                wanted: ByteSize::new(seat.memory),
            });
        }
        let crowded = entry
            .limits
            .max_workers
            .is_some_and(|most| entry.alive >= most);
        if crowded || entry.memory.saturating_add(seat.memory) > most {
            return Err(TenantError::Full { tenant, name });
        }
        entry.alive += 1;
        entry.memory += seat.memory;
        Ok(())
    }

    /// A process has ended, or did not come to be.
    pub(super) fn leave(&mut self, seat: &Seat) {
        if let Some(entry) = self.entries.get_mut(&seat.tenant.number()) {
            entry.alive = entry.alive.saturating_sub(1);
            entry.memory = entry.memory.saturating_sub(seat.memory);
        }
    }

    /// Workers of the pool that have something to do.
    pub(crate) fn busy(&self) -> usize {
        self.busy
    }

    /// A worker is this tenant's from now on: it was its turn.
    pub(super) fn take_place(&mut self, tenant: &Arc<Tenant>, now: Instant) {
        self.busy += 1;
        self.change(tenant, |entry, clock| {
            entry.settle(now);
            if !entry.waits() {
                clock.came(&mut entry.account, now);
            }
            clock.served(&mut entry.account, now);
            entry.account.began(now);
            entry.stalled = false;
        });
    }

    /// A worker does nothing for this tenant any more.
    pub(crate) fn give_place(&mut self, tenant: &Arc<Tenant>, now: Instant) {
        self.busy = self.busy.saturating_sub(1);
        self.change(tenant, |entry, _| {
            entry.settle(now);
            entry.account.ended(now);
            entry.stalled = false;
        });
    }

    /// A worker that was lent to others is this tenant's again.
    pub(super) fn lend_back(&mut self, tenant: &Arc<Tenant>, now: Instant) {
        self.busy += 1;
        self.change(tenant, |entry, _| {
            entry.settle(now);
            entry.account.began(now);
            entry.stalled = false;
        });
    }

    /// It was this tenant's turn, with a worker that it has.
    pub(super) fn served(&mut self, tenant: &Arc<Tenant>, now: Instant) {
        self.change(tenant, |entry, clock| {
            entry.settle(now);
            clock.served(&mut entry.account, now);
        });
    }

    /// A call has something to send.
    pub(super) fn wait(&mut self, call: C, now: Instant) {
        let tenant = Arc::clone(call.tenant());
        let (entry, clock) = self.entry_and_clock(&tenant);
        let waited = entry.waits();
        if !waited {
            // It wants something that it did not want before.
            entry.settle(now);
            clock.came(&mut entry.account, now);
            entry.stalled = false;
        }
        entry.calls.push_back(call);
        if !waited {
            self.place(tenant.number());
        }
    }

    /// Whether any call waits.
    pub(crate) fn anybody_waits(&self) -> bool {
        self.waiting > 0
    }

    /// All calls that wait.
    pub(super) fn take_waiting(&mut self) -> Vec<C> {
        let waiting = self.entries.iter().filter(|(_, entry)| entry.waits());
        let waiting: BTreeSet<u64> = waiting.map(|(number, _)| *number).collect();
        let mut calls = Vec::new();
        for number in waiting {
            if let Some(entry) = self.entries.get_mut(&number) {
                calls.extend(std::mem::take(&mut entry.calls));
            }
            self.place(number);
        }
        calls
    }

    /// Turns are given out from here on. Those who are held up by bounds of their own, and not by others, save nothing up
    /// meanwhile.
    pub(super) fn begin_round(&mut self, now: Instant) {
        self.round += 1;
        for number in &self.timed {
            if let Some(entry) = self.entries.get_mut(number)
                && !entry.may_begin(now)
            {
                entry.settle(now);
                self.clock.came(&mut entry.account, now);
            }
        }
    }

    /// This tenant can take no turn in the rest of this round.
    pub(super) fn pass_over(&mut self, tenant: &Arc<Tenant>) {
        let round = self.round;
        self.entry(tenant).passed = round;
    }

    /// The next call to send something of, but of nobody who was passed over. `behind` waits for a worker and is served before
    /// all others; until then they go on with what they have, within bounds.
    pub(super) fn next(&self, now: Instant, behind: Option<u64>) -> Option<C> {
        let behind = behind.and_then(|behind| self.entries.get(&behind));
        let may = |entry: &Entry<C>| match behind {
            None => entry.may_begin(now) || (entry.account.busy() > 0 && entry.may_go_on(now)),
            // Who may not, of one kind, has none behind him who may.
            Some(behind) => {
                entry.account.busy() > 0
                    && entry.may_go_on(now)
                    && self.clock.may_go_on(&entry.account, &behind.account, now)
            }
        };
        if let Some(sole) = self.sole {
            let entry = self.entries.get(&sole)?;
            self.clock.count(1);
            let stands =
                entry.is_timed() || entry.goes_on() || (behind.is_none() && entry.has_no_bound());
            let next = stands && entry.passed != self.round && may(entry);
            return entry.calls.front().filter(|_| next).cloned();
        }
        let passed = |number| {
            let entry = self.entries.get(&number);
            entry.is_some_and(|entry| entry.passed == self.round)
        };
        let timed = self.timed.iter().copied().filter(|&number| !passed(number));
        let ready = behind.is_none().then(|| self.ready.firsts(passed));
        let waiting = self.going.firsts(passed).chain(timed);
        let waiting = ready.into_iter().flatten().chain(waiting);
        let waiting = waiting.filter_map(|number| {
            let entry = self.entries.get(&number).filter(|entry| may(entry))?;
            Some((number, &entry.account))
        });
        let next = self.clock.next(now, waiting)?;
        self.entries.get(&next)?.calls.front().cloned()
    }

    /// The call has had its turn: the next one of its tenant is first.
    pub(super) fn turn_over(&mut self, call: &C) {
        self.change(call.tenant(), |entry, _| {
            let calls = &mut entry.calls;
            let Some(at) = calls.iter().position(|it| it.is(call)) else {
                return;
            };
            calls.remove(at);
            call.queued().store(false, SeqCst);
            if call.has_pending() && !call.queued().swap(true, SeqCst) {
                calls.push_back(call.clone());
            }
            if calls.is_empty() && calls.capacity() > CALLS_KEPT {
                *calls = VecDeque::new();
            }
            entry.stalled = false;
        });
    }

    /// Those who wait and may begin something, the first of each kind, but for one.
    fn beginners(&self, now: Instant, but: Option<u64>) -> impl Iterator<Item = (u64, &Entry<C>)> {
        let is_but = move |number| Some(number) == but;
        let sole = self.sole.filter(|sole| !self.timed.contains(sole));
        let others = sole.into_iter().chain(self.timed.iter().copied());
        let others = others.filter(move |&number| !is_but(number));
        let all = self.ready.firsts(is_but).chain(others);
        all.filter_map(move |number| {
            let entry = self.entries.get(&number)?;
            entry.may_begin(now).then_some((number, entry))
        })
    }

    /// Of those that wait and could begin, whose turn it is.
    pub(super) fn first_waiting(&self, now: Instant) -> Option<u64> {
        if self.waiting == 0 {
            return None;
        }
        let waiting = self.beginners(now, None);
        self.clock
            .next(now, waiting.map(|(number, entry)| (number, &entry.account)))
    }

    /// Whether `holder` is to make room for `first`, who waits for a worker.
    pub(super) fn makes_room(&self, holder: &Tenant, first: u64, now: Instant) -> bool {
        let (Some(held), Some(waits)) =
            (self.entries.get(&holder.number()), self.entries.get(&first))
        else {
            return false;
        };
        holder.number() != first && self.clock.is_before(&waits.account, &held.account, now)
    }

    /// Whether a call may take a resting worker at once: nobody waits who comes first.
    pub(super) fn may_lease(&mut self, tenant: &Arc<Tenant>, now: Instant) -> bool {
        let (entry, clock) = self.entry_and_clock(tenant);
        if !entry.waits() {
            // It wants something that it did not want before.
            entry.settle(now);
            clock.came(&mut entry.account, now);
        }
        if !entry.may_begin(now) {
            return false;
        }
        self.waiting == 0 || !self.is_behind(tenant.number(), now)
    }

    /// Whether another one that waits and could begin comes before this one.
    fn is_behind(&self, tenant: u64, now: Instant) -> bool {
        let Some(entry) = self.entries.get(&tenant) else {
            return false;
        };
        let mut others = self.beginners(now, Some(tenant));
        others.any(|(_, other)| !self.clock.is_before(&entry.account, &other.account, now))
    }

    /// Whether a task of this tenant may begin now, should there be a worker for it.
    pub(super) fn may_begin(&mut self, tenant: &Arc<Tenant>, now: Instant) -> bool {
        self.entry(tenant).may_begin(now)
    }

    /// When somebody who waits may begin something that he may not begin now, as far as that is known.
    pub(super) fn wakes_at(&self, now: Instant) -> Option<Instant> {
        self.timed
            .iter()
            .filter_map(|number| self.entries.get(number)?.wakes_at(now))
            .min()
    }

    /// The calls that fail, since their tenants are paused for long, and why.
    pub(super) fn refused(&mut self, now: Instant) -> Vec<(C, TaskError)> {
        let mut refused = Vec::new();
        if self.timed.is_empty() {
            return refused;
        }
        for number in self.timed.clone() {
            let entry = self.entries.get_mut(&number);
            let Some(entry) = entry else {
                continue;
            };
            let Some(until) = entry.trouble.refuses_until(now) else {
                continue;
            };
            let error = TaskError::Tenant(entry.paused(until));
            for call in std::mem::take(&mut entry.calls) {
                call.queued().store(false, SeqCst);
                refused.push((call, error.clone()));
            }
            self.place(number);
        }
        refused
    }

    /// How many accounts were compared so far to find who is next.
    #[cfg(any(test, feature = "simulation"))]
    pub(super) fn compared(&self) -> u64 {
        self.clock.compared()
    }

    /// Begins to count anew.
    #[cfg(any(test, feature = "simulation"))]
    pub(super) fn forget_compared(&self) {
        self.clock.forget_compared();
    }

    /// A worker was lost, through no fault of the host's.
    pub(super) fn lost(&mut self, tenant: &Arc<Tenant>, now: Instant) -> Lost {
        tenant.set_troubled(true);
        self.change(tenant, |entry, _| {
            let step = entry.trouble.lost(entry.limits.max_losses, now);
            let wants_zygote = entry.trouble.wants_own_zygote() && entry.zygote == From::Shared;
            if wants_zygote {
                entry.zygote = From::Awaited;
            }
            entry.stalled = false;
            Lost {
                step,
                losses: entry.trouble.losses(),
                wants_zygote,
            }
        })
    }

    /// A task of a tenant in trouble was answered. Returns whether that ends what others could see of it.
    pub(super) fn answered(&mut self, tenant: &Arc<Tenant>) -> bool {
        tenant.set_troubled(false);
        self.change(tenant, |entry, _| {
            entry.zygote = From::Shared;
            entry.stalled = false;
            entry.trouble.answered()
        })
    }

    /// Where the next worker of a tenant comes from.
    pub(super) fn zygote_of(&mut self, tenant: &Arc<Tenant>) -> From {
        self.entry(tenant).zygote
    }

    /// The zygote that a tenant awaits stands, or does not come. Returns whether it is still awaited.
    pub(super) fn zygote_came(&mut self, tenant: &Arc<Tenant>, zygote: From) -> bool {
        self.change(tenant, |entry, _| {
            let awaited = entry.zygote == From::Awaited;
            if awaited {
                entry.zygote = zygote;
                entry.stalled = false;
            }
            awaited
        })
    }

    /// The zygote of this number is no more. Returns whether the tenant's workers were to come from it.
    pub(super) fn zygote_gone(&mut self, tenant: &Arc<Tenant>, zygote: u64) -> bool {
        self.change(tenant, |entry, _| {
            let used = entry.zygote == From::Own(zygote);
            if used {
                entry.zygote = From::Shared;
                entry.stalled = false;
            }
            used
        })
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
