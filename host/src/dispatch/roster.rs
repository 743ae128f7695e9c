//! What the dispatcher's workers have room for, and when each is to be looked at, without a look at all of them when there are
//! many. Pure: it is told what changed.

use std::{collections::BTreeSet, time::Instant};

use super::numbers::{FEW, NumberMap};

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
    /// All of them, when they are few.
    few: Vec<(u64, Place)>,
    /// All of them, when they are more.
    many: Option<Lists>,
    /// Tenants of whose workers one has more room than before.
    stirred: Vec<u64>,
}

/// Workers in the orders in which they are looked for.
#[derive(Debug, Default)]
struct Lists {
    places: NumberMap<Place>,
    /// Of each tenant those with room, the one with the fewest batches first.
    room: NumberMap<BTreeSet<(usize, u64)>>,
    dues: BTreeSet<(Instant, u64)>,
}

impl Lists {
    fn put(&mut self, worker: u64, new: Place) -> Option<Place> {
        let old = self.places.insert(worker, new);
        if old == Some(new) {
            return old;
        }
        if let Some(old) = old {
            self.forget(worker, old);
        }
        if let Some(batches) = new.room {
            let its = self.room.entry(new.tenant).or_default();
            its.insert((batches, worker));
        }
        self.dues.extend(new.due.map(|due| (due, worker)));
        old
    }

    fn remove(&mut self, worker: u64) {
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
        let old = match &mut self.many {
            Some(lists) => lists.put(worker, new),
            None => self.put_among_few(worker, new),
        };
        let before = old.and_then(|old| old.room);
        if room.is_some_and(|room| before.is_none_or(|before| room < before))
            // Of many that have more room at once, most are one tenant's.
            && self.stirred.last() != Some(&tenant)
        {
            self.stirred.push(tenant);
        }
    }

    fn put_among_few(&mut self, worker: u64, new: Place) -> Option<Place> {
        let mut few = self.few.iter_mut();
        if let Some((_, place)) = few.find(|(other, _)| *other == worker) {
            return Some(std::mem::replace(place, new));
        }
        self.few.push((worker, new));
        if self.few.len() > FEW {
            let mut lists = Lists::default();
            for (worker, place) in self.few.drain(..) {
                lists.put(worker, place);
            }
            self.many = Some(lists);
        }
        None
    }

    fn place_of(&self, worker: u64) -> Option<Place> {
        match &self.many {
            Some(lists) => lists.places.get(&worker).copied(),
            None => {
                let found = self.few.iter().find(|(other, _)| *other == worker);
                found.map(|(_, place)| *place)
            }
        }
    }

    /// This one is to be looked at then, if not before.
    pub(super) fn look_at(&mut self, worker: u64, then: Instant) {
        if let Some(Place { tenant, room, due }) = self.place_of(worker) {
            let due = due.map_or(then, |due| due.min(then));
            self.note(worker, tenant, room, Some(due));
        }
    }

    /// A worker is not busy any more.
    pub(super) fn remove(&mut self, worker: u64) {
        let Some(lists) = &mut self.many else {
            self.few.retain(|(other, _)| *other != worker);
            return;
        };
        lists.remove(worker);
        // Not as soon as there are few: one that comes and goes would have the lists made each time.
        if lists.places.len() < FEW / 2 {
            self.few.extend(lists.places.drain());
            self.many = None;
        }
    }

    /// This tenant's worker with room that is such a one, of several the one with the fewest batches.
    pub(super) fn with_room(&self, tenant: u64, which: impl Fn(u64) -> bool) -> Option<u64> {
        if let Some(lists) = &self.many {
            let mut its = lists.room.get(&tenant)?.iter();
            return its.find(|&&(_, worker)| which(worker)).map(|&(_, it)| it);
        }
        let its = self.few.iter().filter(|(_, place)| place.tenant == tenant);
        its.filter_map(|&(worker, place)| Some((place.room?, worker)))
            .filter(|&(_, worker)| which(worker))
            .min()
            .map(|(_, worker)| worker)
    }

    /// Those to be looked at now, the first that is due first.
    pub(super) fn due(&self, now: Instant) -> Vec<u64> {
        if self.next_due().is_none_or(|first| first > now) {
            return Vec::new();
        }
        let mut due: Vec<(Instant, u64)> = match &self.many {
            Some(lists) => {
                let due = lists.dues.iter().take_while(|(due, _)| *due <= now);
                due.copied().collect()
            }
            None => self.dues().filter(|(due, _)| *due <= now).collect(),
        };
        due.sort_unstable();
        due.into_iter().map(|(_, worker)| worker).collect()
    }

