//! Whose turn it is: shares of worker time by weight, kept in virtual time. It is told what happens and when, and decides; it
//! starts nothing and knows no clock.
//!
//! A tenant's *tag* grows while workers run its tasks: by the time that it has them, divided by its weight. Whoever waits
//! with the smallest tag is next. The essay in `README.md` beside this file says what follows from that.

use std::time::{Duration, Instant};

use super::order::Kind;

/// How far behind or ahead of the others a tenant may be for a while, in its own worker time. Who comes after a pause has
/// so much to make up for and no more; who has a worker keeps it for so long although another is next, so that workers
/// do not change hands with every batch.
pub(super) const SLACK: Duration = Duration::from_millis(4);
/// What a worker that was just taken is counted for, until time has told: about one batch. Without it, who is first would
/// take all workers that are free at one moment.
const TURN: Duration = Duration::from_millis(1);
/// Virtual nanoseconds are so much finer than real ones, for weights to divide.
const FINE: u128 = 1 << 16;

/// A moment of virtual time.
type Tag = u128;

/// What one tenant has had.
#[derive(Debug)]
pub(super) struct Account {
    weight: u32,
    tag: Tag,
    /// Workers that run its tasks.
    busy: u32,
    /// When `tag` and `total` were right.
    since: Instant,
    /// All worker time that it has had.
    total: Duration,
    /// Of equals, the one that has waited longest is next.
    turn: u64,
}

impl Account {
    /// One that has had nothing.
    pub(super) fn new(weight: u32, now: Instant) -> Self {
        Self {
            weight: weight.max(1),
            tag: 0,
            busy: 0,
            since: now,
            total: Duration::ZERO,
            turn: 0,
        }
    }

    /// Another weight from now on.
    pub(super) fn set_weight(&mut self, weight: u32, now: Instant) {
        self.settle(now);
        self.weight = weight.max(1);
    }

    /// A worker runs its tasks from now on.
    pub(super) fn began(&mut self, now: Instant) {
        self.settle(now);
        self.busy += 1;
    }

    /// A worker does not run its tasks any more.
    pub(super) fn ended(&mut self, now: Instant) {
        self.settle(now);
        self.busy = self.busy.saturating_sub(1);
    }

    /// Counts what was used until now, and says how much that is.
    pub(super) fn settle(&mut self, now: Instant) -> Duration {
        let used = self.unsettled(now);
        self.since = self.since.max(now);
        // Several things are told of one moment: only the first has anything to count.
        if !used.is_zero() {
            self.tag += self.virtual_time(used);
            self.total += used;
        }
        used
    }

    /// When what it has had was counted last.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// Workers that run its tasks.
    pub(super) fn busy(&self) -> u32 {
        self.busy
    }

    /// Where it stands, seen from a moment that is the same for all.
    pub(super) fn standing(&self, epoch: Instant) -> Standing {
        let after = self.since.saturating_duration_since(epoch).as_nanos();
        let before = epoch.saturating_duration_since(self.since).as_nanos();
        let signed = |time: u128| i128::try_from(time).unwrap_or(i128::MAX);
        let (weight, busy) = (i128::from(self.weight), i128::from(self.busy));
        // What its place would have been at the epoch, times the weight so that nothing is lost by dividing. What a worker
        // that was just taken counts for is the same for all of one kind.
        let tag = signed(self.tag).saturating_mul(weight);
        let grown = (signed(after) - signed(before)) * busy * signed(FINE);
        Standing {
            kind: (self.busy, self.weight),
            place: tag.saturating_sub(grown),
            turn: self.turn,
        }
    }

    /// All worker time that it has had until `now`.
    pub(super) fn total(&self, now: Instant) -> Duration {
        self.total + self.unsettled(now)
    }

    /// What of it is not counted yet.
    pub(super) fn unsettled(&self, now: Instant) -> Duration {
        if self.busy == 0 || now <= self.since {
            return Duration::ZERO;
        }
        now.saturating_duration_since(self.since) * self.busy
    }

