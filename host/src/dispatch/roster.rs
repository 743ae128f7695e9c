//! What the dispatcher's workers have room for, and when each is to be looked at, without a look at all of them. Pure: it is
//! told what changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use super::numbers::NumberMap;

/// One worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    tenant: u64,
    /// Batches that it has, when it may be given another one.
    room: Option<usize>,
    due: Option<Instant>,
}

/// Busy workers by their numbers.
#[derive(Debug, Default)]
pub(super) struct Roster {
    places: BTreeMap<u64, Place>,
    /// Of each tenant those with room, the one with the fewest batches first.
    room: NumberMap<BTreeSet<(usize, u64)>>,
    dues: BTreeSet<(Instant, u64)>,
    /// Tenants of whose workers one has more room than before.
    stirred: Vec<u64>,
}

impl Roster {
    /// A worker of this tenant has so many batches and room for another, or has none; and is to be looked at then.
    pub(super) fn note(
        &mut self,
        worker: u64,
        tenant: u64,
        room: Option<usize>,
        due: Option<Instant>,
    ) {
        let new = Place { tenant, room, due };
        let old = self.places.insert(worker, new);
        if old == Some(new) {
            return;
        }
        if let Some(old) = old {
            self.forget(worker, old);
        }
        if let Some(batches) = room {
            self.room
                .entry(tenant)
                .or_default()
                .insert((batches, worker));
        }
        self.dues.extend(due.map(|due| (due, worker)));
        let before = old.and_then(|old| old.room);
        if room.is_some_and(|room| before.is_none_or(|before| room < before)) {
            self.stirred.push(tenant);
        }
    }

    /// This one is to be looked at then, if not before.
    pub(super) fn look_at(&mut self, worker: u64, then: Instant) {
        if let Some(&Place { tenant, room, due }) = self.places.get(&worker) {
            let due = due.map_or(then, |due| due.min(then));
            self.note(worker, tenant, room, Some(due));
        }
    }

    /// A worker is not busy any more.
    pub(super) fn remove(&mut self, worker: u64) {
        if let Some(old) = self.places.remove(&worker) {
            self.forget(worker, old);
        }
    }

    fn forget(&mut self, worker: u64, old: Place) {
        if let Some(batches) = old.room
            && let Some(its) = self.room.get_mut(&old.tenant)
        {
            its.remove(&(batches, worker));
            if its.is_empty() {
                self.room.remove(&old.tenant);
            }
        }
        if let Some(due) = old.due {
            self.dues.remove(&(due, worker));
        }
    }

    /// This tenant's workers with room, the one with the fewest batches first.
    pub(super) fn with_room(&self, tenant: u64) -> impl Iterator<Item = u64> {
        let its = self.room.get(&tenant).into_iter().flatten();
        its.map(|&(_, worker)| worker)
    }

    /// Those to be looked at now.
    pub(super) fn due(&self, now: Instant) -> Vec<u64> {
        let due = self.dues.iter().take_while(|(due, _)| *due <= now);
        due.map(|&(_, worker)| worker).collect()
    }

    /// When this one is to be looked at.
    pub(super) fn due_of(&self, worker: u64) -> Option<Instant> {
        self.places.get(&worker)?.due
    }

    /// When the next is to be looked at.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.dues.first().map(|&(due, _)| due)
    }

    /// Tenants that may find room now where they found none before, each once or more.
    pub(super) fn take_stirred(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.stirred)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_has_room_and_who_is_due_is_known_as_it_changes() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut roster = Roster::default();
        roster.note(1, 7, Some(1), Some(at(5)));
        roster.note(2, 7, Some(0), Some(at(3)));
        roster.note(3, 8, None, None);
        assert_eq!(roster.with_room(7).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(roster.with_room(8).count(), 0);
        assert_eq!(roster.next_due(), Some(at(3)));
        assert_eq!(roster.due(at(5)), [2, 1]);
        assert_eq!(roster.take_stirred(), [7, 7]);
        // More to do is no news for who waits, less to do is.
        roster.note(2, 7, None, None);
        assert!(roster.take_stirred().is_empty());
        roster.note(3, 8, Some(1), None);
        roster.note(1, 7, Some(0), Some(at(5)));
        assert_eq!(roster.take_stirred(), [8, 7]);
        roster.look_at(1, at(4));
        roster.look_at(1, at(9));
        assert_eq!(roster.due(at(4)), [1]);
        roster.remove(1);
        assert_eq!((roster.next_due(), roster.with_room(7).count()), (None, 0));
    }
}
