//! Eyes on processes: who descends from whom, who is alive, what they hold open, how large they are.
//!
//! It reads `/proc` and holds pidfds; it kills only what a test names.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::DEADLINE;

/// A process that was alive when it was looked at, and cannot be mistaken for another one later.
#[derive(Debug)]
pub struct Watched {
    /// Its process id.
    pub pid: u32,
    /// What it was started as.
    pub command: String,
    pidfd: OwnedFd,
}

impl Watched {
    /// Opens a process for watching.
    ///
    /// # Errors
    /// When it is gone already.
    pub fn open(pid: u32) -> Result<Self> {
        let pidfd = pidfd_open(to_pid(pid)?, PidfdFlags::empty())
            .with_context(|| format!("process {pid}"))?;
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        Ok(Self {
            pid,
            command,
            pidfd,
        })
    }

    /// Waits until it has ended, at most until `deadline`, and says whether it has.
    ///
    /// # Errors
    /// When the kernel refuses to wait.
    pub fn gone_by(&self, deadline: Instant) -> Result<bool> {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left)?;
        let mut fds = [PollFd::new(&self.pidfd, PollFlags::IN)];
        loop {
            match poll(&mut fds, Some(&timeout)) {
                Ok(ready) => return Ok(ready > 0),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// All descendants of a process, children first.
#[must_use]
pub fn descendants(of: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, parent(pid)?)))
        .collect();
    let mut found = vec![of];
    let mut next = 0;
    while let Some(&ancestor) = found.get(next) {
        found.extend(
            parents
                .iter()
                .filter(|(_, parent)| *parent == ancestor)
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    found.remove(0);
    found
}

/// The children of a process: far cheaper than to look at all processes there are. None when it is gone.
#[must_use]
pub fn children(of: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{of}/task"))
        .into_iter()
        .flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .flat_map(|text| {
            text.split_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// All descendants of a process, opened for watching. Those that end meanwhile are left out.
#[must_use]
pub fn watch_descendants(of: u32) -> Vec<Watched> {
    descendants(of)
        .into_iter()
        .filter_map(|pid| Watched::open(pid).ok())
        .collect()
}

/// Fails with the names of those that are alive `after` the call began.
///
/// # Errors
/// When one is alive.
pub fn all_gone_within(watched: &[Watched], after: Duration) -> Result<()> {
    let deadline = Instant::now() + after;
    for process in watched {
        ensure!(
            process.gone_by(deadline)?,
            "process {} ({}) is alive after {after:?}",
            process.pid,
            process.command
        );
    }
    Ok(())
}

/// Kills a process with a signal that cannot be caught.
///
/// # Errors
/// When there is none of that number.
pub fn kill(pid: u32) -> Result<()> {
    kill_process(to_pid(pid)?, Signal::KILL).with_context(|| format!("killing {pid}"))
}

/// Sends any signal.
///
/// # Errors
/// When there is no process of that number.
pub fn signal(pid: u32, signal: Signal) -> Result<()> {
    kill_process(to_pid(pid)?, signal).with_context(|| format!("signal to {pid}"))
}

/// Sends the signal of Ctrl-C.
///
/// # Errors
/// When there is no process of that number.
pub fn interrupt(pid: u32) -> Result<()> {
    kill_process(to_pid(pid)?, Signal::INT).with_context(|| format!("interrupting {pid}"))
}

/// Open descriptors of a process.
///
/// # Errors
/// When they cannot be counted, as with a process that hides them.
pub fn descriptors(pid: u32) -> Result<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// What processes have, all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// How many there are.
    pub processes: usize,
    /// Open descriptors.
    pub descriptors: usize,
    /// Mappings, which are lines of `/proc/PID/maps`.
    pub maps: usize,
    /// Resident memory in KiB, what is shared divided among those who share it.
    pub memory: usize,
}

impl Held {
    /// Counts what these have; `None` when one of them hides it from this user.
    ///
    /// # Errors
    /// When one of them is gone.
    pub fn by(pids: &[u32]) -> Result<Option<Self>> {
        let mut sum = Self::default();
        for &pid in pids {
            let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}"));
            let maps = match read("maps") {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
                maps => maps.with_context(|| format!("mappings of {pid}"))?,
            };
            let memory = read("smaps_rollup")?;
            let memory = memory.lines().find_map(|line| line.strip_prefix("Pss:"));
            let memory = memory.context("no Pss")?.trim().trim_end_matches(" kB");
            sum.processes += 1;
            sum.descriptors += descriptors(pid)?;
            sum.maps += maps.lines().count();
            sum.memory += memory.parse::<usize>()?;
        }
        Ok(Some(sum))
    }
}

/// Resident memory of this process in bytes, its file mappings left out.
///
/// # Errors
/// When `/proc/self/status` has no such line.
pub fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .context("no RssAnon")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

/// Processor time that a process has used, in clock ticks (a hundredth of a second).
#[must_use]
pub fn ticks(pid: u32) -> Option<u64> {
    let fields = stat(pid)?;
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(number(11)? + number(12)?)
}

/// The one process below `of` that is busy while all others rest.
///
/// # Panics
/// When there is no such moment before [`DEADLINE`].
pub fn only_busy(of: u32) -> u32 {
    /// Long enough for ten clock ticks, on a machine that has nothing else to do.
    const WINDOW: Duration = Duration::from_millis(100);
    /// What a busy machine gives it is seen in longer looks.
    const LONGEST: Duration = Duration::from_secs(2);
    let mut window = WINDOW;
    let look = || -> BTreeMap<u32, u64> {
        descendants(of)
            .into_iter()
            .filter_map(|pid| Some((pid, ticks(pid)?)))
            .collect()
    };
    eventually("one process is busy and the others rest", || {
        let before = look();
        std::thread::sleep(window);
        window = (window * 5 / 4).min(LONGEST);
        let after = look();
        let used = |(pid, ticks): (&u32, &u64)| {
            Some((*pid, ticks - before.get(pid)?)).filter(|(_, used)| *used > 0)
        };
        let mut busy = after.iter().filter_map(used);
        match (busy.next(), busy.next()) {
            (Some((pid, used)), None) if used >= 2 => Some(pid),
            _ => None,
        }
    })
}

/// Asks again and again until `probe` has an answer; for what the kernel gives no event for. Between two questions it
/// yields for a moment, and it gives up at [`DEADLINE`].
///
/// # Panics
/// At the deadline, with `what`.
pub fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(
            Instant::now() < deadline,
            "waited {DEADLINE:?} in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The parent of a process.
fn parent(pid: u32) -> Option<u32> {
    stat(pid)?.get(1)?.parse().ok()
}

/// The fields of `/proc/PID/stat` from the state on.
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, spaces and parentheses included: the fields begin after the last one.
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// A process id as the kernel's calls take it.
fn to_pid(pid: u32) -> Result<Pid> {
    i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .with_context(|| format!("{pid} is no process id"))
}