    fn virtual_time(&self, time: Duration) -> Tag {
        let fine = time.as_nanos() * FINE;
        // Days fit; what is longer takes a division of several words.
        match u64::try_from(fine) {
            Ok(fine) => Tag::from(fine / u64::from(self.weight)),
            Err(_) => fine / u128::from(self.weight),
        }
    }

    fn tag_at(&self, now: Instant) -> Tag {
        match self.unsettled(now) {
            Duration::ZERO => self.tag,
            time => self.tag + self.virtual_time(time),
        }
    }
}

/// Where an account stands among those whose tags grow as its does: it stays there as time goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// Those who grow alike.
    pub(super) kind: Kind,
    /// The smallest is next of its kind.
    pub(super) place: i128,
    /// Of equals, the smallest.
    pub(super) turn: u64,
}

/// The virtual time of a pool.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The largest tag of all who were next so far.
    reached: Tag,
    turns: u64,
    /// Accounts that were compared, so that it can be said what a decision costs.
    #[cfg(any(test, feature = "simulation"))]
    compared: std::cell::Cell<u64>,
}

impl Clock {
    /// Who is next of those who wait.
    pub(super) fn next<'a, K>(
        &self,
        now: Instant,
        waiting: impl Iterator<Item = (K, &'a Account)>,
    ) -> Option<K> {
        waiting
            .inspect(|_| self.count(1))
            .min_by_key(|(_, account)| self.place_of(account, now))
            .map(|(who, _)| who)
    }

    /// So many more accounts were compared.
    #[cfg(any(test, feature = "simulation"))]
    pub(super) fn count(&self, compared: u64) {
        self.compared.update(|all| all + compared);
    }

    /// Counted where somebody asks for it.
    #[cfg(not(any(test, feature = "simulation")))]
    pub(super) fn count(&self, _: u64) {}

    /// How many accounts were compared so far to find who is next.
    #[cfg(any(test, feature = "simulation"))]
    pub(super) fn compared(&self) -> u64 {
        self.compared.get()
    }

    /// Begins to count anew.
    #[cfg(any(test, feature = "simulation"))]
    pub(super) fn forget_compared(&self) {
        self.compared.set(0);
    }

    /// This one wants something that it did not want before, or could not have: it has no more to make up for than
    /// [`SLACK`]. Whoever waits and could be served keeps all that the others are ahead of him.
    pub(super) fn came(&self, account: &mut Account, now: Instant) {
        account.settle(now);
        account.tag = account.tag.max(self.newcomers_tag(account));
    }

    /// This one had its turn.
    pub(super) fn served(&mut self, account: &mut Account, now: Instant) {
        account.settle(now);
        self.reached = self.reached.max(account.tag);
        self.turns += 1;
        account.turn = self.turns;
    }

    /// Whether `one` is to be served before `other`, of which both could be served now.
    pub(super) fn is_before(&self, one: &Account, other: &Account, now: Instant) -> bool {
        self.place_of(one, now) < self.place_of(other, now)
    }

    /// Whether `holder` goes on with the workers that it has although `next` waits for one: not when it has had more than
    /// `next` has, and some.
    pub(super) fn may_go_on(&self, holder: &Account, next: &Account, now: Instant) -> bool {
        holder.tag_at(now) <= next.tag_at(now) + holder.virtual_time(SLACK)
    }

    /// Whether this one has nothing to pay back, so that it could as well be forgotten.
    pub(super) fn is_even(&self, account: &Account, now: Instant) -> bool {
        account.busy == 0 && account.tag_at(now) <= self.newcomers_tag(account)
    }

    fn newcomers_tag(&self, account: &Account) -> Tag {
        self.reached.saturating_sub(account.virtual_time(SLACK))
    }

    fn place_of(&self, account: &Account, now: Instant) -> (Tag, u64) {
        let taken = account.virtual_time(TURN * account.busy);
        (account.tag_at(now) + taken, account.turn)
    }
}

#[cfg(test)]
#[path = "fairness_tests.rs"]
mod tests;
