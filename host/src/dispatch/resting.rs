//! Workers that rest, found by their module, their tenant or their number without a look at each when there are many: all of
//! this is done under the hub's lock. Pure: what rests is a [`Link`](super::link::Link) here and a number in the simulation.

use std::{collections::BTreeSet, time::Instant};

use super::numbers::{FEW, NumberMap};

/// What has to be known of a worker that rests.
pub(crate) trait Rests {
    /// Its number.
    fn worker(&self) -> u64;
    /// The module that it serves.
    fn module(&self) -> u64;
    /// Whose it is.
    fn tenant(&self) -> u64;
    /// When it has memory to give back.
    fn trim_due(&self) -> Option<Instant>;
}

/// Workers that rest, in the order in which they came to.
#[derive(Debug)]
pub(crate) struct Resting<W> {
    next: u64,
    /// Each with its place, which says when it came; the last that came is at the end.
    all: Vec<(u64, W)>,
    /// Who is where, when there are many: few are found sooner by a look at each.
    lists: Option<Lists>,
}

impl<W> Default for Resting<W> {
    fn default() -> Self {
        Self {
            next: 0,
            all: Vec::new(),
            lists: None,
        }
    }
}

/// The places of workers by what they are looked for by.
#[derive(Debug, Default)]
struct Lists {
    of_module: NumberMap<BTreeSet<u64>>,
    of_tenant: NumberMap<BTreeSet<u64>>,
    of_worker: NumberMap<u64>,
    trims: BTreeSet<(Instant, u64)>,
}

impl Lists {
    fn put(&mut self, at: u64, worker: &impl Rests) {
        let module = self.of_module.entry(worker.module()).or_default();
        module.insert(at);
        let tenant = self.of_tenant.entry(worker.tenant()).or_default();
        tenant.insert(at);
        self.of_worker.insert(worker.worker(), at);
        self.trims.extend(worker.trim_due().map(|due| (due, at)));
    }

    fn remove(&mut self, at: u64, worker: &impl Rests) {
        for (lists, number) in [
            (&mut self.of_module, worker.module()),
            (&mut self.of_tenant, worker.tenant()),
        ] {
            if let Some(list) = lists.get_mut(&number) {
                list.remove(&at);
                if list.is_empty() {
                    lists.remove(&number);
                }
            }
        }
        self.of_worker.remove(&worker.worker());
        if let Some(due) = worker.trim_due() {
            self.trims.remove(&(due, at));
        }
    }
}

