//! Whose batch is sent next, and to which worker. It knows neither processes nor threads: the dispatcher's workers are links
//! to processes, the simulation's are numbers in virtual time.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use super::{ledger::Ledger, tenant::Tenant};

/// A call that may have something to send.
pub(crate) trait Waiter: Clone {
    /// Whose it is.
    fn tenant(&self) -> &Arc<Tenant>;
    /// Whether it has something to send.
    fn has_pending(&self) -> bool;
    /// Whether it is on the list of those that have.
    fn queued(&self) -> &AtomicBool;
    /// Whether both are one call.
    fn is(&self, other: &Self) -> bool;
}

/// Where batches go.
pub(super) trait Places {
    /// What they are batches of.
    type Call: Waiter;

    /// The accounts, for a moment.
    fn ledger<R>(&self, look: impl FnOnce(&mut Ledger<Self::Call>) -> R) -> R;
    /// Workers that may be busy at once.
    fn workers(&self) -> usize;
    /// A worker that rested, or a new one; `None` when there is none to be had now.
    fn one_more(&mut self, call: &Self::Call, now: Instant) -> Option<u64>;
    /// The busy worker with the least to do in which a batch of this call may wait.
    fn with_room(&self, call: &Self::Call) -> Option<u64>;
    /// Sends the next batch of a call to a worker.
    fn send(&mut self, call: &Self::Call, worker: u64, now: Instant);
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

/// Sends what waits to be sent, in turn, until nobody can take any more. Returns how many calls it has looked at.
pub(super) fn go_round(places: &mut impl Places, now: Instant) -> u64 {
    let mut behind = None;
    let mut looks = 0;
    let mut next = places.ledger(|ledger| {
        ledger.begin_round(now);
        ledger.next(now, behind)
    });
    while let Some(call) = next {
        looks += 1;
        let placed = match call.has_pending() {
            true => place(places, &call, now, behind.is_none()),
            false => Placed::Sent,
        };
        // Nobody overtakes: until this one has a worker, others only go on with those that they have.
        if let Placed::Full = placed {
            behind.get_or_insert(call.tenant().number());
        }
        next = places.ledger(|ledger| {
            match placed {
                Placed::Sent => ledger.turn_over(&call),
                Placed::Full | Placed::Held => ledger.pass_over(call.tenant()),
            }
            ledger.next(now, behind)
        });
    }
    looks
}

/// Sends one batch to a worker: one more only when nobody else waits for the next.
fn place<P: Places>(places: &mut P, call: &P::Call, now: Instant, one_more: bool) -> Placed {
    let (may_begin, busy) = places.ledger(|ledger| {
        let may_begin = ledger.may_begin(call.tenant(), now);
        (may_begin, ledger.busy())
    });
    let mut none = if may_begin {
        Placed::Full
    } else {
        Placed::Held
    };
    let tries = may_begin && one_more && busy < places.workers();
    if tries {
        if let Some(worker) = places.one_more(call, now) {
            places.send(call, worker, now);
            return Placed::Sent;
        }
        none = Placed::Held;
    }
    let Some(worker) = places.with_room(call) else {
        if !tries {
            // It need not be asked again before one of its workers has more room, or it something else to send.
            places.ledger(|ledger| ledger.stall(call.tenant()));
        }
        return none;
    };
    places.ledger(|ledger| ledger.served(call.tenant(), now));
    places.send(call, worker, now);
    Placed::Sent
}
