//! What is held when everything rests: processes, descriptors, mappings, memory, and how much of that somebody still has.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::heap;
use super::latencies::Latencies;
use super::load::World;
use crate::DEADLINE;
use crate::processes::{Held, descendants, eventually};

/// What was held at each look.
#[derive(Debug, Default)]
pub(super) struct Growth {
    looks: Vec<Look>,
}

/// The parts of the time, in hundredths, after which memory and latencies are compared.
const PARTS: [usize; 3] = [10, 50, 100];

#[derive(Debug)]
struct Look {
    host: Held,
    /// What the host has from its allocator, in KiB, where that says it: what is resident beyond this is the allocator's.
    live: Option<usize>,
    /// How many of each kind the host's descriptors are, when that is not as at the look before: looks shall not be what grows.
    kinds: Option<Kinds>,
    /// Processes below it, and what they have; nothing when they hide it.
    below: usize,
    all: Option<Held>,
    /// What calls took in the stretch before it.
    took: Latencies,
}

/// After so long with another number of processes than there should be.
const FILL_AGAIN: Duration = Duration::from_secs(2);
/// What is no growth: an allocator splits and joins its own, a table that once was full stays large.
const MAPS: usize = 64;
const MEMORY_KIB: usize = 24 << 10;
/// What is no leak, however long it goes on: a thread's own freed blocks, and the notes that are taken here.
const LIVE_KIB: usize = 2 << 10;

/// Descriptors by what they are, `socket:[17]` and `socket:[18]` being one: how many of each.
type Kinds = BTreeMap<String, usize>;

impl Growth {
    /// Brings the pools to rest, all of them with all of their workers, and looks.
    /// `took` is what calls took since the last look.
    pub(super) fn look(&mut self, world: &World, took: &Latencies) -> Result<()> {
        // A tenant that is paused fails until its pause is over.
        let fill = || eventually("all tenants are well", || world.fill().ok());
        let mut expected = fill();
        let mut filled = Instant::now();
        let deadline = Instant::now() + DEADLINE;
        let mut before = None;
        let mut look = loop {
            let family = descendants(process::id());
            let look = look_at(&family, took).filter(|_| family.len() == expected);
            // A descriptor of a worker that has just ended may still be open: the same twice.
            let descriptors = look.as_ref().map(|look| look.host.descriptors);
            match look {
                Some(look) if before == descriptors => break look,
                _ => before = descriptors,
            }
            ensure!(
                Instant::now() < deadline,
                "{expected} processes should be left, and not {:#?}",
                family.iter().map(|&pid| told(pid)).collect::<Vec<_>>()
            );
            if filled.elapsed() > FILL_AGAIN {
                // A worker that was not given the processor in time did not leave its task, and was killed.
                expected = fill();
                filled = Instant::now();
            }
            thread::sleep(Duration::from_millis(2));
        };
        let known = self.looks.iter().rev().find_map(|look| look.kinds.as_ref());
        look.kinds.take_if(|kinds| known == Some(kinds));
        self.looks.push(look);
        Ok(())
    }

    /// Compares the last look with an early one; the first of all come before caches and allocators have what they keep.
    ///
    /// # Errors
    /// Something grew; the error shows every look.
    pub(super) fn judge(&self) -> Result<()> {
        let early = self.looks.get(self.looks.len() / 3);
        let (first, last) = early.zip(self.looks.last()).context("no look")?;
        ensure!(self.looks.len() > 2, "a look or two show no growth");
        let grew = |what: &str, first: usize, last: usize, slack: usize| {
            ensure!(
                last <= first + slack,
                "{what} grew: {first}, then {last}\n{self}"
            );
            Ok(())
        };
        grew("processes", first.below, last.below, 0)?;
        grew(
            "the host's descriptors",
            first.host.descriptors,
            last.host.descriptors,
            0,
        )?;
        grew("the host's mappings", first.host.maps, last.host.maps, MAPS)?;
        grew(
            "the host's memory",
            first.host.memory,
            last.host.memory,
            MEMORY_KIB,
        )?;
        if let Some((first, last)) = first.live.zip(last.live) {
            grew(
                "what the host has from its allocator",
                first,
                last,
                LIVE_KIB,
            )?;
        }
        if let Some((first, last)) = first.all.zip(last.all) {
            grew("all descriptors", first.descriptors, last.descriptors, 8)?;
            grew("all mappings", first.maps, last.maps, MAPS)?;
            grew("all memory", first.memory, last.memory, MEMORY_KIB)?;
        }
        Ok(())
    }
}