impl<W: Rests> Resting<W> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// One more.
    pub(super) fn push(&mut self, worker: W) {
        self.next += 1;
        self.put(self.next, worker);
    }

    fn put(&mut self, at: u64, worker: W) {
        if let Some(lists) = &mut self.lists {
            lists.put(at, &worker);
        }
        let index = self.all.partition_point(|(other, _)| *other < at);
        self.all.insert(index, (at, worker));
        if self.lists.is_none() && self.all.len() > FEW {
            let mut lists = Lists::default();
            for (at, worker) in &self.all {
                lists.put(*at, worker);
            }
            self.lists = Some(lists);
        }
    }

    fn index(&self, at: u64) -> Option<usize> {
        self.all.binary_search_by_key(&at, |(at, _)| *at).ok()
    }

    fn take(&mut self, at: u64) -> Option<W> {
        let (_, worker) = self.all.remove(self.index(at)?);
        if let Some(lists) = &mut self.lists {
            lists.remove(at, &worker);
            // Not as soon as there are few: one that comes and goes would have the lists made each time.
            if self.all.len() < FEW / 2 {
                self.lists = None;
            }
        }
        Some(worker)
    }

    /// The one of this module that came last and is such a one: its memory is warm.
    pub(super) fn newest(&self, module: u64, which: impl Fn(&W) -> bool) -> Option<u64> {
        let Some(lists) = &self.lists else {
            let mut all = self.all.iter().rev();
            let found = all.find(|(_, worker)| worker.module() == module && which(worker));
            return found.map(|(at, _)| *at);
        };
        let mut its = lists.of_module.get(&module)?.iter().rev();
        its.find(|at| {
            self.index(**at)
                .is_some_and(|index| which(&self.all[index].1))
        })
        .copied()
    }

    /// The one that [`Resting::newest`] has found.
    pub(super) fn take_found(&mut self, at: u64) -> Option<W> {
        self.take(at)
    }

    /// The one that has rested longest.
    pub(super) fn take_oldest(&mut self) -> Option<W> {
        let at = self.all.first()?.0;
        self.take(at)
    }

    /// The one of this tenant that has rested longest.
    pub(super) fn take_oldest_of(&mut self, tenant: u64) -> Option<W> {
        let at = match &self.lists {
            Some(lists) => *lists.of_tenant.get(&tenant)?.first()?,
            None => self.find(|worker| worker.tenant() == tenant)?,
        };
        self.take(at)
    }

    fn find(&self, which: impl Fn(&W) -> bool) -> Option<u64> {
        let found = self.all.iter().find(|(_, worker)| which(worker));
        found.map(|(at, _)| *at)
    }

    /// How many are this tenant's.
    pub(super) fn count_of(&self, tenant: u64) -> usize {
        match &self.lists {
            Some(lists) => lists.of_tenant.get(&tenant).map_or(0, BTreeSet::len),
            None => {
                let its = self
                    .all
                    .iter()
                    .filter(|(_, worker)| worker.tenant() == tenant);
                its.count()
            }
        }
    }

    /// All of this tenant.
    pub(super) fn take_all_of(&mut self, tenant: u64) -> Vec<W> {
        std::iter::from_fn(|| self.take_oldest_of(tenant)).collect()
    }

    /// The worker of this number.
    pub(super) fn take_worker(&mut self, worker: u64) -> Option<W> {
        let at = match &self.lists {
            Some(lists) => *lists.of_worker.get(&worker)?,
            None => self.find(|it| it.worker() == worker)?,
        };
        self.take(at)
    }

    /// All of a kind, whatever it is: each is looked at.
    pub(super) fn take_all(&mut self, which: impl Fn(&W) -> bool) -> Vec<W> {
        let such = self.all.iter().filter(|(_, worker)| which(worker));
        let such: Vec<u64> = such.map(|(at, _)| *at).collect();
        such.into_iter().filter_map(|at| self.take(at)).collect()
    }

    /// Those that are to give memory back now, each with its place, the first that is due first.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(u64, W)> {
        if self.next_trim().is_none_or(|first| first > now) {
            return Vec::new();
        }
        let mut due: Vec<(Instant, u64)> = match &self.lists {
            Some(lists) => {
                let due = lists.trims.iter().take_while(|(due, _)| *due <= now);
                due.copied().collect()
            }
            None => self.trims().filter(|(due, _)| *due <= now).collect(),
        };
        due.sort_unstable();
        due.into_iter()
            .filter_map(|(_, at)| Some((at, self.take(at)?)))
            .collect()
    }

    /// By a look at each.
    fn trims(&self) -> impl Iterator<Item = (Instant, u64)> {
        let all = self.all.iter();
        all.filter_map(|(at, worker)| Some((worker.trim_due()?, *at)))
    }

    /// They are where they were.
    pub(super) fn put_back(&mut self, workers: Vec<(u64, W)>) {
        for (at, worker) in workers {
            self.put(at, worker);
        }
    }

    /// When the first is to give memory back.
    pub(super) fn next_trim(&self) -> Option<Instant> {
        match &self.lists {
            Some(lists) => lists.trims.first().map(|&(due, _)| due),
            None => self.trims().map(|(due, _)| due).min(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct One {
        worker: u64,
        module: u64,
        trim: Option<Instant>,
    }

    impl Rests for One {
        fn worker(&self) -> u64 {
            self.worker
        }
        fn module(&self) -> u64 {
            self.module
        }
        /// Two modules each.
        fn tenant(&self) -> u64 {
            self.module / 2
        }
        fn trim_due(&self) -> Option<Instant> {
            self.trim
        }
    }

    proptest! {
        /// What is found is what a look at each would find.
        #[test]
        fn all_that_is_found_by_looking_at_each_is_found(
            adds in 3_u8..20,
            steps in prop::collection::vec((0_u8..24, 0_u64..6), 1..300),
        ) {
            let start = Instant::now();
            let at = |n: u64| start + std::time::Duration::from_secs(n);
            let mut resting = Resting::default();
            let mut plain: Vec<One> = Vec::new();
            // With many that come there are more than few, with few that come there are not; every second hundred of steps only
            // takes away.
            for (number, (step, n)) in (0..).zip(steps) {
                match if number / 100 % 2 == 0 { step % (adds + 5) } else { 3 + step % 5 } {
                    0..=2 => {
                        let one = One { worker: number, module: n, trim: (n > 3).then(|| at(n)) };
                        resting.push(one.clone());
                        plain.push(one);
                    }
                    it if it > 7 => {
                        let one = One { worker: number, module: n, trim: None };
                        resting.push(one.clone());
                        plain.push(one);
                    }
                    3 => {
                        let found = resting.newest(n, |_| true).and_then(|at| resting.take_found(at));
                        let place = plain.iter().rposition(|one| one.module == n);
                        prop_assert_eq!(found, place.map(|at| plain.remove(at)));
                    }
                    4 => {
                        let place = plain.iter().position(|one| one.tenant() == n);
                        prop_assert_eq!(resting.take_oldest_of(n), place.map(|at| plain.remove(at)));
                    }
                    5 => {
                        let oldest = (!plain.is_empty()).then(|| plain.remove(0));
                        prop_assert_eq!(resting.take_oldest(), oldest);
                    }
                    6 => {
                        let worker = plain.first().map_or(n, |one| one.worker);
                        let place = plain.iter().position(|one| one.worker == worker);
                        prop_assert_eq!(resting.take_worker(worker), place.map(|at| plain.remove(at)));
                    }
                    _ => {
                        let due: Vec<One> = resting.take_due(at(n)).into_iter().map(|(_, one)| one).collect();
                        let (mut gone, kept): (Vec<One>, Vec<One>) =
                            plain.into_iter().partition(|one| one.trim.is_some_and(|due| due <= at(n)));
                        gone.sort_by_key(|one| (one.trim, one.worker));
                        plain = kept;
                        prop_assert_eq!(due, gone);
                    }
                }
                prop_assert_eq!(resting.len(), plain.len());
                prop_assert_eq!(resting.next_trim(), plain.iter().filter_map(|one| one.trim).min());
                let its = plain.iter().filter(|one| one.tenant() == n).count();
                prop_assert_eq!(resting.count_of(n), its);
            }
            prop_assert_eq!(resting.take_all(|_| true), plain);
        }
    }
}