    /// Of the few: there are none of these where there are lists.
    fn dues(&self) -> impl Iterator<Item = (Instant, u64)> {
        let few = self.few.iter();
        few.filter_map(|&(worker, place)| Some((place.due?, worker)))
    }

    /// When this one is to be looked at.
    pub(super) fn due_of(&self, worker: u64) -> Option<Instant> {
        self.place_of(worker)?.due
    }

    /// When the next is to be looked at.
    pub(super) fn next_due(&self) -> Option<Instant> {
        match &self.many {
            Some(lists) => lists.dues.first().map(|&(due, _)| due),
            None => self.dues().map(|(due, _)| due).min(),
        }
    }

    /// Tenants that may find room now where they found none before, each once or more.
    pub(super) fn take_stirred(&mut self) -> impl Iterator<Item = u64> {
        self.stirred.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_has_room_and_who_is_due_is_known_as_it_changes() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut roster = Roster::default();
        roster.note(1, 7, Some(1), Some(at(5)));
        roster.note(2, 7, Some(0), Some(at(3)));
        roster.note(3, 8, None, None);
        assert_eq!(roster.with_room(7, |_| true), Some(2));
        assert_eq!(roster.with_room(7, |worker| worker != 2), Some(1));
        assert_eq!(roster.with_room(8, |_| true), None);
        assert_eq!(roster.next_due(), Some(at(3)));
        assert_eq!(roster.due(at(5)), [2, 1]);
        assert_eq!(roster.take_stirred().collect::<Vec<_>>(), [7]);
        // More to do is no news for who waits, less to do is.
        roster.note(2, 7, None, None);
        assert_eq!(roster.take_stirred().count(), 0);
        roster.note(3, 8, Some(1), None);
        roster.note(1, 7, Some(0), Some(at(5)));
        assert_eq!(roster.take_stirred().collect::<Vec<_>>(), [8, 7]);
        roster.look_at(1, at(4));
        roster.look_at(1, at(9));
        assert_eq!(roster.due(at(4)), [1]);
        roster.remove(1);
        assert_eq!(
            (roster.next_due(), roster.with_room(7, |_| true)),
            (None, None)
        );
    }

    proptest! {
        /// However many there are, what is found is what a look at each would find.
        #[test]
        fn what_is_found_is_what_a_look_at_each_would_find(
            workers in 1_u64..60,
            steps in prop::collection::vec((0_u64..60, 0_u8..10, 0_usize..3, 0_u64..9), 1..300),
        ) {
            let start = Instant::now();
            let mut roster = Roster::default();
            let mut plain = std::collections::BTreeMap::new();
            for (at, (n, step, batches, ms)) in steps.into_iter().enumerate() {
                // They become many and few again.
                let step = if at / 75 % 2 == 0 { step } else { step + 5 };
                let (worker, then) = (n % workers, start + Duration::from_millis(ms));
                let (tenant, room) = (worker % 3, (batches < 2).then_some(batches));
                match step {
                    0..=6 => {
                        let due = (ms > 3).then_some(then);
                        let old = plain.insert(worker, (room, due));
                        roster.note(worker, tenant, room, due);
                        let before = old.and_then(|(room, _)| room);
                        let stirs = room.is_some_and(|room| before.is_none_or(|it| room < it));
                        let stirred: Vec<u64> = roster.take_stirred().collect();
                        prop_assert_eq!(stirred, Vec::from_iter(stirs.then_some(tenant)));
                    }
                    7 => {
                        roster.look_at(worker, then);
                        if let Some((_, due)) = plain.get_mut(&worker) {
                            *due = Some(due.map_or(then, |due| due.min(then)));
                        }
                    }
                    _ => {
                        roster.remove(worker);
                        plain.remove(&worker);
                    }
                }
                let its = plain.iter().filter(|(worker, _)| **worker % 3 == tenant);
                let its = its.filter(|(worker, _)| **worker != n);
                let least = its.filter_map(|(worker, (room, _))| Some(((*room)?, *worker))).min();
                let found = roster.with_room(tenant, |worker| worker != n);
                prop_assert_eq!(found, least.map(|(_, worker)| worker));
                let dues = plain.iter().filter_map(|(worker, (_, due))| Some(((*due)?, *worker)));
                let mut dues: Vec<_> = dues.collect();
                dues.sort_unstable();
                prop_assert_eq!(roster.next_due(), dues.first().map(|(due, _)| *due));
                let due: Vec<u64> = dues.iter().filter(|(due, _)| *due <= then).map(|(_, it)| *it).collect();
                prop_assert_eq!(roster.due(then), due);
                prop_assert_eq!(roster.due_of(worker), plain.get(&worker).and_then(|(_, due)| *due));
            }
        }
    }
}