fn look_at(family: &[u32], took: &Latencies) -> Option<Look> {
    Some(Look {
        host: Held::by(&[process::id()]).ok()??,
        live: heap::live(),
        kinds: Some(kinds()),
        below: family.len(),
        all: Held::by(family).ok()?,
        took: took.clone(),
    })
}

/// What this process has open.
fn kinds() -> Kinds {
    let mut kinds = Kinds::new();
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten();
    for target in entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()) {
        let target = target.to_string_lossy();
        let kind = match target.split_once(":[") {
            // What stands in the brackets is a number.
            Some((kind @ ("socket" | "pipe"), _)) => kind,
            _ => &target,
        };
        *kinds.entry(kind.to_owned()).or_default() += 1;
    }
    kinds
}

/// Number, name, state and parent of a process.
fn told(pid: u32) -> String {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.split_whitespace()
        .take(4)
        .collect::<Vec<_>>()
        .join(" ")
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "at rest: processes; descriptors, mappings, KiB of the host, those it has from its allocator; the first three of all \
             below"
        )?;
        for look in &self.looks {
            let (host, below) = (look.host, look.below);
            write!(
                f,
                "\n  {below}; {} {} {}",
                host.descriptors, host.maps, host.memory
            )?;
            if let Some(live) = look.live {
                write!(f, " {live}")?;
            }
            if let Some(all) = look.all {
                write!(f, "; {} {} {}", all.descriptors, all.maps, all.memory)?;
            }
        }
        // The stretches up to a part of the time, from the part before on.
        let mut from = 0;
        for part in PARTS {
            let to = (self.looks.len() * part).div_ceil(100);
            let Some(look) = to.checked_sub(1).and_then(|last| self.looks.get(last)) else {
                continue;
            };
            let mut took = Latencies::default();
            for look in &self.looks[from.min(to)..to] {
                took.join(&look.took);
            }
            from = to;
            write!(f, "\nafter {part} %: host {} KiB", look.host.memory)?;
            if let Some(live) = look.live {
                write!(f, ", from its allocator {live} KiB")?;
            }
            if let Some(all) = look.all {
                write!(f, ", all below {} KiB", all.memory)?;
            }
            let quantile = |part| took.part(part).unwrap_or_default();
            write!(
                f,
                "; {} calls until then took p50 {:?}, p90 {:?}, p99 {:?}, longest {:?}",
                took.count(),
                quantile(50),
                quantile(90),
                quantile(99),
                quantile(100)
            )?;
        }
        for (number, look) in self.looks.iter().enumerate() {
            if let Some(kinds) = &look.kinds {
                write!(
                    f,
                    "\ndescriptors of the host from look {number} on: {kinds:?}"
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(looks: &[(usize, usize)]) -> Growth {
        let look = |&(memory, live)| Look {
            host: Held {
                memory,
                ..Held::default()
            },
            live: Some(live),
            kinds: None,
            below: 0,
            all: None,
            took: Latencies::default(),
        };
        Growth {
            looks: looks.iter().map(look).collect(),
        }
    }

    #[test]
    fn what_nobody_frees_is_growth_though_far_less_than_an_allocator_keeps() {
        let (memory, live) = (90_000, 25_000);
        let flat = [(0, 0), (memory, live), (memory, live), (memory, live)];
        assert!(growth(&flat).judge().is_ok());
        let mut kept = flat;
        kept[3].0 += MEMORY_KIB;
        assert!(growth(&kept).judge().is_ok());
        let mut leaked = flat;
        leaked[3].1 += LIVE_KIB + 1;
        let error = growth(&leaked).judge().unwrap_err().to_string();
        assert!(error.contains("from its allocator grew: 25000"), "{error}");
        let mut resident = flat;
        resident[3].0 += MEMORY_KIB + 1;
        assert!(growth(&resident).judge().is_err());
    }
}
