//! Who is killed, and how.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::Settings;
use crate::processes::{children, descendants, signal};

/// Who was hit, by what, how often.
#[derive(Debug, Default)]
pub(super) struct Kills {
    counts: BTreeMap<(&'static str, &'static str), u64>,
    random: u64,
    /// When the next parent is hit.
    parents: Option<Instant>,
}

/// How a process is hit, how often that one of eight.
const SIGNALS: [(&str, Signal); 8] = [
    ("SIGKILL", Signal::KILL),
    ("SIGKILL", Signal::KILL),
    ("SIGKILL", Signal::KILL),
    ("SIGSEGV", Signal::SEGV),
    ("SIGABRT", Signal::ABORT),
    ("SIGSTOP", Signal::STOP),
    ("SIGSTOP", Signal::STOP),
    // It was stopped, or nothing happens.
    ("SIGCONT", Signal::CONT),
];

impl Kills {
    /// Goes on until then, or until it is told to stop.
    pub(super) fn go_on(&mut self, settings: Settings, until: Instant, stop: &AtomicBool) {
        let mut next = Instant::now() + settings.every;
        // Counted over all stretches, of which each may be shorter.
        let parents = *self.parents.get_or_insert(next) + settings.parents_every;
        let mut parents = parents.max(next);
        while Instant::now() < until && !stop.load(SeqCst) {
            thread::sleep(next.saturating_duration_since(Instant::now()));
            next += settings.every;
            let launchers = children(process::id());
            let zygotes: Vec<u32> = launchers.iter().flat_map(|&pid| children(pid)).collect();
            if Instant::now() >= parents {
                parents += settings.parents_every;
                self.parents = Some(Instant::now());
                let (who, all) = match self.below(2) {
                    0 => ("launcher", &launchers),
                    _ => ("zygote", &zygotes),
                };
                // A pool gives up when it loses several in a few seconds. The oldest is that of the pool that was spared longest.
                let oldest = all.iter().copied().min_by_key(|&pid| started(pid));
                self.hit(who, oldest.as_slice());
            }
            // What a zygote tries before it stands is part of it: a pool counts its loss as one of a zygote.
            let grown = zygotes.iter().filter(|&&pid| age(pid) >= CHILDHOOD);
            let leaves: Vec<u32> = grown.flat_map(|&pid| children(pid)).collect();
            self.hit("", &leaves);
        }
        // A stopped parent whom nobody asks for anything is not noticed, and reaps nobody.
        let launchers = children(process::id());
        go_on(launchers.iter().flat_map(|&pid| children(pid)));
        go_on(launchers.iter().copied());
        if settings.stretch < Settings::PATIENCE {
            go_on(descendants(process::id()));
        }
    }

    /// Hits one of these.
    fn hit(&mut self, who: &'static str, pids: &[u32]) {
        let Some(&pid) = pids.get(self.below(pids.len().max(1))) else {
            return;
        };
        let (name, how) = SIGNALS[self.below(SIGNALS.len())];
        let who = if who.is_empty() { role(pid) } else { who };
        // It may have gone meanwhile.
        if signal(pid, how).is_ok() {
            *self.counts.entry((who, name)).or_default() += 1;
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random = self
            .random
            .wrapping_add(u64::from(process::id()))
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.random >> 33).unwrap_or(0) % bound
    }
}

/// Lets those of these go on who were stopped.
fn go_on(pids: impl IntoIterator<Item = u32>) {
    for pid in pids {
        // It may have gone meanwhile.
        let _ = signal(pid, Signal::CONT);
    }
}

/// A zygote's children are spared until it is so old: longer than it takes to stand where the processor is not for it alone.
const CHILDHOOD: Duration = Duration::from_secs(1);

/// How long a process has lived; one that has gone, not at all.
fn age(pid: u32) -> Duration {
    let up = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let up = Duration::try_from(up).unwrap_or_default();
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    let born = Duration::from_millis(started(pid).saturating_mul(1000) / ticks);
    up.saturating_sub(born)
}

/// When a process was started, in ticks since the machine was; one that has gone counts as the youngest.
fn started(pid: u32) -> u64 {
    // The name, which may hold anything, ends with the last parenthesis; the time is the twentieth field after it.
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| {
            let fields = stat.rsplit_once(')')?.1;
            fields.split_whitespace().nth(19)?.parse().ok()
        })
        .unwrap_or(u64::MAX)
}

/// What a child of a zygote is, as far as its mappings tell.
fn role(pid: u32) -> &'static str {
    match fs::read_to_string(format!("/proc/{pid}/maps")) {
        Ok(maps) if maps.contains("wasmpool-arena") => "worker",
        Ok(_) => "starting or compiling",
        Err(_) => "worker or compiler",
    }
}

impl fmt::Display for Kills {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: u64 = self.counts.values().sum();
        write!(f, "{all} signals")?;
        let mut last = "";
        for ((who, how), count) in &self.counts {
            if *who != last {
                write!(f, "\n  {who:22}")?;
                last = who;
            }
            write!(f, " {how} {count}")?;
        }
        Ok(())
    }
}
