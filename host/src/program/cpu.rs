//! Processor time of this process and of all below it: launcher, zygote, workers.
//!
//! Asked while they run. What the system adds up for ended children leaves out workers that end together with their
//! zygote.

use std::{collections::HashMap, fs, time::Duration};

/// What this process, those below it and their ended children have used; `None` where the system does not say.
///
/// From the files `stat` in /proc, in clock ticks: exact enough for a summary.
pub(crate) fn used() -> Option<Duration> {
    let processes = fs::read_dir("/proc").ok()?;
    let all: HashMap<u32, Usage> = processes
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok())
        .filter_map(|stat| usage(&stat))
        .collect();
    let ticks = sum(&all, std::process::id())?;
    let each = rustix::param::clock_ticks_per_second().max(1);
    Some(Duration::from_millis(ticks * 1000 / each))
}

/// What one process says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Usage {
    parent: u32,
    ticks: u64,
}

/// The ticks of a process and of all below it.
fn sum(all: &HashMap<u32, Usage>, root: u32) -> Option<u64> {
    let mut ticks = all.get(&root)?.ticks;
    let mut family = vec![root];
    while let Some(parent) = family.pop() {
        for (pid, usage) in all.iter().filter(|(_, usage)| usage.parent == parent) {
            ticks += usage.ticks;
            family.push(*pid);
        }
    }
    Some(ticks)
}

/// The fields `pid`, `ppid`, and the sum of `utime`, `stime`, `cutime` and `cstime`.
fn usage(stat: &str) -> Option<(u32, Usage)> {
    // The second field is a name in parentheses, which may hold spaces and parentheses.
    let (pid, _) = stat.split_once(' ')?;
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let parent = fields.get(1)?.parse().ok()?;
    let times = fields
        .get(11..15)?
        .iter()
        .map(|field| field.parse::<u64>().ok());
    Some((
        pid.parse().ok()?,
        Usage {
            parent,
            ticks: times.sum::<Option<u64>>()?,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_may_hold_anything() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 100 50 25 25 20 0 1";
        let expected = Usage {
            parent: 1,
            ticks: 200,
        };
        assert_eq!(usage(stat), Some((7, expected)));
        assert_eq!(usage("7 (a) S 1"), None);
    }

    #[test]
    fn only_the_family_counts() {
        let all = [
            (1, 0, 1000),
            (2, 1, 1),
            (3, 2, 10),
            (4, 3, 100),
            (5, 1, 5000),
        ];
        let all = all.map(|(pid, parent, ticks)| (pid, Usage { parent, ticks }));
        assert_eq!(sum(&HashMap::from(all), 2), Some(111));
        assert_eq!(sum(&HashMap::from(all), 9), None);
    }
}
