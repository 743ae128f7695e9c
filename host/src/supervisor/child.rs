//! The host's view of one process below the zygote: its pidfd once it is known, its end once it has one.

use std::{
    os::fd::{AsFd, OwnedFd},
    sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::protocol::Exit;
use crate::sys::cpu;

/// How long the end of a killed process may take to be told: freeing its memory takes the kernel 20 ms per GiB.
pub(crate) const END_PATIENCE: Duration = Duration::from_secs(5);

/// What a process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It runs tasks of one module.
    Worker,
    /// It compiles one module.
    Compiler,
}

/// A worker or a compiler. Shared by whoever talks to it and by the dispatcher, which hears of its start and its end.
#[derive(Debug)]
pub(crate) struct Child {
    id: u64,
    role: Role,
    /// The number of the zygote that forks it.
    zygote: u64,
    pidfd: OnceLock<OwnedFd>,
    pid: OnceLock<i32>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Killed before its pidfd was known.
    kill: bool,
    started: bool,
    /// Its end is nothing to hold against those whose tasks it ran.
    excused: bool,
    /// What the system said when it did not come to be.
    refusal: Option<String>,
    exit: Option<Exit>,
}

impl Child {
    /// A process that has been asked for.
    pub(crate) fn new(id: u64, role: Role, zygote: u64) -> Self {
        Self {
            id,
            role,
            zygote,
            pidfd: OnceLock::new(),
            pid: OnceLock::new(),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// What it was asked for.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// The number of the zygote that forks it.
    pub(crate) fn zygote(&self) -> u64 {
        self.zygote
    }

    /// The host's number for it.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Its process id as the host sees it, 0 while it is not known.
    pub(crate) fn pid(&self) -> i32 {
        self.pid.get().copied().unwrap_or(0)
    }

    /// Its processor time so far, by the kernel's word; `None` where that cannot be known.
    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        cpu::of_process(self.pid())
    }

    /// It runs, and this is its pidfd.
    pub(crate) fn started(&self, pidfd: OwnedFd) {
        if let Some(pid) = pid_of(&pidfd) {
            let _ = self.pid.set(pid);
        }
        let _ = self.pidfd.set(pidfd);
        let mut state = self.lock();
        state.started = true;
        let kill = state.kill;
        drop(state);
        self.changed.notify_all();
        if kill {
            self.signal(Signal::KILL);
        }
    }

    /// Whether its pidfd, and with it its process id, is known.
    pub(crate) fn has_started(&self) -> bool {
        self.pidfd.get().is_some()
    }

    /// Waits until it is known whether it runs, at most `time`, and says so.
    pub(crate) fn wait_started(&self, time: Duration) -> bool {
        self.wait_for(time, |state| state.started || state.exit.is_some())
            .started
    }

    /// It ended.
    pub(crate) fn ended(&self, exit: Exit) {
        self.lock().exit.get_or_insert(exit);
        self.changed.notify_all();
    }

    /// How it ended, when it has.
    pub(crate) fn exit(&self) -> Option<Exit> {
        self.lock().exit
    }

    /// Waits for its end, at most `time`.
    pub(crate) fn wait(&self, time: Duration) -> Option<Exit> {
        self.wait_for(time, |state| state.exit.is_some()).exit
    }

    fn wait_for(&self, time: Duration, what: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let deadline = Instant::now() + time;
        let mut state = self.lock();
        while !what(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state
    }

    /// Asks the task that runs in it to look at the stop word.
    pub(crate) fn interrupt(&self) {
        self.signal(Signal::URG);
    }

    /// It ends by no fault of its tasks: somebody wished it, or it went down with its zygote, or did not come to be.
    pub(crate) fn excuse(&self) {
        self.lock().excused = true;
    }

    /// The system gave no process for it, and said why.
    pub(crate) fn refuse(&self, why: &str) {
        let mut state = self.lock();
        state.excused = true;
        state.refusal = Some(why.to_owned());
    }

    /// Why it did not come to be, when the system refused it.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.lock().refusal.clone()
    }

    /// Whether its end is nothing to hold against anybody.
    pub(crate) fn is_excused(&self) -> bool {
        self.lock().excused
    }

    /// Kills it, now or as soon as its pidfd is known.
    pub(crate) fn kill(&self) {
        self.lock().kill = true;
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        if let Some(pidfd) = self.pidfd.get() {
            // It has ended already when this fails.
            let _ = rustix::process::pidfd_send_signal(pidfd.as_fd(), signal);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The process id behind a pidfd, in this process's namespace: the number that the zygote knows is one of its own.
fn pid_of(pidfd: &OwnedFd) -> Option<i32> {
    use std::os::fd::AsRawFd;
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).ok()?;
    info.lines()
        .find_map(|line| line.strip_prefix("Pid:"))?
        .trim()
        .parse()
        .ok()
        .filter(|&pid| pid > 0)
}
