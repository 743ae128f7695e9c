//! Those who wait, in the order in which it is their turn, without a look at each. Pure: it is told where each stands.
//!
//! A tag grows with the workers that its tenant has, so that two tenants may change places by time alone. Those who have as
//! many workers and the same weight do not: each *kind* is a list that stays in order, and who is next is first of one of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{fairness::Standing, numbers::NumberMap};

/// Workers and weight: what a tag grows by.
pub(super) type Kind = (u32, u32);

/// Tenants by their numbers.
#[derive(Debug, Default)]
pub(super) struct Order {
    kinds: BTreeMap<Kind, BTreeSet<(i128, u64, u64)>>,
    at: NumberMap<Standing>,
}

impl Order {
    /// This one waits and stands here.
    pub(super) fn put(&mut self, who: u64, standing: Standing) {
        if self.at.get(&who) == Some(&standing) {
            return;
        }
        self.remove(who);
        self.at.insert(who, standing);
        let kind = self.kinds.entry(standing.kind).or_default();
        kind.insert((standing.place, standing.turn, who));
    }

    /// This one waits no more.
    pub(super) fn remove(&mut self, who: u64) {
        let Some(standing) = self.at.remove(&who) else {
            return;
        };
        if let Some(kind) = self.kinds.get_mut(&standing.kind) {
            kind.remove(&(standing.place, standing.turn, who));
            if kind.is_empty() {
                self.kinds.remove(&standing.kind);
            }
        }
    }

    /// The first of each kind that is none of those.
    pub(super) fn firsts(&self, but: impl Fn(u64) -> bool) -> impl Iterator<Item = u64> {
        self.kinds.values().filter_map(move |kind| {
            let mut all = kind.iter().map(|&(_, _, who)| who);
            all.find(|&who| !but(who))
        })
    }
}
